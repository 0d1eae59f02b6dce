//! `naru health` as an orchestrator meets it: its exit code, and a line that says why.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

fn naru(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naru"));
    command.args(arguments).env_remove("NARU_LOG").env_remove("NARU_BROKERS");
    command
}

/// The exit code and what was printed on both streams.
fn ended(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("naru runs");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&printed).into_owned())
}

struct Serving {
    child: Child,
    address: String,
    _data: TempDir,
}

fn serve() -> Serving {
    let data = TempDir::new().expect("a directory");
    let path = data.path().to_string_lossy().into_owned();
    let mut child = naru(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &path])
        .stderr(Stdio::piped())
        .spawn()
        .expect("naru runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut printed = String::new();
    while !printed.contains("kcat -b") {
        assert_ne!(stderr.read_line(&mut printed).expect("text"), 0, "naru ended: {printed}");
    }
    std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
    let address = printed.split("clients are told ").nth(1).and_then(|rest| rest.split(' ').next());
    Serving { address: address.expect("an address").to_owned(), child, _data: data }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_broker_that_serves_is_ready_however_it_is_named() {
    let broker = serve();
    let ready = (0, format!("{} is ready\n", broker.address));
    assert_eq!(ended(&mut naru(&["health", "-b", &broker.address])), ready);
    assert_eq!(ended(naru(&["health"]).env("NARU_BROKERS", format!("{},localhost:1", broker.address))), ready);
    assert_eq!(ended(naru(&["health"]).env("NARU_LISTEN", &broker.address)), ready);
    let everywhere = broker.address.replace("127.0.0.1", "IN=0.0.0.0");
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
