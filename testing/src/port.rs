//! A port that stays ours while nobody listens on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A port on 127.0.0.1, kept by a socket that is bound and never listens.
///
/// While a broker is down, its port would be free for any process, and for the outgoing connections of this one: a client
/// that keeps trying would in the end be connected to itself. A bound socket prevents both and still refuses connections;
/// with `SO_REUSEADDR` on both sockets, a listener can be opened beside it.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    _reserved: TcpSocket,
}

impl Port {
    /// Any free port.
    pub(crate) fn reserve() -> io::Result<Self> {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self { address: socket.local_addr()?, _reserved: socket })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a listener on the port. Must be called within a runtime.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        bind(self.address)?.listen(BACKLOG)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_reserved_port_refuses_until_somebody_listens_and_again_afterwards() {
        let port = Port::reserve().unwrap();
        for _ in 0..3 {
            assert_eq!(TcpStream::connect(port.address()).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            let (_client, accepted) = tokio::join!(TcpStream::connect(port.address()), listener.accept());
            accepted.unwrap();
        }
    }

    #[test]
    fn a_reserved_port_is_in_use_for_all_who_do_not_ask_to_share_it() {
        let port = Port::reserve().unwrap();
        let stranger = TcpSocket::new_v4().unwrap();
        assert_eq!(stranger.bind(port.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
