//! The real program in a process of its own, which can be killed.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub struct BrokerProcess {
    child: Child,
    address: String,
    data: TempDir,
    settings: String,
}

impl BrokerProcess {
    /// Starts the program. The settings are `name=value`, between blanks.
    #[allow(dead_code, reason = "not every test binary needs real files")]
    pub fn start(settings: &str) -> Self {
        Self::start_in(TempDir::new().expect("a directory"), settings)
    }

    /// Starts the program with its files in memory, where making thousands of them takes no time.
    #[allow(dead_code, reason = "not every test binary makes thousands of files")]
    pub fn start_in_memory(settings: &str) -> Self {
        Self::start_in(TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory"), settings)
    }

    fn start_in(data: TempDir, settings: &str) -> Self {
        let (child, address) = spawn(data.path().to_path_buf(), settings);
        Self { child, address, data, settings: settings.to_owned() }
    }

    /// Kills it as `kill -9` does, and starts it again on the same data.
    #[allow(dead_code, reason = "not every test binary kills it")]
    pub fn kill_and_start_again(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        (self.child, self.address) = spawn(self.data.path().to_path_buf(), &self.settings);
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Resident memory in bytes; panics when the process is gone.
    #[allow(dead_code, reason = "not every test binary measures memory")]
    pub fn resident_bytes(&mut self) -> usize {
        assert!(self.child.try_wait().expect("a child").is_none(), "the broker ended");
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("resident memory");
        let kib: usize = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
        kib * 1024
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        // Already gone where a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(data: PathBuf, settings: &str) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naru"));
    command.arg("serve").arg("--listen").arg("127.0.0.1:0").arg("--data-dir").arg(data).env_remove("NARU_LOG");
    for setting in settings.split_whitespace().chain(["group.initial.rebalance.delay.ms=0"]) {
        command.arg("-X").arg(setting);
    }
    let mut child = command.stderr(Stdio::piped()).spawn().expect("naru runs");
    let mut printed = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("clients are told ") {
        line.clear();
        assert_ne!(printed.read_line(&mut line).expect("text"), 0, "naru ended before it was ready");
    }
    let address =
        line.split("clients are told ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address").to_owned();
    // The pipe stays open, so that printing on never fails.
    std::thread::spawn(move || printed.read_to_end(&mut Vec::new()));
    (child, address)
}
