//! A proxy between clients and one broker that makes the network fail on demand.
//!
//! It reads whole frames in both directions, so it knows which answer belongs to a request of which API. `conditions.rs` is
//! what holds until it is changed (delay, rate, stall), `traps.rs` what waits for the next request of an API (lose, cut,
//! hold), `connection.rs` where both are applied.

mod conditions;
mod connection;
mod frames;
mod traps;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use naru_protocol::ApiKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::port::Port;
use conditions::Conditions;
use traps::{Trap, Traps};

pub use traps::{Fault, Hold};

/// Stands between clients and a broker, and lets the network fail as it is told to.
///
/// ```
/// use std::time::Duration;
/// use naru_client::Record;
/// use naru_testing::{ApiKey, TestBroker};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), naru_client::Error> {
/// let broker = TestBroker::builder().through_proxy().start().await;
/// let network = broker.proxy();
/// let producer = broker.client().producer().build()?;
///
/// // A slow network, and a good one again:
/// network.delay_answers(Duration::from_millis(20));
/// producer.send(Record::to("orders").value("0")).await?;
/// network.heal().await;
///
/// // The broker appends the record, the client does not hear of it and sends it again; the broker knows it.
/// let lost = network.lose_answer(ApiKey::Produce);
/// let written = producer.send(Record::to("orders").value("1")).await?;
/// assert!(lost.has_happened());
/// assert_eq!(written.offset, 1);
/// # Ok(())
/// # }
/// ```
///
/// The broker must advertise the proxy's address, or clients go around it: a [`TestBroker`](crate::TestBroker) does with
/// [`through_proxy`](crate::TestBrokerBuilder::through_proxy); any other broker needs `advertised.listeners`.
///
/// While the broker is down, the proxy accepts connections and closes them at once.
/// Dropping the proxy closes everything; it does not block.
#[derive(Debug)]
pub struct FaultProxy {
    address: String,
    shared: Arc<Shared>,
    /// The proxy ends when this is dropped.
    _end: oneshot::Sender<()>,
}

/// What the handle, the acceptor and all connections share.
#[derive(Debug)]
struct Shared {
    broker: String,
    conditions: watch::Sender<Conditions>,
    traps: Traps,
    /// Ids of the open connections.
    open: watch::Sender<BTreeSet<u64>>,
    /// Connections accepted so far; the id of the next one.
    accepted: AtomicU64,
    /// Whether a listener is open.
    listening: watch::Sender<bool>,
}

