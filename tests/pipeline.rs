//! How a connection treats its requests, over real sockets, with scripted handlers behind it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use naru_broker::api::{Answer, CloseReason, ConnectionContext, Encoded};
use naru_broker::config::{AdvertiseReason, Advertised, HostPort, Listener};
use naru_broker::server::{Admission, Limits, Server, Service};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Longer than anything here takes; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers by script. A request is text: `ready X`, `pipelined GATE`, `barrier GATE`, `append GATE` (a barrier that
/// becomes a pipelined answer), `nothing`, `close`, `size N`. Futures wait until the test opens their gate.
#[derive(Clone, Default)]
struct Script {
    applied: Arc<Mutex<Vec<String>>>,
    gates: Arc<Mutex<HashMap<String, watch::Sender<bool>>>>,
}

impl Script {
    fn gate(&self, name: &str) -> watch::Sender<bool> {
        self.gates.lock().entry(name.to_owned()).or_insert_with(|| watch::Sender::new(false)).clone()
    }

    fn open(&self, name: &str) {
        self.gate(name).send_replace(true);
    }

    fn passed(&self, name: &str) -> impl Future<Output = Encoded> + Send + 'static {
        let (gate, response) = (self.gate(name), response(name.as_bytes()));
        async move {
            gate.subscribe().wait_for(|open| *open).await.expect("the gate is here");
            response
        }
    }

    fn applied(&self) -> Vec<String> {
        self.applied.lock().clone()
    }

    async fn wait_applied(&self, expected: &[&str]) {
        wait_for(&format!("{expected:?} applied"), || self.applied() == expected).await;
    }
}

impl Service for Script {
    fn call(&self, _: &Arc<ConnectionContext>, request: Bytes) -> Answer<Encoded> {
        let text = String::from_utf8_lossy(&request).into_owned();
        let (verb, argument) = text.split_once(' ').unwrap_or((&text, ""));
        self.applied.lock().push(text.chars().take(40).collect());
        match verb {
            "ready" => Answer::Ready(response(argument.as_bytes())),
            "pipelined" => Answer::pipelined(self.passed(argument)),
            "barrier" => Answer::barrier(self.passed(argument)),
            "append" => {
                let durable = self.passed(argument);
                Answer::Barrier(Box::pin(async move { Answer::pipelined(durable) }))
            }
            "nothing" => Answer::Nothing,
            "size" => {
                let shared = Bytes::from(vec![b'x'; argument.parse().expect("a number")]);
                Answer::Ready(
                    vec![Bytes::copy_from_slice(&(2 * shared.len() as u32).to_be_bytes()), shared.clone(), shared]
                        .into(),
                )
            }
            _ => Answer::Close(CloseReason::Unsupported { key: 999, version: 0 }),
        }
    }
}

fn response(text: &[u8]) -> Encoded {
    vec![Bytes::from(frame(text))].into()
}

fn frame(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text].concat()
}

async fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never came: {what}"));
}

struct Client(TcpStream);

impl Client {
    async fn connect(server: &Server) -> Self {
        Self(TcpStream::connect(server.listeners()[0].bound[0]).await.expect("the server listens"))
    }

    async fn send(&mut self, requests: &[&str]) {
        let wire: Vec<u8> = requests.iter().flat_map(|request| frame(request.as_bytes())).collect();
        self.0.write_all(&wire).await.expect("the server reads");
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the server reads");
    }

    async fn receive(&mut self) -> String {
        let received = tokio::time::timeout(PATIENCE, async {
            let length = self.0.read_u32().await?;
            let mut body = vec![0; length as usize];
            self.0.read_exact(&mut body).await?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&body).into_owned())
        });
        received.await.expect("an answer in time").expect("an answer")
    }

    async fn receive_all(&mut self, count: usize) -> Vec<String> {
        let mut answers = Vec::new();
        for _ in 0..count {
            answers.push(self.receive().await);
        }
        answers
    }

    async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match tokio::time::timeout(PATIENCE, self.0.read(&mut byte)).await.expect("an end in time") {
            Ok(read) => read == 0,
            Err(_) => true,
        }
    }
}

