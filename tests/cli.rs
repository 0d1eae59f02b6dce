//! The program as a user meets it: what it prints, when it ends, and with which code.

mod serving;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serving::{Serving, naru, serve, serve_by};
use tempfile::TempDir;

fn output(arguments: &[&str]) -> Output {
    naru(arguments).output().expect("naru runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Serving {
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success());
    }

    fn ended(&mut self) -> i32 {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code().expect("an exit code");
            }
            assert!(Instant::now() < deadline, "naru goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn the_first_lines_say_where_it_listens_what_it_advertises_and_what_to_try() {
    let serving = serve();
    for part in ["ready in", "PLAINTEXT on 127.0.0.1:", "clients are told 127.0.0.1:", "naru produce -b 127.0.0.1:"] {
        assert!(serving.printed.contains(part), "{part:?} is missing in {}", serving.printed);
    }
}

#[test]
fn a_signal_stops_it_with_code_0() {
    for signal in ["TERM", "INT"] {
        let mut serving = serve();
        serving.signal(signal);
        assert_eq!(serving.ended(), 0, "{signal}");
    }
}

#[test]
fn as_many_files_may_be_open_as_the_hard_limit_says() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -n 200 && ulimit -H -n 300 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_naru")]);
    let serving = serve_by(shell.env_remove("NARU_LOG").env_remove("NARU_BROKERS"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.child.id())).expect("Linux");
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit of files");
    assert_eq!(open_files.split_whitespace().skip(3).collect::<Vec<_>>(), ["300", "300", "files"]);
}

#[test]
fn a_port_in_use_is_a_failure_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let data = TempDir::new().expect("a directory");
    let output = output(&["--listen", &address, "--data-dir", &data.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains(&address) && error.contains("Another process uses this port"), "{error}");
}

#[test]
fn a_wrong_setting_is_a_usage_error_with_the_nearest_name() {
    for arguments in [&["-X", "num.partition=3"][..], &["config", "-X", "num.partition=3"]] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("did you mean num.partitions?"), "{}", text(&output.stderr));
    }
    let output = naru(&["config"]).env("NARU_NUM_PARTITIONS", "many").output().expect("naru runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("num.partitions"), "{}", text(&output.stderr));
}

