//! Opening listeners.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use super::Limits;
use crate::api::Listener;
use crate::config;

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("listener {name} cannot be opened on {address}: {source}. {advice}")]
pub struct BindError {
    name: String,
    address: String,
    #[source]
    source: io::Error,
    advice: &'static str,
}

/// Binds every address that the listener's host has. Those of a protocol that this machine lacks are left out.
pub(super) async fn bind(
    config: &config::Listener,
    limits: &Limits,
) -> Result<(Vec<TcpListener>, Arc<Listener>), BindError> {
    let sockets = bind_all(&config.bind.host, config.bind.port, limits).await.map_err(|source| BindError {
        name: config.name.clone(),
        address: config.bind.to_string(),
        advice: advice(source.kind()),
        source,
    })?;
    let bound: Vec<SocketAddr> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
    let port = bound.first().map_or(config.bind.port, SocketAddr::port);
    let listener = Listener {
        name: config.name.as_str().into(),
        advertised: config.advertised_address(port),
        reason: config.advertised.reason.clone(),
        bound,
    };
    Ok((sockets, Arc::new(listener)))
}

/// Opens a socket for every address of a host; all of them get the same port.
pub(crate) async fn bind_all(host: &str, port: u16, limits: &Limits) -> io::Result<Vec<TcpListener>> {
    if host.parse() == Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        && let Ok(both) = listen((Ipv6Addr::UNSPECIFIED, port).into(), limits)
    {
        // Every address means both protocols, as it does to Kafka: `localhost` is often tried as ::1 first.
        return Ok(vec![both]);
    }
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut failure = None;
    for mut address in lookup_host((host, port)).await? {
        if let Some(first) = sockets.first() {
            address.set_port(first.local_addr()?.port());
        }
        match listen(address, limits) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => failure = Some(error),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => {
                failure = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match failure {
        Some(error) if sockets.is_empty() => Err(error),
        None if sockets.is_empty() => Err(io::Error::new(io::ErrorKind::NotFound, "the host name has no address")),
        _ => Ok(sockets),
    }
}

/// Connections inherit the buffers; they count from the handshake on, so they are set before it can happen.
fn listen(address: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart does not wait for the connections of the broker before it. Two sockets that let the system choose could so be
    // given the same port, and the second could not listen.
    socket.set_reuseaddr(address.port() != 0)?;
    if let Some(bytes) = limits.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = limits.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    socket.listen(limits.backlog)
}

fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => "Another process uses this port: stop it, or choose another with --listen",
        io::ErrorKind::PermissionDenied => "Ports below 1024 need privileges: choose a higher one with --listen",
        io::ErrorKind::AddrNotAvailable => "This machine does not have that address: try --listen 0.0.0.0:9092",
        _ => "Check the host name and the port given with --listen",
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt;

    use super::*;

    #[tokio::test]
    async fn connections_get_the_configured_buffers() {
        let limits =
            Limits { receive_buffer_bytes: Some(20_000), send_buffer_bytes: Some(30_000), ..Limits::default() };
        let sockets = bind_all("127.0.0.1", 0, &limits).await.unwrap();
        let address = sockets[0].local_addr().unwrap();
        let (_client, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), sockets[0].accept());
        let (connection, _) = accepted.unwrap();
        // Linux doubles what it is given, for its own accounting.
        assert_eq!(sockopt::socket_recv_buffer_size(&connection).unwrap(), 40_000);
        assert_eq!(sockopt::socket_send_buffer_size(&connection).unwrap(), 60_000);
    }
}
