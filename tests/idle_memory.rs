//! What an idle connection costs. Alone in its process, because it measures the process.

use std::sync::Arc;

use bytes::Bytes;
use naru_broker::api::{Answer, ConnectionContext, Encoded};
use naru_broker::config::{AdvertiseReason, Advertised, HostPort, Listener};
use naru_broker::server::{Limits, Server, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Echo;

impl Service for Echo {
    fn call(&self, _: &Arc<ConnectionContext>, request: Bytes) -> Answer<Encoded> {
        Answer::Ready(vec![Bytes::copy_from_slice(&(request.len() as u32).to_be_bytes()), request].into())
    }
}

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    pages * 4096
}

async fn connect_and_ask(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = [&1000_u32.to_be_bytes()[..], &[7; 1000]].concat();
    stream.write_all(&request).await.expect("the server reads");
    let mut answer = vec![0; request.len()];
    stream.read_exact(&mut answer).await.expect("an answer");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_connections_cost_little_memory() {
    let any_port = HostPort { host: "127.0.0.1".into(), port: 0 };
    let advertised = Advertised { host: "localhost".into(), port: None, reason: AdvertiseReason::Localhost };
    let listener = Listener { name: "PLAINTEXT".into(), bind: any_port, advertised };
    let server = Server::start(&[listener], Limits::default(), Echo).await.expect("a free port");
    let address = server.listeners()[0].bound[0];
    let mut clients = Vec::with_capacity(1100);
    for _ in 0..100 {
        clients.push(connect_and_ask(address).await);
    }
    let before = resident();
    for _ in 0..1000 {
        clients.push(connect_and_ask(address).await);
    }
    let each = resident().saturating_sub(before) / 1000;
    println!("{each} bytes for each idle connection and its client's end");
    assert!(each < 16 << 10, "{each} bytes for each idle connection");
    assert_eq!(server.connections(), clients.len());
}