#[test]
fn wrong_flags_are_usage_errors() {
    for arguments in
        [&["--no-such-flag"][..], &["no-such-command"], &["--workers", "0"], &["--log", "a=b=c"], &["-X", "x"]]
    {
        assert_eq!(output(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_settings_show_their_values_and_who_set_them() {
    let output = naru(&["config", "num.partitions", "-X", "num.partitions=7"])
        .env("NARU_NUM_PARTITIONS", "6")
        .output()
        .expect("naru runs");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("num.partitions = 7    # -X"), "{}", text(&output.stdout));
    let output = naru(&["config", "num.partitions"]).env("NARU_NUM_PARTITIONS", "6").output().expect("naru runs");
    assert!(text(&output.stdout).contains("num.partitions = 6    # NARU_NUM_PARTITIONS"), "{}", text(&output.stdout));
}

#[test]
fn version_and_help_succeed() {
    let version = output(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(text(&version.stdout).starts_with("naru 0."));
    let help = output(&["serve", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("--advertise") && text(&help.stdout).contains("Examples:"));
}

/// What commands print, word for word: `tests/cli/`. `TRYCMD=overwrite` writes what they print now; look at the difference.
#[test]
fn commands_print_what_they_are_known_to_print() {
    let serving = serve();
    let cases = trycmd::TestCases::new();
    cases
        .env("NARU_BROKERS", serving.address())
        .env("NARU_DATA_DIR", serving.data.path().to_string_lossy())
        .env("TZ", "UTC")
        .insert_var("[BROKER]", serving.address().to_owned())
        .expect("a legal variable")
        .insert_var("[PORT]", serving.address().rsplit(':').next().expect("a port").to_owned())
        .expect("a legal variable")
        .insert_var("[DATA]", serving.data.path().to_string_lossy().into_owned())
        .expect("a legal variable")
        .case("tests/cli/*.trycmd")
        .case("docs/command-line.md");
    cases.run();
}

/// A command that runs until it is told to stop.
struct Running {
    child: Child,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self { child: child.expect("naru runs") }
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().expect("kill runs").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until the answer is as it should be.
fn wait_for(what: &str, mut ask: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !ask() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_produce_writes_what_it_has_read() {
    let serving = serve();
    let broker = ["-b", serving.address()];
    let mut running = Running::start({
        let mut command = naru(&["produce", "typed"]);
        command.args(broker);
        command
    });
    let stdin = running.child.stdin.as_mut().expect("piped");
    stdin.write_all(b"one\ntwo\nhalf a li").expect("naru reads");
    wait_for("two lines are written", || {
        let seen = output(&[&["consume", "typed", "-eq"][..], &broker].concat());
        text(&seen.stdout) == "one\ntwo\n"
    });
    running.interrupt();
    let mut said = String::new();
    running.child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(running.child.wait().expect("a child").code(), Some(0), "{said}");
    assert!(said.starts_with("2 records written to typed in "), "{said}");
}

#[test]
fn an_interrupted_consume_commits_what_it_wrote_and_leaves_its_group() {
    let serving = serve();
    let broker = ["-b", serving.address()];
    let orders = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/orders.txt");
    assert_eq!(output(&[&["produce", "orders", orders][..], &broker].concat()).status.code(), Some(0));
    let mut running = Running::start({
        let mut command = naru(&["consume", "orders", "-g", "billing"]);
        command.args(broker);
        command
    });
    let mut lines = BufReader::new(running.child.stdout.take().expect("piped")).lines();
    for _ in 0..4 {
        lines.next().expect("a record").expect("text");
    }
    running.interrupt();
    assert_eq!(running.child.wait().expect("a child").code(), Some(0));
    let group = output(&[&["group", "describe", "billing"][..], &broker].concat());
    assert_eq!(text(&group.stdout), "billing\torders\t0\t4\t4\t0\t-\n");
    // Nobody is in it any more, so that its offsets can be set at once.
    let reset = output(&[&["group", "reset", "billing", "--to", "start", "--yes"][..], &broker].concat());
    assert_eq!(text(&reset.stdout), "billing\torders\t0\t4\t0\n", "{}", text(&reset.stderr));
}

#[test]
fn a_broker_that_goes_away_fails_the_records_by_name() {
    let mut serving = serve();
    let address = serving.address().to_owned();
    let mut running = Running::start(naru(&["produce", "orders", "-b", &address, "--timeout", "1"]));
    let mut stdin = running.child.stdin.take().expect("piped");
    stdin.write_all(b"one\n").expect("naru reads");
    wait_for("a line is written", || text(&output(&["consume", "orders", "-eq", "-b", &address]).stdout) == "one\n");
    serving.signal("KILL");
    assert!(serving.child.wait().is_ok());
    stdin.write_all(b"two\nthree\n").expect("naru reads");
    assert_eq!(running.child.wait().expect("a child").code(), Some(6));
    let mut said = String::new();
    running.child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(said.starts_with("1 record written") && said.contains("naru: line 2: "), "{said}");
}

#[test]
fn a_dump_shows_damage_and_everything_else() {
    let mut serving = serve();
    let (address, data) = (serving.address().to_owned(), serving.data.path().to_string_lossy().into_owned());
    for value in ["first", "second", "third"] {
        let mut running = Running::start(naru(&["produce", "orders", "-b", &address]));
        running.child.stdin.take().expect("piped").write_all(value.as_bytes()).expect("naru reads");
        assert_eq!(running.child.wait().expect("a child").code(), Some(0));
    }
    let dump = |what: &str| output(&["log", "dump", &data, "-t", "orders", "-s", what, "-J"]);
    let beside = dump("records");
    assert_eq!(beside.status.code(), Some(0), "beside a running broker: {}", text(&beside.stderr));
    serving.signal("TERM");
    assert_eq!(serving.ended(), 0);

    let log = serving.data.path().join("orders-0/00000000000000000000.log");
    let mut bytes = std::fs::read(&log).expect("a segment");
    let at = bytes.windows(6).position(|window| window == b"second").expect("the second record");
    bytes[at] = b'S';
    std::fs::write(&log, bytes).expect("a segment");
    let dumped = dump("records");
    assert_eq!(dumped.status.code(), Some(1));
    let shown = text(&dumped.stdout);
    assert!(shown.contains("\"value\":\"first\"") && shown.contains("\"value\":\"third\""), "{shown}");
    assert!(shown.contains("\"damage\":\"the checksum of the batch at offset 1 is wrong\""), "{shown}");
    assert!(text(&dumped.stderr).contains("1 damaged place found"), "{}", text(&dumped.stderr));

    std::fs::write(&log, b"not a log at all, but long enough to hold the header of a batch").expect("a segment");
    for what in ["segments", "batches", "records", "indexes", "snapshots", "epochs"] {
        let code = dump(what).status.code();
        assert!(matches!(code, Some(0 | 1)), "{what}: {code:?}");
    }
    assert!(
        text(&dump("segments").stdout).contains("\"damage\":\"record format"),
        "{}",
        text(&dump("segments").stdout)
    );
}

#[test]
fn a_broker_that_does_not_answer_is_a_time_out() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound").to_string();
    let output = output(&["cluster", "info", "-b", &address, "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--timeout gives it more time"), "{}", text(&output.stderr));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let output = output(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("describe"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = naru(&["config"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("naru runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("a child");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
