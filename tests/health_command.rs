//! `naru health` as an orchestrator meets it: its exit code, and a line that says why.

mod serving;

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use serving::{naru, serve};

/// The exit code and what was printed on both streams.
fn ended(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("naru runs");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn a_broker_that_serves_is_ready_however_it_is_named() {
    let broker = serve();
    let ready = (0, format!("{} is ready\n", broker.address()));
    assert_eq!(ended(&mut naru(&["health", "-b", broker.address()])), ready);
    assert_eq!(ended(naru(&["health"]).env("NARU_BROKERS", format!("{},localhost:1", broker.address()))), ready);
    assert_eq!(ended(naru(&["health"]).env("NARU_LISTEN", broker.address())), ready);
    let everywhere = broker.address().replace("127.0.0.1", "IN=0.0.0.0");
    assert_eq!(ended(naru(&["health"]).env("NARU_LISTEN", everywhere)), ready);
}

#[test]
fn a_port_without_a_broker_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let (code, printed) = ended(&mut naru(&["health", "-b", &port.to_string()]));
    assert_eq!(code, 5, "{printed}");
    assert!(printed.contains(&port.to_string()), "{printed}");
}

#[test]
fn a_server_that_says_nothing_times_out() {
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address: SocketAddr = mute.local_addr().expect("an address");
    let (code, printed) = ended(&mut naru(&["health", "-b", &address.to_string(), "--timeout", "1"]));
    assert_eq!(code, 6, "{printed}");
    assert!(printed.contains("did not answer within 1s"), "{printed}");
}

#[test]
fn wrong_usage_is_told_apart_from_a_broker_that_is_not_ready() {
    assert_eq!(ended(&mut naru(&["health", "--timeout", "0"])).0, 2);
    assert_eq!(ended(naru(&["health"]).env("NARU_LISTEN", "nonsense:port")).0, 2);
}
