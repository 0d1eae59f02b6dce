//! `naru bench`: loads a broker and says what came out.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use naru_client::{Acks, Codec};
use serde::Serialize;
use tokio::runtime::Builder;

use crate::bench::own_broker::OwnBroker;
use crate::bench::report::grouped;
use crate::bench::{self, BenchError, Report, Workload};

use super::Failure;
use super::connect::parse_pair;
use super::output::{OutputArgs, document};

const EXAMPLES: &str = "\
Examples:
  naru bench --quick                                   a broker of its own, about 10 seconds, one summary
  naru bench produce -b broker:9092 --size 1024        as much as goes through
  naru bench latency --rate 5000                       from due to received, at a steady rate
  naru bench produce --pid $(pidof naru) --format json what the broker used for it, for a program

Figures hold for a machine that has nothing else to do. The client says when it was the limit itself.";

/// Measure a broker
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(super) struct BenchArgs {
    /// Start a broker of its own in a temporary directory, and measure produce, consume and latency in about 10 seconds
    #[arg(long)]
    quick: bool,
    /// Where --quick keeps its data: the disk that is measured [default: the current directory]
    #[arg(long, value_name = "DIR", requires = "quick")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    run: Option<BenchRun>,
}

#[derive(Debug, Subcommand)]
enum BenchRun {
    /// Records that are acknowledged, and how long each waits for it
    Produce(LoadArgs),
    /// Records that are received: a topic as it is, or one that is filled first
    Consume(LoadArgs),
    /// From the moment a record is due to the moment a consumer has it
    Latency(LoadArgs),
}

#[derive(Debug, Args)]
struct LoadArgs {
    /// Broker to begin with; several between commas
    #[arg(
        short,
        long,
        env = "NARU_BROKERS",
        hide_env_values = true,
        default_value = "localhost:9092",
        value_name = "HOST:PORT"
    )]
    brokers: String,
    /// A topic that exists [default: one that is made for the run and deleted after it]
    #[arg(short, long)]
    topic: Option<String>,
    /// Partitions of the topic that is made
    #[arg(short, long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000), conflicts_with = "topic")]
    partitions: i32,
    /// Bytes of a record
    #[arg(short, long, default_value_t = 100, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(..=100 << 20))]
    size: u32,
    /// Who must have a record before it counts
    #[arg(long, value_enum, default_value_t = AcksArg::All)]
    acks: AcksArg,
    /// How batches are compressed
    #[arg(short = 'z', long, default_value = "none", value_name = "none|gzip|snappy|lz4|zstd", value_parser = codec)]
    codec: Codec,
    /// Producers or consumers, each with connections of its own
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Records a second, of all clients together: latencies then count from when a record was due [default: as many as go through]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=3600))]
    warm_up: u64,
    /// Process of the broker, on this machine: the report says what it used
    #[arg(long)]
    pid: Option<u32>,
    /// Any property of the clients, by Kafka's name
    #[arg(short = 'X', value_name = "NAME=VALUE", value_parser = parse_pair)]
    properties: Vec<(String, String)>,
    /// No line with the progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AcksArg {
    #[value(name = "0")]
    None,
    #[value(name = "1")]
    Leader,
    All,
}

fn codec(text: &str) -> Result<Codec, String> {
    Codec::from_name(text).ok_or_else(|| "it is one of none, gzip, snappy, lz4, zstd".into())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok().filter(|rate| (0.001..=1e9).contains(rate));
    rate.ok_or_else(|| "it is a number of records a second, above 0".into())
}

/// What is run.
#[derive(Clone, Copy)]
enum Kind {
    Produce,
    Consume,
    Latency,
}

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no threads could be started: {error}")))?;
    let (kind, load) = match &args.run {
        None => {
            return runtime.block_on(async {
                tokio::select! {
                    done = quick(args) => done,
                    // Broker and directory go with what is dropped here.
                    _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted".into())),
                }
            });
        }
        Some(BenchRun::Produce(load)) => (Kind::Produce, load),
        Some(BenchRun::Consume(load)) => (Kind::Consume, load),
        Some(BenchRun::Latency(load)) => (Kind::Latency, load),
    };
    let report = runtime.block_on(measure(kind, &load.workload(), !load.quiet))?;
    document(load.output.format(), &report, |out, _| write!(out, "{report}"))?;
    outcome(&[report])
}

