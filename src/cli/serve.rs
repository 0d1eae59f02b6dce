//! `naru serve`: start the broker, say how to reach it, run until told to stop.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

use crate::api::Listener;
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::start::RunningBroker;

use super::args::StartArgs;
use super::{Failure, config};

/// More threads than this do not help before something else is the limit.
const MOST_WORKERS: usize = 8;

pub(super) fn run(start: &StartArgs, begun: Instant) -> Result<(), Failure> {
    let config = config::load(start)?;
    raise_open_files();
    let workers = start.workers().map_or_else(usual_workers, usize::from);
    let runtime = runtime(workers).map_err(|error| Failure::Failed(format!("no threads could be started: {error}")))?;
    runtime.block_on(serve(config, begun))
}

/// Connections and active segments are open files. The soft limit is there for programs that use `select`, often 1024; the hard
/// one counts.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "the soft limit of open files stays as it is");
    }
}

fn usual_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS)
}

fn runtime(workers: usize) -> io::Result<Runtime> {
    // One worker needs no stealing of tasks: requests are served sooner.
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(workers).thread_name("naru-worker").enable_all().build()
}

async fn serve(config: BrokerConfig, begun: Instant) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::Failed(format!("no signal handlers: {error}")))?;
    let broker = tokio::select! {
        started = Broker::start(config) => started.map_err(|error| Failure::Failed(error.to_string()))?,
        () = signals.next() => return Ok(()),
    };
    eprint!("{}", greeting(&broker, begun.elapsed()));
    tokio::select! {
        () = signals.next() => {}
        () = broker.failed() => return Err(Failure::Failed("the metadata log failed; see the lines above".into())),
    }
    eprintln!("naru: stopping; a second signal stops at once");
    tokio::select! {
        stopped = broker.shutdown() => stopped.map_err(|error| Failure::Failed(error.to_string())),
        () = signals.next() => Err(Failure::Failed("stopped at once; the next start recovers what was in flight".into())),
    }
}

/// The signals that ask a process to end in order.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one. Cancellation safe.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What is printed once the broker is ready.
fn greeting(broker: &RunningBroker, took: Duration) -> String {
    let mut text = format!("naru {} ready in {}\n", env!("CARGO_PKG_VERSION"), milliseconds(took));
    let (node, cluster) = (broker.broker().node_id(), broker.broker().cluster_id());
    let _ = writeln!(text, "  data     {} (node {node} of cluster {cluster})", broker.data_dir().display());
    for listener in broker.listeners() {
        describe(&mut text, listener);
    }
    if let Some(address) = broker.admin_address() {
        let _ = writeln!(text, "  admin    http://{address}/metrics and /health/ready");
    }
    if let Some(first) = broker.listeners().first() {
        let address = &first.advertised;
        let _ = writeln!(text, "  try      echo hello | naru produce -b {address} greetings");
        let _ = writeln!(text, "           naru consume -b {address} greetings -o start   (or any client of Kafka)");
    }
    text
}

fn describe(text: &mut String, listener: &Listener) {
    let bound: Vec<String> = listener.bound.iter().map(ToString::to_string).collect();
    let Listener { name, advertised, reason, .. } = listener;
    let _ = writeln!(text, "  listens  {name} on {}; clients are told {advertised} ({reason})", bound.join(" and "));
}

fn milliseconds(took: Duration) -> String {
    if took < Duration::from_millis(10) {
        format!("{:.1} ms", took.as_secs_f64() * 1000.0)
    } else {
        format!("{} ms", took.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_have_a_decimal() {
        assert_eq!(milliseconds(Duration::from_micros(3_440)), "3.4 ms");
        assert_eq!(milliseconds(Duration::from_micros(12_900)), "12 ms");
    }
}
