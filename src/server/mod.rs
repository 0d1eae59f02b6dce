//! The server room: listeners, connections, and the pipeline from frames to answers.
//!
//! Bytes of sockets come in, answers of a [`Service`] go out. Each connection is one task that keeps its requests in
//! order; everything a client can ask for is bounded by [`Limits`]. What a request means is not known here.

mod accept;
mod admission;
mod bind;
mod budget;
mod buffers;
mod connection;
mod input;
mod limits;
mod output;
mod pipeline;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Answer, ConnectionContext, Encoded, Listener};
use crate::broker::{Broker, Served};
use crate::config;

pub use admission::Admission;
pub use bind::BindError;
pub(crate) use bind::bind_all;
pub use input::FrameError;
pub use limits::Limits;

use accept::{Acceptor, Occupancy};
use budget::Budget;
use buffers::BufferPool;
use connection::Shared;

/// What stands behind the connections.
pub trait Service: Send + Sync + 'static {
    /// Applies one request: a frame without its length. Never blocks the thread.
    ///
    /// A future in the answer is dropped when its connection breaks; work that must be finished regardless belongs into
    /// a task of its own.
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> Answer<Encoded>;

    /// Somebody connects: how long to hold the connection before it is closed unserved; zero lets it in.
    fn hold_up(&self, _address: IpAddr) -> Duration {
        Duration::ZERO
    }

    /// A request is done with: for whoever counts. Called once for each request, on the hot path.
    fn served(&self, _connection: &ConnectionContext, _request: &Served) {}
}

impl Service for Arc<Broker> {
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> Answer<Encoded> {
        api::dispatch(self, connection, request)
    }

    fn hold_up(&self, address: IpAddr) -> Duration {
        let Some(quotas) = self.metadata().client_quotas() else { return Duration::ZERO };
        self.usage().connect(&quotas, address, self.monotonic_ms())
    }

    fn served(&self, connection: &ConnectionContext, request: &Served) {
        self.traffic.record(connection.id, request);
    }
}

/// A server that accepts connections. Dropped without [`Server::shutdown`], it hangs up at once and answers nobody.
pub struct Server {
    listeners: Vec<Arc<Listener>>,
    acceptors: JoinSet<()>,
    occupancy: Arc<Occupancy>,
    budget: Arc<Budget>,
    shutdown: CancellationToken,
    drain: Duration,
}

/// How busy a server is. A handle that outlives it.
#[derive(Clone)]
pub struct Load {
    occupancy: Arc<Occupancy>,
    budget: Arc<Budget>,
}

impl Load {
    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.occupancy.total()
    }

    /// Connections let in since the start.
    pub fn accepted(&self) -> u64 {
        self.occupancy.accepted.get()
    }

    /// Connections turned away since the start, because of `max.connections`, `max.connections.per.ip` or the quota of an
    /// address.
    pub fn refused(&self) -> u64 {
        self.occupancy.refused.get()
    }

    /// Bytes of requests in memory now, half arrived ones included (`queued.max.request.bytes` is their limit).
    pub fn request_bytes(&self) -> usize {
        self.budget.used()
    }
}

impl Server {
    /// Opens the listeners and serves their connections on the current runtime.
    pub async fn start<S: Service>(
        configs: &[config::Listener],
        limits: Limits,
        service: S,
    ) -> Result<Self, BindError> {
        let mut opened = Vec::with_capacity(configs.len());
        for config in configs {
            opened.push(bind::bind(config, &limits).await?);
        }
        let occupancy = Arc::new(Occupancy::default());
        let shutdown = CancellationToken::new();
        let drain = limits.drain;
        // One largest frame must always fit, or it could never arrive.
        let budget = Budget::new(limits.max_request_bytes.max(limits.max_frame_bytes + buffers::READ_BUFFER));
        let buffers = BufferPool::default();
        let shared =
            Arc::new(Shared { service, limits, budget: Arc::clone(&budget), buffers, shutdown: shutdown.clone() });
        let mut listeners = Vec::with_capacity(opened.len());
        let mut acceptors = JoinSet::new();
        for (sockets, listener) in opened {
            for socket in sockets {
                let (listener, shared, occupancy) =
                    (Arc::clone(&listener), Arc::clone(&shared), Arc::clone(&occupancy));
                acceptors.spawn(Acceptor { socket, listener, shared, occupancy }.run());
            }
            listeners.push(listener);
        }
        Ok(Self { listeners, acceptors, occupancy, budget, shutdown, drain })
    }

    /// The open listeners, in the order of their configuration.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.occupancy.total()
    }

    /// How busy it is, now and later.
    pub fn load(&self) -> Load {
        Load { occupancy: Arc::clone(&self.occupancy), budget: Arc::clone(&self.budget) }
    }

    /// Stops accepting, answers what is in flight within [`Limits::drain`], and closes every connection.
    pub async fn shutdown(mut self) {
        self.shutdown.cancel();
        // An acceptor that panicked has stopped accepting, too.
        let ended = async { while self.acceptors.join_next().await.is_some() {} };
        // Connections keep the deadline themselves; the margin covers a busy machine.
        let _ = tokio::time::timeout(self.drain + Duration::from_secs(1), ended).await;
    }
}