/// Records that failed make the run one that failed.
fn outcome(reports: &[Report]) -> Result<(), Failure> {
    let failed: u64 = reports.iter().map(|report| report.failed).sum();
    if failed > 0 {
        return Err(Failure::Failed(format!("{failed} records failed; the report names the first reason")));
    }
    Ok(())
}

impl LoadArgs {
    fn workload(&self) -> Workload {
        Workload {
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            partitions: self.partitions,
            record_size: self.size as usize,
            acks: match self.acks {
                AcksArg::None => Acks::None,
                AcksArg::Leader => Acks::Leader,
                AcksArg::All => Acks::All,
            },
            codec: self.codec,
            clients: usize::from(self.clients),
            rate: self.rate,
            warm_up: Duration::from_secs(self.warm_up),
            duration: Duration::from_secs(self.duration),
            properties: self.properties.clone(),
            broker_pid: self.pid,
        }
    }
}

async fn measure(kind: Kind, workload: &Workload, watched: bool) -> Result<Report, Failure> {
    let progress = Arc::new(bench::Progress::default());
    let line = show(Arc::clone(&progress), watched && io::stderr().is_terminal());
    let measured = async {
        match kind {
            Kind::Produce => bench::produce::run(workload, &progress).await,
            Kind::Consume => bench::consume::run(workload, &progress).await,
            Kind::Latency => bench::latency::run(workload, &progress).await,
        }
    };
    let report = tokio::select! {
        report = measured => report,
        never = line => match never {},
    };
    Ok(report?)
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Client(error) => error.into(),
            BenchError::Interrupted => Self::Failed(error.to_string()),
            BenchError::System(text) => Self::Failed(text),
        }
    }
}

/// Writes a line with what was done in the last second, again and again.
async fn show(progress: Arc<bench::Progress>, shown: bool) -> std::convert::Infallible {
    let mut line = super::progress::Progress::new(shown);
    let (mut before, mut at) = (0, Instant::now());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (records, elapsed) = (progress.records(), at.elapsed());
        let rate = (records - before) as f64 / elapsed.as_secs_f64();
        line.tick(|since| {
            format!("{:>3} s  {} records/s  {} in all", since.as_secs(), grouped(rate), grouped(records as f64))
        });
        (before, at) = (records, Instant::now());
    }
}

/// What `--quick` says.
#[derive(Debug, Serialize)]
struct Quick {
    version: &'static str,
    cores: usize,
    reports: Vec<Report>,
}

async fn quick(args: &BenchArgs) -> Result<(), Failure> {
    let parent = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let directory = tempfile::Builder::new().prefix(".naru-bench-").tempdir_in(&parent).map_err(|error| {
        Failure::Failed(format!("no directory for the broker's data could be made in {}: {error}", parent.display()))
            .hint("--directory says where else")
    })?;
    let broker = OwnBroker::start(directory.path(), &["num.partitions=6"]).await;
    let broker = broker.map_err(|error| Failure::Failed(error.to_string()))?;
    let workload = Workload {
        brokers: broker.address().to_owned(),
        broker_pid: Some(broker.pid()),
        warm_up: Duration::from_millis(500),
        duration: Duration::from_millis(1500),
        ..Workload::default()
    };
    let mut reports = Vec::new();
    for (kind, record_size) in
        [(Kind::Produce, 100), (Kind::Produce, 1024), (Kind::Consume, 1024), (Kind::Latency, 100)]
    {
        reports.push(measure(kind, &Workload { record_size, ..workload.clone() }, true).await?);
    }
    drop(broker);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let quick = Quick { version: env!("CARGO_PKG_VERSION"), cores, reports };
    document(args.output.format(), &quick, |out, _| {
        writeln!(
            out,
            "naru {} and its client share {cores} cores; acks=all, every record on the disk before its answer",
            quick.version
        )?;
        quick.reports.iter().try_for_each(|report| write!(out, "\n{report}"))
    })?;
    outcome(&quick.reports)
}
