//! Accepting connections: limits, socket options, and surviving a lack of descriptors.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::api::{ConnectionContext, Listener};

use super::Service;
use super::connection::{Connection, Shared};
use crate::measure::Counter;

/// A pause after a failed accept: without descriptors (EMFILE) accepting fails at once, again and again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A peer that vanished without a word is noticed after this time of silence ...
const KEEP_ALIVE_IDLE: Duration = Duration::from_mins(1);
/// ... and this many probes, this far apart.
const KEEP_ALIVE_PROBES: u32 = 3;
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

static NEXT_CONNECTION: AtomicU64 = AtomicU64::new(1);

/// Accepts the connections of one socket.
pub(super) struct Acceptor<S> {
    pub(super) socket: TcpListener,
    pub(super) listener: Arc<Listener>,
    pub(super) shared: Arc<Shared<S>>,
    pub(super) occupancy: Arc<Occupancy>,
}

impl<S: Service> Acceptor<S> {
    /// Runs until shutdown, and then until the last of its connections has ended. Dropped before that, the connections
    /// are closed as they are.
    pub(super) async fn run(self) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.shared.shutdown.cancelled() => break,
                accepted = self.socket.accept() => accepted,
                // A connection that panicked has ended, too.
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &mut connections),
                // The client went away before it was accepted: nothing to wait for.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(listener = %self.listener.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        while connections.join_next().await.is_some() {}
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
        let (total, each_ip) = self.shared.limits.admission.bounds(peer.ip());
        let place = match self.occupancy.enter(peer.ip(), total, each_ip) {
            Ok(place) => place,
            Err(full) => {
                self.occupancy.refused.add(1);
                tracing::warn!(%peer, %full, "connection refused");
                return;
            }
        };
        let wait = self.shared.service.hold_up(peer.ip());
        if !wait.is_zero() {
            self.occupancy.refused.add(1);
            tracing::debug!(%peer, "the address connects too often (connection_creation_rate)");
            let shutdown = self.shared.shutdown.clone();
            // Held, not refused at once: who tries again at once would come all the more often.
            connections.spawn(async move {
                let _ = tokio::time::timeout(wait, shutdown.cancelled()).await;
                drop((stream, place));
            });
            return;
        }
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%peer, %error, "the connection broke before it began");
            return;
        }
        self.occupancy.accepted.add(1);
        let id = NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed);
        let context = ConnectionContext::new(id, peer, Arc::clone(&self.listener));
        let connection = Connection::new(Arc::clone(&self.shared), context, stream);
        tracing::debug!(%peer, listener = %self.listener.name, "connected");
        connections.spawn(async move {
            let closed = connection.run().await;
            if closed.is_own_fault() {
                tracing::error!(%peer, reason = %closed, "a request could not be answered");
            }
            tracing::debug!(%peer, reason = %closed, "disconnected");
            drop(place);
        });
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEP_ALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_PROBES)?;
    Ok(())
}

/// Who is connected.
#[derive(Default)]
pub(super) struct Occupancy {
    seats: Mutex<Seats>,
    /// Connections that got a place.
    pub(super) accepted: Counter,
    /// Connections that got none.
    pub(super) refused: Counter,
}

#[derive(Default)]
struct Seats {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Why nobody else is let in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("the broker has its {0} connections (max.connections)")]
    Broker(usize),
    #[error("this address has its {0} connections (max.connections.per.ip)")]
    Address(usize),
}

/// A connection's place; dropping it makes room.
pub(super) struct Place {
    occupancy: Arc<Occupancy>,
    ip: IpAddr,
}

impl Occupancy {
    pub(super) fn total(&self) -> usize {
        self.seats.lock().total
    }

    fn enter(self: &Arc<Self>, ip: IpAddr, max: usize, max_per_ip: usize) -> Result<Place, Full> {
        let mut seats = self.seats.lock();
        if seats.total >= max {
            return Err(Full::Broker(max));
        }
        let of_ip = seats.by_ip.entry(ip).or_default();
        if *of_ip >= max_per_ip {
            return Err(Full::Address(max_per_ip));
        }
        *of_ip += 1;
        seats.total += 1;
        Ok(Place { occupancy: Arc::clone(self), ip })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut seats = self.occupancy.seats.lock();
        seats.total -= 1;
        if let Some(of_ip) = seats.by_ip.get_mut(&self.ip) {
            *of_ip -= 1;
            if *of_ip == 0 {
                seats.by_ip.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_the_broker_have_their_own_limits_and_places_come_back() {
        let occupancy = Arc::new(Occupancy::default());
        let [a, b, c] = [1, 2, 3].map(|n| IpAddr::from([127, 0, 0, n]));
        let first = occupancy.enter(a, 2, 1).ok();
        assert_eq!(occupancy.enter(a, 2, 1).err(), Some(Full::Address(1)));
        let second = occupancy.enter(b, 2, 1).ok();
        assert_eq!(occupancy.enter(c, 2, 1).err(), Some(Full::Broker(2)));
        drop((first, second));
        assert_eq!(occupancy.total(), 0);
        assert!(occupancy.enter(c, 2, 1).is_ok());
    }
}