/// A listener on a free port.
fn loopback() -> Listener {
    let any_port = HostPort { host: "127.0.0.1".into(), port: 0 };
    let advertised = Advertised { host: "localhost".into(), port: None, reason: AdvertiseReason::Localhost };
    Listener { name: "PLAINTEXT".into(), bind: any_port, advertised }
}

async fn start(limits: Limits) -> (Server, Script) {
    let script = Script::default();
    let server = Server::start(&[loopback()], limits, script.clone()).await.expect("a free port");
    (server, script)
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_requests() {
    let (server, script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    client.send(&["pipelined a", "ready b", "pipelined c", "ready d"]).await;
    script.wait_applied(&["pipelined a", "ready b", "pipelined c", "ready d"]).await;
    script.open("c");
    script.open("a");
    assert_eq!(client.receive_all(4).await, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_request_that_waits_for_durability_lets_the_next_one_in() {
    let (server, script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    client.send(&["append one", "append two", "append three"]).await;
    script.wait_applied(&["append one", "append two", "append three"]).await;
    for gate in ["three", "two", "one"] {
        script.open(gate);
    }
    assert_eq!(client.receive_all(3).await, ["one", "two", "three"]);
}

#[tokio::test]
async fn nothing_behind_a_barrier_is_applied_before_it_is_answered() {
    let (server, script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    client.send(&["pipelined first", "barrier fetch", "ready after"]).await;
    script.wait_applied(&["pipelined first", "barrier fetch"]).await;
    script.open("first");
    assert_eq!(client.receive().await, "first");
    assert_eq!(script.applied(), ["pipelined first", "barrier fetch"]);
    script.open("fetch");
    assert_eq!(client.receive_all(2).await, ["fetch", "after"]);
}

#[tokio::test]
async fn a_barrier_holds_back_its_own_connection_only() {
    let (server, _script) = start(Limits::default()).await;
    let (mut waiting, mut other) = (Client::connect(&server).await, Client::connect(&server).await);
    waiting.send(&["barrier never"]).await;
    other.send(&["ready here"]).await;
    assert_eq!(other.receive().await, "here");
}

#[tokio::test]
async fn a_request_without_an_answer_sends_no_bytes() {
    let (server, _script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    client.send(&["nothing", "ready x", "nothing", "ready y"]).await;
    assert_eq!(client.receive_all(2).await, ["x", "y"]);
}

#[tokio::test]
async fn an_unanswerable_request_closes_after_what_came_before_it_is_answered() {
    let (server, script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    client.send(&["pipelined good", "close", "ready never"]).await;
    script.open("good");
    assert_eq!(client.receive().await, "good");
    assert!(client.is_closed().await);
    assert_eq!(script.applied(), ["pipelined good", "close"]);
}

#[tokio::test]
async fn a_lying_length_closes_the_connection_and_harms_nobody_else() {
    let (server, _script) = start(Limits { max_frame_bytes: 1000, ..Limits::default() }).await;
    let mut good = Client::connect(&server).await;
    for length in [-1, i32::MIN, 1001, i32::MAX] {
        let mut client = Client::connect(&server).await;
        client.send(&["ready before"]).await;
        client.raw(&length.to_be_bytes()).await;
        assert_eq!(client.receive().await, "before");
        assert!(client.is_closed().await, "length {length}");
    }
    good.send(&["ready alive"]).await;
    assert_eq!(good.receive().await, "alive");
}

#[tokio::test]
async fn a_dribbling_request_is_closed_after_its_deadline() {
    let (server, _script) = start(Limits { frame_progress: Duration::from_millis(200), ..Limits::default() }).await;
    let mut client = Client::connect(&server).await;
    let wire = frame(&[b'x'; 500]);
    let begun = tokio::time::Instant::now();
    let mut sent = 0;
    for byte in &wire {
        if client.0.write_all(&[*byte]).await.is_err() {
            break;
        }
        sent += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(client.is_closed().await);
    assert!(sent < wire.len(), "the whole request went in");
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_large_request_may_take_longer_than_the_deadline_while_it_makes_progress() {
    let (server, script) = start(Limits { frame_progress: Duration::from_millis(300), ..Limits::default() }).await;
    let mut client = Client::connect(&server).await;
    let body = [b"ready ".to_vec(), vec![b'x'; 800 << 10]].concat();
    for piece in frame(&body).chunks(100 << 10) {
        client.raw(piece).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(client.receive().await.len(), 800 << 10);
    assert_eq!(script.applied().len(), 1);
}

#[tokio::test]
async fn half_requests_cannot_use_up_the_memory_for_requests() {
    let limits = Limits { max_frame_bytes: 1 << 20, max_request_bytes: 0, ..Limits::default() };
    let (server, _script) = start(limits).await;
    // Two halves that together are more than the budget, then a third client.
    let body = [b"ready ".to_vec(), vec![b'x'; 1_000_000]].concat();
    let wire = frame(&body);
    let mut near = Client::connect(&server).await;
    near.raw(&wire[..900_000]).await;
    let mut far = Client::connect(&server).await;
    let mut rest = &wire[..400_000];
    // It is closed while it still sends.
    while let Ok(sent) = far.0.write(rest).await {
        rest = &rest[sent..];
        if rest.is_empty() {
            break;
        }
    }
    // Others ask for room, and are served.
    let mut good = Client::connect(&server).await;
    let asking = async {
        loop {
            good.send(&["ready good"]).await;
            assert_eq!(good.receive().await, "good");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        closed = far.is_closed() => assert!(closed, "the half request with the least progress is closed"),
        () = asking => {}
    }
    near.raw(&wire[900_000..]).await;
    assert_eq!(near.receive().await.len(), 1_000_000);
}

#[tokio::test]
async fn a_half_request_is_not_late_while_the_broker_itself_does_not_read() {
    let frame_progress = Duration::from_millis(200);
    let limits = Limits { max_frame_bytes: 1000, max_request_bytes: 0, frame_progress, ..Limits::default() };
    let (server, script) = start(limits).await;
    let (mut late, mut busy) = (Client::connect(&server).await, Client::connect(&server).await);
    let request = frame(b"ready in the end");
    late.raw(&request[..5]).await;
    // Requests that wait hold a little more than there is for all: a frame and a read buffer of 128 KiB.
    let waiting = frame(&[b"pipelined gate".to_vec(), vec![b' '; 982]].concat());
    busy.raw(&waiting.repeat(132)).await;
    wait_for("132 requests", || script.applied().len() == 132).await;
    busy.raw(&waiting).await;
    wait_for("133 requests", || script.applied().len() == 133).await;
    late.raw(&request[5..]).await;
    tokio::time::sleep(3 * frame_progress).await;
    assert_eq!(script.applied().len(), 133, "the late request is not read");
    script.open(&String::from_utf8_lossy(&waiting[14..]));
    assert_eq!(late.receive().await, "in the end");
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_being_served_and_is_closed() {
    let limits = Limits { write_progress: Duration::from_millis(300), max_output_bytes: 1000, ..Limits::default() };
    let (server, script) = start(limits).await;
    let mut client = Client::connect(&server).await;
    let requests = vec!["size 1000000"; 200];
    client.send(&requests).await;
    wait_for("the connection's end", || server.connections() == 0).await;
    assert!(script.applied().len() < 200, "requests were applied without bound");
}

#[tokio::test]
async fn a_response_of_many_shared_slices_arrives_whole() {
    let (server, _script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    let sizes: Vec<usize> = (0..300).map(|n| n * 37).chain([3_000_000]).collect();
    let requests: Vec<String> = sizes.iter().map(|size| format!("size {size}")).collect();
    client.send(&requests.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for size in sizes {
        assert_eq!(client.receive().await, "x".repeat(2 * size));
    }
}

#[tokio::test]
async fn waiting_requests_of_one_connection_are_bounded() {
    let (server, script) = start(Limits { max_pipelined_requests: 3, ..Limits::default() }).await;
    let mut client = Client::connect(&server).await;
    client.send(&["pipelined a", "pipelined b", "pipelined c", "pipelined d"]).await;
    script.wait_applied(&["pipelined a", "pipelined b", "pipelined c"]).await;
    script.open("a");
    script.wait_applied(&["pipelined a", "pipelined b", "pipelined c", "pipelined d"]).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_waiting_one_is_not() {
    let (server, script) = start(Limits { idle: Duration::from_millis(150), ..Limits::default() }).await;
    let (mut idle, mut waiting) = (Client::connect(&server).await, Client::connect(&server).await);
    waiting.send(&["barrier long"]).await;
    script.wait_applied(&["barrier long"]).await;
    assert!(idle.is_closed().await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    script.open("long");
    assert_eq!(waiting.receive().await, "long");
}

#[tokio::test]
async fn a_half_closed_client_still_gets_what_it_asked_for() {
    let (server, script) = start(Limits::default()).await;
    let mut client = Client::connect(&server).await;
    client.send(&["barrier slow", "ready last"]).await;
    client.0.shutdown().await.expect("half close");
    script.open("slow");
    assert_eq!(client.receive_all(2).await, ["slow", "last"]);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_vanished_client_does_not_keep_its_waiting_request() {
    let (server, script) = start(Limits { drain: Duration::from_millis(100), ..Limits::default() }).await;
    let mut client = Client::connect(&server).await;
    client.send(&["barrier never"]).await;
    script.wait_applied(&["barrier never"]).await;
    drop(client);
    wait_for("the connection's end", || server.connections() == 0).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_one_leaves() {
    let (server, _script) = start(Limits { admission: Arc::new(Admission::new(10, 1)), ..Limits::default() }).await;
    let mut first = Client::connect(&server).await;
    first.send(&["ready in"]).await;
    assert_eq!(first.receive().await, "in");
    assert!(Client::connect(&server).await.is_closed().await);
    drop(first);
    wait_for("room", || server.connections() == 0).await;
    let mut second = Client::connect(&server).await;
    second.send(&["ready in"]).await;
    assert_eq!(second.receive().await, "in");
}

#[tokio::test]
async fn shutdown_answers_what_is_in_flight_and_closes() {
    let (server, script) = start(Limits::default()).await;
    let (mut busy, mut idle) = (Client::connect(&server).await, Client::connect(&server).await);
    let address = server.listeners()[0].bound[0];
    busy.send(&["pipelined flush"]).await;
    idle.send(&["ready x"]).await;
    assert_eq!(idle.receive().await, "x");
    script.wait_applied_any("pipelined flush").await;
    let shutdown = tokio::spawn(server.shutdown());
    assert!(idle.is_closed().await);
    script.open("flush");
    assert_eq!(busy.receive().await, "flush");
    assert!(busy.is_closed().await);
    shutdown.await.expect("shutdown ends");
    assert!(TcpStream::connect(address).await.is_err(), "the listener is closed");
}

#[tokio::test]
async fn shutdown_waits_for_no_request_longer_than_the_drain_deadline() {
    let (server, script) = start(Limits { drain: Duration::from_millis(100), ..Limits::default() }).await;
    let mut client = Client::connect(&server).await;
    client.send(&["barrier never"]).await;
    script.wait_applied(&["barrier never"]).await;
    tokio::time::timeout(PATIENCE, server.shutdown()).await.expect("shutdown ends");
    assert!(client.is_closed().await);
}

impl Script {
    async fn wait_applied_any(&self, request: &str) {
        wait_for(request, || self.applied().iter().any(|applied| applied == request)).await;
    }
}
