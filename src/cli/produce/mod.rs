//! `naru produce`: lines in, records out.
//!
//! A thread reads the input (`input.rs`), each piece becomes a record (`parse.rs`), and the producer takes it in as fast as the
//! broker allows. The outcome of every record is looked at: a record that fails ends the input, and is named by its place in it.

mod input;
mod outcomes;
mod parse;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use naru_client::Producer;
use naru_protocol::records::{Codec, Header};
use serde::Serialize;
use tokio::time::interval;

use super::connect::{BrokerArgs, block_on_threads};
use super::output::{self, Format, count};
use super::progress::Progress;
use super::record::JSON_RECORDS;
use super::serve::Signals;
use super::{Failure, template};
use crate::storage::types::is_topic_name;
use input::{Input, Piece};
use outcomes::{Outcomes, Written};
use parse::Shape;

/// How long a record may take to be written, unless `--timeout` says otherwise: what waits in the buffer of a slow line needs
/// more than one answer's time.
const DELIVERY: Duration = Duration::from_secs(30);

/// How much longer than its last record the producer may take to close.
const CLOSING: Duration = Duration::from_secs(5);

/// How often progress is looked at while nothing is read.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct ProduceArgs {
    /// The topic; with -t the first file, and with -J too if there is such a file
    #[arg(value_name = "TOPIC")]
    first: Option<String>,
    /// Files to read; standard input without any
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The topic
    #[arg(short, long)]
    topic: Option<String>,
    /// Partition of every record; -1: the key decides, else the producer [default: -1]
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = parse_partition)]
    partition: Option<i32>,
    /// Key of every record
    #[arg(short, long)]
    key: Option<String>,
    /// What stands between key and value in a line; a line without it has no key
    #[arg(short = 'K', long, value_name = "TEXT", value_parser = template::parse_delimiter, conflicts_with_all = ["key", "json"])]
    key_delimiter: Option<Delimiter>,
    /// What stands between two records
    #[arg(short = 'D', long, value_name = "TEXT", default_value = "\\n", value_parser = template::parse_delimiter)]
    delimiter: Delimiter,
    /// A header of every record; again for more
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// An empty key is no key and an empty value no value: a tombstone
    #[arg(short = 'Z', long)]
    null: bool,
    /// How batches are compressed
    #[arg(short = 'z', long, value_name = "none|gzip|snappy|lz4|zstd", value_parser = parse_codec)]
    compression: Option<Codec>,
    /// Each line is a record in JSON
    #[arg(short = 'J', long, conflicts_with_all = ["key", "delimiter"])]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Read and check every line, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// `json`: a summary of what was written, to standard output
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Format>,
    #[command(flatten)]
    broker: BrokerArgs,
}

type Delimiter = Vec<u8>;

/// Formats and examples.
pub(super) fn help() -> String {
    format!(
        "{JSON_RECORDS}\n\nThe first record that fails ends the input; what came before it is still written. A record gets 30 seconds\n\
         to be written, or --timeout.\n\n\
         Examples:\n  \
         echo hello | naru produce greetings\n  \
         naru produce orders -K : orders.txt                  lines like customer-7:a boat\n  \
         naru produce orders -k customer-7 -H source=cli -z zstd < orders.txt\n  \
         naru consume orders -e -J | naru produce -t copy -p -1 -J"
    )
}

fn parse_partition(text: &str) -> Result<i32, String> {
    let number = text.parse::<i32>().ok().filter(|number| *number >= -1);
    number.ok_or_else(|| "partitions are numbered from 0; -1 lets the key decide".to_owned())
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, as in source=cli")?;
    if name.is_empty() { Err("a header needs a name".into()) } else { Ok((name.to_owned(), value.to_owned())) }
}

fn parse_codec(text: &str) -> Result<Codec, String> {
    Codec::from_name(text).ok_or_else(|| "there are none, gzip, snappy, lz4 and zstd".to_owned())
}

pub(super) fn run(args: &ProduceArgs) -> Result<(), Failure> {
    let (topic, files) = args.topic_and_files()?;
    let input = Input::open(&files, &args.delimiter)?;
    let shape = args.shape(topic);
    if !args.quiet && input.is_typed() {
        eprintln!("Each line is a record; Ctrl-D ends.");
    }
    if args.dry_run {
        return check(args, input, &shape);
    }
    block_on_threads(produce(args, input, &shape))
}

impl ProduceArgs {
    fn topic_and_files(&self) -> Result<(Option<&str>, Vec<PathBuf>), Failure> {
        let first = self.first.as_deref();
        let is_file = self.topic.is_some() || self.json && first.is_some_and(|first| Path::new(first).is_file());
        let (topic, file) = if is_file { (self.topic.as_deref(), first) } else { (first, None) };
        let files = file.map(PathBuf::from).into_iter().chain(self.files.iter().cloned()).collect();
        match topic {
            None if !self.json => Err(Failure::Usage("no topic is named".into())
                .hint("Write `naru produce TOPIC`, or -J where every line names its own.")),
            Some(name) if !is_topic_name(name) => Err(Failure::Usage(format!("{name:?} cannot be a topic's name"))
                .hint("A name has up to 249 of the letters a-z and A-Z, digits, and . _ -")),
            _ => Ok((topic, files)),
        }
    }

