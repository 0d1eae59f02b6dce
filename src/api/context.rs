//! Who is asking, and through which door.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytestring::ByteString;

use crate::config::{AdvertiseReason, HostPort};
use crate::metadata::Charge;

use super::meter::Meter;

/// An open listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The listener's name, for example `PLAINTEXT`.
    pub name: Arc<str>,
    /// The addresses it is bound to: more than one where its host name has several. Their port is the real one even when
    /// 0 was asked for.
    pub bound: Vec<SocketAddr>,
    /// What it tells clients.
    pub advertised: HostPort,
    /// Why it tells them that.
    pub reason: AdvertiseReason,
}

/// One client connection.
#[derive(Debug)]
pub struct ConnectionContext {
    /// A number that no other connection of this process has.
    pub id: u64,
    /// The client's address.
    pub peer: SocketAddr,
    /// The listener that the connection came through.
    pub listener: Arc<Listener>,
    /// A pause that the server does not know of yet, in milliseconds.
    pause_ms: AtomicU64,
}

impl ConnectionContext {
    /// A connection with this number, from this address, through this listener.
    pub fn new(id: u64, peer: SocketAddr, listener: Arc<Listener>) -> Self {
        Self { id, peer, listener, pause_ms: AtomicU64::new(0) }
    }

    /// Makes the server read and apply nothing more of this connection for so long; of several pauses the longest counts.
    /// What is applied already is answered as ever (KIP-219).
    pub fn pause(&self, pause: Duration) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.pause_ms.fetch_max(pause_ms, Ordering::Relaxed);
    }

    /// The pause that was asked for since this was called last.
    pub fn take_pause(&self) -> Option<Duration> {
        if self.pause_ms.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(Duration::from_millis(self.pause_ms.swap(0, Ordering::Relaxed)))
    }

    /// The client's host as Kafka writes it in group descriptions: `/10.1.2.3`.
    pub fn client_host(&self) -> String {
        format!("/{}", self.peer.ip().to_canonical())
    }

    /// The client's IP address; IPv4 also where it came in through an IPv6 socket.
    pub fn client_ip(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }
}

/// One request: its connection and what its header says.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The connection that the request came in on.
    pub connection: Arc<ConnectionContext>,
    /// The client id of the header, if any.
    pub client_id: Option<ByteString>,
    /// The version of the API that the client speaks; the response has the same.
    pub version: i16,
    /// What the request counts for; `None` while nobody has a quota.
    pub(super) meter: Option<Arc<Meter>>,
}

/// The name of a user who did not say who he is.
pub const ANONYMOUS: &str = "ANONYMOUS";

impl RequestContext {
    /// The name of the user who asks: nobody logs in yet.
    pub fn user(&self) -> &'static str {
        ANONYMOUS
    }

    /// Counts partitions that the request creates or deletes, if there are quotas. A client that has used up its own is
    /// refused from this version on, and told to pause in older ones.
    pub(super) fn charge(&self, refused_since: i16) -> Option<Arc<Charge>> {
        let (meter, strict) = (self.meter.clone()?, self.version >= refused_since);
        Some(Arc::new(move |partitions| meter.mutate(partitions, strict)))
    }

    /// The address of this broker that this client is told.
    pub fn advertised(&self) -> HostPort {
        self.connection.listener.advertised.clone()
    }
}
