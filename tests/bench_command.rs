//! `naru bench` against a broker: the figures it gives, and what it leaves behind.

use std::time::{Duration, Instant};

use serde_json::Value;

mod serving;

use serving::{naru, serve};

fn measure(run: &str, address: &str, flags: &[&str]) -> Value {
    let always =
        ["bench", run, "-b", address, "--duration", "1", "--warm-up", "0", "--partitions", "2", "--format", "json"];
    let output = naru(&always).args(flags).output().expect("naru runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn topics(address: &str) -> String {
    let output = naru(&["topic", "list", "-b", address]).output().expect("naru runs");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_run_tells_what_was_asked_what_came_out_and_leaves_no_topic() {
    let broker = serve();
    let address = broker.address();
    let pid = broker.child.id().to_string();

    let flags = ["--size", "200", "-z", "lz4", "--clients", "2", "--acks", "1", "--pid", &pid];
    let produced = measure("produce", address, &flags);
    let load =
        [("record_size", Value::from(200)), ("codec", "lz4".into()), ("clients", 2.into()), ("acks", "1".into())];
    for (name, value) in load {
        assert_eq!(produced["load"][name], value, "{name}");
    }
    let consumed = measure("consume", address, &["--size", "1000"]);
    let latency = measure("latency", address, &["--rate", "500"]);
    for report in [&produced, &consumed, &latency] {
        assert!(report["records"].as_u64() > Some(0), "{report}");
        assert_eq!(report["failed"], 0, "{report}");
    }
    assert!(produced["broker"]["cpu_seconds"].as_f64() >= Some(0.0), "{produced}");
    assert!(consumed["broker"].is_null(), "{consumed}");
    for report in [&produced, &latency] {
        assert!(report["latency_ms"]["p50"].as_f64() <= report["latency_ms"]["max"].as_f64(), "{report}");
    }
    assert_eq!(topics(address), "");
}

#[test]
fn a_run_that_is_interrupted_deletes_its_topic() {
    let broker = serve();
    let run = ["bench", "produce", "-b", broker.address(), "--duration", "600", "--rate", "10", "--quiet"];
    let mut child = naru(&run).spawn().expect("naru runs");
    let deadline = Instant::now() + Duration::from_secs(20);
    let wait = || {
        assert!(Instant::now() < deadline, "too late");
        std::thread::sleep(Duration::from_millis(5));
    };
    while !topics(broker.address()).contains("naru-bench") {
        wait();
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .expect("a signal");
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None => wait(),
        }
    };
    assert_eq!(status.code(), Some(1));
    assert_eq!(topics(broker.address()), "");
}
