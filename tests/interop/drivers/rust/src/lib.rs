//! What the drivers of Rust clients have in common: their arguments, the records of `records.tsv`, waiting, the answer,
//! and the scenarios that need no more of a client than the trait [`Client`].

mod groups;
mod scenarios;

pub use groups::{Account, Member, Membership, group, group_static};
pub use scenarios::{Client, Producer, Reader, Received, Sending, codecs, idempotent, read, restart};

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::io::AsyncBufReadExt as _;

/// Nothing, or what went wrong.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a condition may take.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Partitions of a group's topic.
pub const PARTITIONS: i32 = 6;

/// Ends a scenario with an error, unless the condition holds.
#[macro_export]
macro_rules! check {
    ($holds:expr, $($text:tt)*) => {
        if !$holds {
            return Err(format!($($text)*).into());
        }
    };
}

/// The arguments of a driver.
#[derive(Clone)]
pub struct Arguments {
    pub bootstrap: String,
    pub scenario: String,
    /// The start of all names of topics and groups.
    pub prefix: String,
    records: String,
}

/// A record of `records.tsv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Sample {
    /// A record with a value and nothing else.
    pub fn value(value: &str) -> Self {
        Self { key: None, value: Some(value.into()), headers: Vec::new() }
    }
}

impl Arguments {
    /// The four arguments of the command line.
    pub fn read() -> Outcome<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let [bootstrap, scenario, prefix, records] =
            words.try_into().map_err(|_| "four arguments: BOOTSTRAP SCENARIO PREFIX RECORDS")?;
        Ok(Self { bootstrap, scenario, prefix, records })
    }

    pub fn samples(&self) -> Outcome<Vec<Sample>> {
        let unhex = |text: &str| -> Option<Vec<u8>> {
            let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("the file has hex digits");
            (text != "-").then(|| (0..text.len()).step_by(2).map(byte).collect())
        };
        let sample = |line: &str| {
            let mut fields = line.split('\t');
            let (key, value) = (fields.next().and_then(unhex), fields.next().and_then(unhex));
            let headers = fields.next().unwrap_or_default().split(',').filter_map(|header| header.split_once('='));
            let name = |text| String::from_utf8(unhex(text).unwrap_or_default()).expect("names of headers are text");
            Sample { key, value, headers: headers.map(|(key, value)| (name(key), unhex(value))).collect() }
        };
        Ok(std::fs::read_to_string(&self.records)?.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }
}

/// Waits until the condition holds.
pub async fn wait_for(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Outcome {
    let begun = Instant::now();
    while !condition().await {
        check!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Values that a scenario sends.
pub fn numbers(range: Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// A value as text.
pub fn text(value: Option<&[u8]>) -> String {
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

/// Says that the broker may be restarted, and waits until it was.
pub async fn restarted() -> Outcome {
    println!("{{\"restart\": true}}");
    tokio::io::BufReader::new(tokio::io::stdin()).read_line(&mut String::new()).await?;
    Ok(())
}

/// Prints the answer; an `Ok` may have a note.
pub fn answer(version: &str, outcome: Outcome<String>) -> ExitCode {
    let (ok, name, text) = match outcome {
        Ok(note) => (true, "note", note),
        Err(error) => (false, "error", error.to_string()),
    };
    println!("{}", serde_json::json!({"ok": ok, "version": version, name: text}));
    ExitCode::from(u8::from(!ok))
}

/// The version of a package in a `Cargo.lock`: `locked(include_str!("../Cargo.lock"), "rskafka")`.
pub fn locked(lock: &'static str, package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1).and_then(|line| line.split('"').nth(1)).unwrap_or("?")
}
