//! Which brokers a command talks to, and the runtime it does so on.

use std::time::Duration;

use clap::Args;
use naru_client::{Admin, Client};
use tokio::runtime::Builder;

use super::Failure;

/// How long a broker gets when nobody says.
const USUAL_LIMIT: Duration = Duration::from_secs(10);

/// What every request may take at most; the time limit of a command may be longer.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// Names brokers where no flag does.
const BROKERS_VARIABLE: &str = "NARU_BROKERS";

/// Where a broker is when nobody says.
const DEFAULT_BROKER: &str = "localhost:9092";

/// The flags of commands that talk to a broker.
#[derive(Debug, Args)]
pub(super) struct BrokerArgs {
    /// Broker to begin with; several between commas [default: NARU_BROKERS, else localhost:9092]
    #[arg(short, long, value_name = "HOST:PORT", help_heading = "Connection")]
    brokers: Option<String>,
    /// How many seconds a broker gets to be found and to answer [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = parse_count::<u32>, help_heading = "Connection")]
    timeout: Option<u32>,
    /// Any property of a client, by Kafka's name
    #[arg(short = 'X', value_name = "NAME=VALUE", help_heading = "Connection")]
    properties: Vec<String>,
}

impl BrokerArgs {
    /// A client that has met a broker. `properties` are weaker than what the user set with `-X`.
    pub(super) async fn connect(&self, properties: &[(&str, String)]) -> Result<Client, Failure> {
        let limit = self.limit();
        // Read here and not by clap, whose usage lines would show the flag as if it had been typed.
        let brokers = self.brokers.clone().or_else(|| std::env::var(BROKERS_VARIABLE).ok());
        let mut builder = Client::builder()
            .bootstrap(brokers.as_deref().unwrap_or(DEFAULT_BROKER))
            .client_id("naru-cli")
            .api_timeout(limit)
            .request_timeout(limit.min(LONGEST_REQUEST))
            .connect_timeout(limit);
        for (name, value) in properties {
            builder = builder.set(*name, value);
        }
        for pair in &self.properties {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| Failure::Usage(format!("-X {pair}: write -X NAME=VALUE")))?;
            builder = builder.set(name.trim(), value.trim());
        }
        Ok(builder.connect().await?)
    }

    /// How long a broker gets to be found and to answer.
    pub(super) fn limit(&self) -> Duration {
        self.limit_or(USUAL_LIMIT)
    }

    /// As [`BrokerArgs::limit`], where more time is usual.
    pub(super) fn limit_or(&self, usual: Duration) -> Duration {
        self.timeout.map_or(usual, |seconds| Duration::from_secs(seconds.into()))
    }

    /// An admin of the cluster.
    pub(super) async fn admin(&self, dry_run: bool) -> Result<Admin, Failure> {
        let admin = self.connect(&[]).await?.admin();
        Ok(if dry_run { admin.dry_run() } else { admin })
    }
}

/// Runs a command that waits for others: one thread, so that it starts at once.
pub(super) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    run(&mut Builder::new_current_thread(), command)
}

/// Runs a command that reads or writes as long as somebody lets it: connections live on a thread of their own, so that a
/// reader who pauses does not cost a member its place in the group.
pub(super) fn block_on_threads(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    run(Builder::new_multi_thread().worker_threads(1), command)
}

fn run(builder: &mut Builder, command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no threads could be started: {error}")))?;
    let outcome = runtime.block_on(command);
    // Whatever still runs has nothing more to tell.
    runtime.shutdown_background();
    outcome
}

/// A number from 1 up; for clap.
pub(super) fn parse_count<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number = text.parse::<u64>().ok().filter(|number| *number > 0).and_then(|number| number.try_into().ok());
    number.ok_or_else(|| "write a whole number from 1 up".to_owned())
}

/// The number of a partition; for clap.
pub(super) fn parse_partition(text: &str) -> Result<i32, String> {
    let number = text.parse::<i32>().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| "partitions are numbered from 0".to_owned())
}

/// `NAME=VALUE` as it is typed; for clap.
pub(super) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write NAME=VALUE, as in retention.ms=3600000".into()),
    }
}