    fn shape<'a>(&'a self, topic: Option<&'a str>) -> Shape<'a> {
        let header = |(name, value): &(String, String)| Header {
            key: name.clone().into_bytes().into(),
            value: Some(value.clone().into_bytes().into()),
        };
        Shape {
            topic,
            partition: self.partition,
            key: self.key.as_ref().map(|key| key.clone().into_bytes().into()),
            key_delimiter: self.key_delimiter.as_deref(),
            headers: self.headers.iter().map(header).collect(),
            empty_is_null: self.null,
            json: self.json,
        }
    }
}

/// Reads everything and sends nothing.
fn check(args: &ProduceArgs, mut input: Input, shape: &Shape<'_>) -> Result<(), Failure> {
    let mut records = 0;
    while let Some(pieces) = input.blocking_next()? {
        for piece in pieces {
            shape.record(piece.bytes).map_err(|reason| Failure::Failed(format!("{}: {reason}", piece.place)))?;
            records += 1;
        }
    }
    if !args.quiet {
        eprintln!("{} would be sent", count(records, "record"));
    }
    Ok(())
}

async fn produce(args: &ProduceArgs, mut input: Input, shape: &Shape<'_>) -> Result<(), Failure> {
    let client = args.broker.connect(&[]).await?;
    let mut builder = client.producer();
    if let Some(codec) = args.compression {
        builder = builder.compression(codec);
    }
    let limit = args.broker.limit_or(DELIVERY);
    let producer = builder.delivery_timeout(limit).build()?;
    let mut signals = Signals::listen().map_err(|error| Failure::Failed(format!("no signal handlers: {error}")))?;
    let mut progress = Progress::new(!args.quiet && !input.is_typed());
    let mut outcomes = Outcomes::default();
    let unread = send_all(&producer, &mut input, shape, &mut outcomes, &mut progress, &mut signals).await;
    // What was read is written whatever ended the reading.
    let finished = finish(&producer, limit, &mut outcomes, &mut progress, &mut signals).await;
    progress.clear();
    report(args, &outcomes, progress.elapsed())?;
    let mut failures: Vec<Failure> = unread.err().into_iter().collect();
    failures.extend(outcomes.into_failure());
    failures.extend(finished.err());
    Failure::all(failures)
}

/// Sends until the input ends, a signal comes, or a record fails. The error is about what could not be read.
async fn send_all(
    producer: &Producer,
    input: &mut Input,
    shape: &Shape<'_>,
    outcomes: &mut Outcomes,
    progress: &mut Progress,
    signals: &mut Signals,
) -> Result<(), Failure> {
    loop {
        let pieces = tokio::select! {
            pieces = input.next() => pieces?,
            () = signals.next() => return Ok(()),
            () = outcomes.wait_for_failure() => return Ok(()),
        };
        let Some(pieces) = pieces else { return Ok(()) };
        for Piece { place, bytes } in pieces {
            let record = shape.record(bytes).map_err(|reason| Failure::Failed(format!("{place}: {reason}")))?;
            let taken = tokio::select! {
                taken = producer.enqueue(record) => taken,
                () = signals.next() => return Ok(()),
            };
            match taken {
                Ok(delivery) => outcomes.expect(place, delivery),
                Err(error) => outcomes.failed(place, error),
            }
            if outcomes.any_failed() {
                return Ok(());
            }
        }
        progress.tick(|elapsed| so_far(outcomes, elapsed));
    }
}

fn so_far(outcomes: &Outcomes, elapsed: Duration) -> String {
    let (written, open) = (outcomes.written(), outcomes.open());
    let rate = written as f64 / elapsed.as_secs_f64().max(0.001);
    format!("{} written, {open} on their way, {rate:.0}/s", count(written, "record"))
}

/// Waits for what is on its way; another signal ends that.
async fn finish(
    producer: &Producer,
    limit: Duration,
    outcomes: &mut Outcomes,
    progress: &mut Progress,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let mut closed = std::pin::pin!(producer.close(limit + CLOSING));
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            closed = &mut closed => {
                outcomes.settle_all().await;
                // A record that was not written has said so itself.
                return if outcomes.any_failed() { Ok(()) } else { Ok(closed?) };
            }
            _ = look.tick() => progress.tick(|elapsed| so_far(outcomes, elapsed)),
            () = signals.next() => {
                let open = count(outcomes.open(), "record");
                return Err(Failure::Failed(format!("stopped at once; {open} may or may not have been written")));
            }
        }
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    records: u64,
    seconds: f64,
    partitions: Vec<&'a Written>,
}

fn report(args: &ProduceArgs, outcomes: &Outcomes, elapsed: Duration) -> Result<(), Failure> {
    let seconds = elapsed.as_secs_f64();
    if args.format == Some(Format::Json) {
        let partitions = outcomes.partitions().collect();
        let summary = Summary { records: outcomes.written(), seconds, partitions };
        return output::document(Format::Json, &summary, |_, _| Ok(()));
    }
    if !args.quiet {
        let topics = outcomes.topics().join(", ");
        let to = if topics.is_empty() { String::new() } else { format!(" to {topics}") };
        eprintln!("{} written{to} in {seconds:.2} s", count(outcomes.written(), "record"));
    }
    Ok(())
}
