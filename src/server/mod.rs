//! The server room: listeners, connections, and the pipeline from frames to answers.
//!
//! Bytes of sockets come in, answers of a [`Service`] go out. Each connection is one task that keeps its requests in
//! order; everything a client can ask for is bounded by [`Limits`]. What a request means is not known here.

mod accept;
mod bind;
mod budget;
mod buffers;
mod connection;
mod input;
mod limits;
mod output;
mod pipeline;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Answer, Chunks, ConnectionContext, Listener};
use crate::broker::Broker;
use crate::config;

pub use bind::BindError;
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
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> Answer<Chunks>;
}

impl Service for Arc<Broker> {
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> Answer<Chunks> {
        api::dispatch(self, connection, request)
    }
}

/// A server that accepts connections.
pub struct Server {
    listeners: Vec<Arc<Listener>>,
    acceptors: Vec<JoinHandle<()>>,
    occupancy: Arc<Occupancy>,
    shutdown: CancellationToken,
    drain: Duration,
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
        let shared = Arc::new(Shared { service, limits, budget, buffers, shutdown: shutdown.clone() });
        let mut listeners = Vec::with_capacity(opened.len());
        let mut acceptors = Vec::with_capacity(opened.len());
        for (sockets, listener) in opened {
            for socket in sockets {
                let (listener, shared, occupancy) =
                    (Arc::clone(&listener), Arc::clone(&shared), Arc::clone(&occupancy));
                acceptors.push(tokio::spawn(Acceptor { socket, listener, shared, occupancy }.run()));
            }
            listeners.push(listener);
        }
        Ok(Self { listeners, acceptors, occupancy, shutdown, drain })
    }

    /// The open listeners, in the order of their configuration.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.occupancy.total()
    }

    /// Stops accepting, answers what is in flight within [`Limits::drain`], and closes every connection.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        for acceptor in self.acceptors {
            // An acceptor that panicked has stopped accepting, too.
            let _ = acceptor.await;
        }
        // Connections keep the deadline themselves; the margin covers a busy machine.
        let _ = tokio::time::timeout(self.drain + Duration::from_secs(1), self.occupancy.empty()).await;
    }
}