impl FaultProxy {
    /// A proxy for the broker at `host:port`; it need not run yet.
    ///
    /// # Panics
    /// When the machine has no port or thread left.
    pub async fn start(broker: &str) -> Self {
        let port = Port::reserve().expect("a free port on 127.0.0.1");
        let address = port.address().to_string();
        let shared = Arc::new(Shared {
            broker: broker.to_owned(),
            conditions: watch::Sender::default(),
            traps: Traps::default(),
            open: watch::Sender::default(),
            accepted: AtomicU64::new(0),
            listening: watch::Sender::new(false),
        });
        let (end, ended) = oneshot::channel();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("naru-test-proxy".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime for the proxy").block_on(async {
                tokio::select! {
                    () = accept(port, &of_thread) => {}
                    _ = ended => {}
                }
            });
        });
        thread.expect("a thread for the proxy");
        let proxy = Self { address, shared, _end: end };
        proxy.until_listening(true).await;
        proxy
    }

    /// `host:port` for clients.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Requests reach the broker this much later, from now on.
    pub fn delay_requests(&self, delay: Duration) {
        self.shared.conditions.send_modify(|conditions| conditions.delay_requests = delay);
    }

    /// Answers reach the client this much later, from now on.
    pub fn delay_answers(&self, delay: Duration) {
        self.shared.conditions.send_modify(|conditions| conditions.delay_answers = delay);
    }

    /// Each direction of each connection carries at most so many bytes a second; 0 is no limit.
    pub fn limit_rate(&self, bytes_per_second: u64) {
        self.shared.conditions.send_modify(|conditions| conditions.bytes_per_second = bytes_per_second);
    }

    /// Connections are accepted and kept, and nothing moves in either direction; `false`: it moves again, nothing was lost.
    pub fn stall(&self, stall: bool) {
        self.shared.conditions.send_modify(|conditions| conditions.stalled = stall);
    }

    /// New connections are refused, as if nobody listened; those that are open stay. `false`: they are accepted again.
    /// In effect when this returns. Cancellation safe: it takes effect all the same.
    pub async fn refuse(&self, refuse: bool) {
        self.shared.conditions.send_modify(|conditions| conditions.refusing = refuse);
        self.until_listening(!refuse).await;
    }

    /// Resets every open connection, whatever is under way. Returns when all are gone. Cancellation safe: they are cut all
    /// the same.
    pub async fn cut(&self) {
        let next = self.accepted();
        self.shared.conditions.send_modify(|conditions| conditions.cut_below = next);
        let mut open = self.shared.open.subscribe();
        // The sender lives in `self`.
        let _ = open.wait_for(|open| open.first().is_none_or(|&oldest| oldest >= next)).await;
    }

    /// Half-closes every open connection: the client reads the end of the stream, what it sends still reaches the broker, and
    /// answers are thrown away.
    pub fn half_close(&self) {
        let next = self.accepted();
        self.shared.conditions.send_modify(|conditions| conditions.half_closed_below = next);
    }

    /// Ends delay, rate limit, stall and refusal, and disarms every fault that has not happened. Connections that were cut stay cut.
    pub async fn heal(&self) {
        self.shared.traps.disarm();
        self.shared.conditions.send_modify(Conditions::heal);
        self.until_listening(true).await;
    }

    /// The broker applies the next request of this API, its answer is thrown away, and the connection is reset: the client
    /// cannot know whether it was applied.
    pub fn lose_answer(&self, api: ApiKey) -> Fault {
        self.shared.traps.arm(api, |happened| Trap::LoseAnswer { happened })
    }

    /// The next request of this API never reaches the broker, and the connection is reset: to the client it looks like
    /// [`lose_answer`](Self::lose_answer), but nothing was applied.
    pub fn lose_request(&self, api: ApiKey) -> Fault {
        self.shared.traps.arm(api, |happened| Trap::LoseRequest { happened })
    }

    /// Of the next answer of this API only the first bytes arrive (its length prefix of four bytes counts), then the connection
    /// closes. An answer that is not longer arrives whole.
    pub fn cut_answer(&self, api: ApiKey, after_bytes: usize) -> Fault {
        self.shared.traps.arm(api, |happened| Trap::CutAnswer { after_bytes, happened })
    }

    /// Answers of this API, and all behind them on the same connection, are kept back until the [`Hold`] is dropped. The broker
    /// has applied the requests.
    pub fn hold_answers(&self, api: ApiKey) -> Hold {
        self.shared.traps.hold(api)
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.shared.open.borrow().len()
    }

    /// Connections that were accepted since the start.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Requests of this API that have come in since the start.
    pub fn requests(&self, api: ApiKey) -> u64 {
        self.shared.traps.requests(api).count
    }

    /// Bytes of the requests of this API that have come in since the start, with their length prefixes.
    pub fn request_bytes(&self, api: ApiKey) -> u64 {
        self.shared.traps.requests(api).bytes
    }

    async fn until_listening(&self, wanted: bool) {
        // The sender lives in `self`.
        let _ = self.shared.listening.subscribe().wait_for(|&listening| listening == wanted).await;
    }
}

/// Accepts connections, and refuses them by not listening.
async fn accept(port: Port, shared: &Arc<Shared>) {
    let mut conditions = shared.conditions.subscribe();
    let mut connections = JoinSet::new();
    loop {
        let listener = port.listen().expect("a listener on a port that is reserved");
        shared.listening.send_replace(true);
        loop {
            tokio::select! {
                biased;
                _ = conditions.wait_for(|conditions| conditions.refusing) => break,
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    connections.spawn(shared.admit(client));
                },
                Some(_) = connections.join_next() => {}
            }
        }
        // Whoever has connected is not refused any more.
        for client in waiting(listener) {
            connections.spawn(shared.admit(client));
        }
        shared.listening.send_replace(false);
        // Connections go on while new ones are refused: they are tasks of their own.
        if conditions.wait_for(|conditions| !conditions.refusing).await.is_err() {
            return;
        }
    }
}

/// Connections that are made but not accepted yet; the listener is closed.
fn waiting(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    accepted
        .filter_map(|(client, _)| client.set_nonblocking(true).and_then(|()| TcpStream::from_std(client)).ok())
        .collect()
}

impl Shared {
    fn admit(self: &Arc<Self>, client: TcpStream) -> impl Future<Output = ()> + use<> {
        // Counted before it is shown: whoever sees it open and cuts what was accepted so far cuts it, too.
        let id = self.accepted.fetch_add(1, Ordering::SeqCst);
        self.open.send_modify(|open| _ = open.insert(id));
        connection::serve(client, id, Arc::clone(self))
    }
}
