//! The server room: listeners, connections, and the pipeline from frames to answers.
//!
//! Bytes of sockets come in, answers of a [`Service`] go out. Each connection is one task that keeps its requests in
//! order; everything a client can ask for is bounded by [`Limits`]. What a request means is not known here.

mod accept;
mod budget;
mod buffers;
mod connection;
mod input;
mod limits;
mod output;
mod pipeline;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Advertised, Answer, Chunks, ConnectionContext, Listener};
use crate::broker::Broker;

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

/// A listener to open.
#[derive(Clone, Debug)]
pub struct ListenerSpec {
    /// Its name, for example `PLAINTEXT`.
    pub name: String,
    /// Host name or address to bind to.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// What clients are told.
    pub advertised: Advertised,
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("listener {name} cannot be opened on {host}:{port}: {source}. {advice}")]
pub struct BindError {
    name: String,
    host: String,
    port: u16,
    #[source]
    source: std::io::Error,
    advice: &'static str,
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
    pub async fn start<S: Service>(specs: &[ListenerSpec], limits: Limits, service: S) -> Result<Self, BindError> {
        let mut sockets = Vec::with_capacity(specs.len());
        for spec in specs {
            sockets.push(bind(spec).await?);
        }
        let occupancy = Arc::new(Occupancy::default());
        let shutdown = CancellationToken::new();
        let drain = limits.drain;
        // One largest frame must always fit, or it could never arrive.
        let budget = Budget::new(limits.max_request_bytes.max(limits.max_frame_bytes + buffers::READ_BUFFER));
        let buffers = BufferPool::default();
        let shared = Arc::new(Shared { service, limits, budget, buffers, shutdown: shutdown.clone() });
        let mut listeners = Vec::with_capacity(sockets.len());
        let mut acceptors = Vec::with_capacity(sockets.len());
        for (socket, listener) in sockets {
            let (shared, occupancy) = (Arc::clone(&shared), Arc::clone(&occupancy));
            listeners.push(Arc::clone(&listener));
            acceptors.push(tokio::spawn(Acceptor { socket, listener, shared, occupancy }.run()));
        }
        Ok(Self { listeners, acceptors, occupancy, shutdown, drain })
    }

    /// The open listeners, in the order of their specifications.
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

async fn bind(spec: &ListenerSpec) -> Result<(TcpListener, Arc<Listener>), BindError> {
    let bound = async {
        let socket = TcpListener::bind((spec.host.as_str(), spec.port)).await?;
        let address: SocketAddr = socket.local_addr()?;
        Ok((socket, address))
    };
    let (socket, bound) = bound.await.map_err(|source: std::io::Error| BindError {
        name: spec.name.clone(),
        host: spec.host.clone(),
        port: spec.port,
        advice: match source.kind() {
            std::io::ErrorKind::AddrInUse => "Another process uses this port: stop it, or choose another with --listen",
            std::io::ErrorKind::PermissionDenied => "Ports below 1024 need privileges: choose a higher one",
            std::io::ErrorKind::AddrNotAvailable => "This machine does not have that address: try 0.0.0.0 or localhost",
            _ => "Check the host name and the port given with --listen",
        },
        source,
    })?;
    let mut advertised = spec.advertised.clone();
    if let Advertised::Fixed(endpoint) = &mut advertised
        && endpoint.port == 0
    {
        endpoint.port = bound.port();
    }
    Ok((socket, Arc::new(Listener { name: spec.name.as_str().into(), bound, advertised })))
}
