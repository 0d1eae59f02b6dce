//! Who is asking, and through which door.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytestring::ByteString;

/// A host and a port, as told to clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A host name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_canonical().to_string(), port: address.port() }
    }
}

/// What a listener tells clients about where to find this broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advertised {
    /// One address for everybody.
    Fixed(Endpoint),
    /// The local address that the client's own connection reached. Right for a listener on all interfaces as long as
    /// nothing between client and broker translates addresses.
    AsReached,
}

/// An open listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The listener's name, for example `PLAINTEXT`.
    pub name: Arc<str>,
    /// The address it is bound to; the port is the real one even when 0 was asked for.
    pub bound: SocketAddr,
    /// What it tells clients.
    pub advertised: Advertised,
}

/// One client connection.
#[derive(Clone, Debug)]
pub struct ConnectionContext {
    /// A number that no other connection of this process has.
    pub id: u64,
    /// The client's address.
    pub peer: SocketAddr,
    /// The address that the client reached.
    pub local: SocketAddr,
    /// The listener that the connection came through.
    pub listener: Arc<Listener>,
}

impl ConnectionContext {
    /// The client's host as Kafka writes it in group descriptions: `/10.1.2.3`.
    pub fn client_host(&self) -> String {
        format!("/{}", self.peer.ip().to_canonical())
    }

    /// The client's IP address; IPv4 also where it came in through an IPv6 socket.
    pub fn client_ip(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    /// The address of this broker that Metadata tells this client.
    pub fn advertised(&self) -> Endpoint {
        match &self.listener.advertised {
            Advertised::Fixed(endpoint) => endpoint.clone(),
            Advertised::AsReached => self.local.into(),
        }
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
}
