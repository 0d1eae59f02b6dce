//! The program as a process, for tests of its command line.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The program, without what the environment would tell it.
pub fn naru(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naru"));
    command.args(arguments).env_remove("NARU_LOG").env_remove("NARU_BROKERS");
    command
}

/// A broker on a free port, and what it printed when it was ready. Killed when dropped.
pub struct Serving {
    pub child: Child,
    pub printed: String,
    #[allow(dead_code, reason = "one program of tests looks into it, another only keeps it")]
    pub data: TempDir,
}

pub fn serve() -> Serving {
    serve_by(&mut naru(&[]))
}

/// What the command runs is the program, to which these arguments are added.
pub fn serve_by(command: &mut Command) -> Serving {
    let data = TempDir::new().expect("a directory");
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("naru runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut printed = String::new();
    while !printed.contains("naru consume") {
        assert_ne!(stderr.read_line(&mut printed).expect("text"), 0, "naru ended: {printed}");
    }
    // The pipe stays open, so that printing on never fails.
    std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
    Serving { child, printed, data }
}

impl Serving {
    /// Where clients are told to connect to.
    pub fn address(&self) -> &str {
        let behind = self.printed.split("clients are told ").nth(1).expect("a listener");
        behind.split(' ').next().expect("an address")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
