//! One client's connection, and the one to the broker behind it.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::conditions::Conditions;
use super::frames::{self, Frames, Request};
use super::traps::{Gate, Trap};

/// Frames that are under way in one direction.
const UNDER_WAY: usize = 1024;

/// A limited rate is kept by sending so many portions a second.
const PORTIONS: u64 = 50;

/// How a connection ends for the client.
enum End {
    /// With the end of the stream.
    Closed,
    /// With a reset.
    Reset,
}

/// A frame on its way.
#[derive(Default)]
struct Parcel {
    due: Option<Instant>,
    bytes: Bytes,
    gate: Option<Arc<Gate>>,
    /// The fault that happens with it.
    fault: Option<(End, watch::Sender<bool>)>,
}

impl Parcel {
    fn new(bytes: Bytes, delay: Duration) -> Self {
        let due = (!delay.is_zero()).then(|| Instant::now() + delay);
        Self { due, bytes, ..Self::default() }
    }
}

/// Serves one client until client, broker or a fault ends it.
pub(super) async fn serve(mut client: TcpStream, id: u64, shared: Arc<Shared>) {
    let mut conditions = shared.conditions.subscribe();
    let end = tokio::select! {
        end = relay(&mut client, id, &shared) => end,
        _ = conditions.wait_for(|conditions| conditions.cut_below > id) => End::Reset,
    };
    if matches!(end, End::Reset) {
        // A connection that is broken already needs no reset.
        let _ = client.set_zero_linger();
    }
    drop(client);
    shared.open.send_modify(|open| _ = open.remove(&id));
}

async fn relay(client: &mut TcpStream, id: u64, shared: &Shared) -> End {
    let Ok(mut broker) = TcpStream::connect(&shared.broker).await else { return End::Reset };
    if client.set_nodelay(true).and_then(|()| broker.set_nodelay(true)).is_err() {
        return End::Reset;
    }
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let unanswered = Mutex::default();
    tokio::select! {
        end = carry_requests(from_client, to_broker, shared, &unanswered) => end,
        end = carry_answers(from_broker, to_client, id, shared, &unanswered) => end,
    }
}

/// Requests that have no answer yet, oldest first.
type Unanswered = Mutex<VecDeque<Request>>;

async fn carry_requests(from: ReadHalf<'_>, mut to: WriteHalf<'_>, shared: &Shared, unanswered: &Unanswered) -> End {
    let (sender, mut parcels) = mpsc::channel(UNDER_WAY);
    let read = async move {
        let mut frames = Frames::new(from);
        while let Some(bytes) = frames.next().await? {
            let mut parcel = Parcel::new(bytes, shared.conditions.borrow().delay_requests);
            if let Some(request) = frames::request(&parcel.bytes) {
                unanswered.lock().unwrap_or_else(PoisonError::into_inner).push_back(request);
                if let Some(happened) = shared.traps.request(request.api, parcel.bytes.len()) {
                    parcel.bytes.clear();
                    parcel.fault = Some((End::Reset, happened));
                }
            }
            if sender.send(parcel).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    if let Some(end) = carry(read, deliver(&mut parcels, &mut to, shared.conditions.subscribe())).await {
        return end;
    }
    // The client sends nothing more; it may still read.
    if to.shutdown().await.is_err() { End::Closed } else { pending().await }
}

async fn carry_answers(
    from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    id: u64,
    shared: &Shared,
    unanswered: &Unanswered,
) -> End {
    let (sender, mut parcels) = mpsc::channel(UNDER_WAY);
    let read = async move {
        let mut frames = Frames::new(from);
        while let Some(bytes) = frames.next().await? {
            let request = frames::correlation_id(&bytes).and_then(|id| answered(unanswered, id));
            let mut parcel = Parcel::new(bytes, shared.conditions.borrow().delay_answers);
            if let Some(request) = request {
                let (trap, gate) = shared.traps.answer(request.api);
                parcel.gate = gate;
                parcel.spring(trap);
            }
            if sender.send(parcel).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let deliver = async {
        let mut conditions = shared.conditions.subscribe();
        tokio::select! {
            end = deliver(&mut parcels, &mut to, shared.conditions.subscribe()) => return end,
            _ = conditions.wait_for(|conditions| conditions.half_closed_below > id) => {}
        }
        if to.shutdown().await.is_err() {
            return Some(End::Closed);
        }
        while parcels.recv().await.is_some() {}
        None
    };
    carry(read, deliver).await.unwrap_or(End::Closed)
}

impl Parcel {
    fn spring(&mut self, trap: Option<Trap>) {
        match trap {
            None => {}
            Some(Trap::LoseAnswer { happened } | Trap::LoseRequest { happened }) => {
                self.bytes.clear();
                self.fault = Some((End::Reset, happened));
            }
            Some(Trap::CutAnswer { after_bytes, happened }) => {
                self.bytes.truncate(after_bytes);
                self.fault = Some((End::Closed, happened));
            }
        }
    }
}

/// The request that an answer belongs to. Older ones have no answer: answers come in the order of the requests.
fn answered(unanswered: &Unanswered, correlation_id: i32) -> Option<Request> {
    let mut unanswered = unanswered.lock().unwrap_or_else(PoisonError::into_inner);
    let at = unanswered.iter().position(|request| request.correlation_id == correlation_id)?;
    unanswered.drain(..=at).next_back()
}

/// Reads and delivers side by side. `None`: the stream has ended, and all of it was delivered.
async fn carry(read: impl Future<Output = io::Result<()>>, deliver: impl Future<Output = Option<End>>) -> Option<End> {
    let mut deliver = pin!(deliver);
    tokio::select! {
        read = read => if read.is_err() { return Some(End::Reset) },
        end = &mut deliver => return end,
    }
    deliver.await
}

async fn deliver(
    parcels: &mut mpsc::Receiver<Parcel>,
    to: &mut WriteHalf<'_>,
    mut conditions: watch::Receiver<Conditions>,
) -> Option<End> {
    while let Some(parcel) = parcels.recv().await {
        if let Some(due) = parcel.due {
            sleep_until(due).await;
        }
        if let Some(gate) = &parcel.gate {
            gate.passed().await;
        }
        let moves = conditions.wait_for(|conditions| !conditions.stalled).await.is_ok();
        if !moves || write(to, parcel.bytes, &conditions).await.is_err() {
            return Some(End::Reset);
        }
        if let Some((end, happened)) = parcel.fault {
            happened.send_replace(true);
            return Some(end);
        }
    }
    None
}

async fn write(to: &mut WriteHalf<'_>, mut bytes: Bytes, conditions: &watch::Receiver<Conditions>) -> io::Result<()> {
    while !bytes.is_empty() {
        let rate = conditions.borrow().bytes_per_second;
        if rate == 0 {
            return to.write_all(&bytes).await;
        }
        let portion = usize::try_from((rate / PORTIONS).max(1)).unwrap_or(usize::MAX).min(bytes.len());
        to.write_all(&bytes.split_to(portion)).await?;
        sleep(Duration::from_secs_f64(portion as f64 / rate as f64)).await;
    }
    Ok(())
}
