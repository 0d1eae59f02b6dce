//! Which brokers a command talks to, and the runtime it does so on.

use std::io;
use std::time::Duration;

use clap::Args;
use naru_client::{Admin, Client};
use tokio::runtime::Builder;

use super::Failure;

/// What every request may take at most; the time limit of a command may be longer.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// The flags of commands that talk to a broker.
#[derive(Debug, Args)]
pub(super) struct BrokerArgs {
    /// Broker to begin with; several between commas
    #[arg(
        short,
        long,
        env = "NARU_BROKERS",
        hide_env_values = true,
        default_value = "localhost:9092",
        value_name = "HOST:PORT",
        help_heading = "Connection"
    )]
    brokers: String,
    /// How many seconds a broker gets to be found and to answer
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = "Connection")]
    timeout: u64,
    /// Any property of a client, by Kafka's name
    #[arg(short = 'X', value_name = "NAME=VALUE", help_heading = "Connection")]
    properties: Vec<String>,
}

impl BrokerArgs {
    /// A client that has met a broker. `properties` are weaker than what the user set with `-X`.
    pub(super) async fn connect(&self, properties: &[(&str, String)]) -> Result<Client, Failure> {
        let limit = Duration::from_secs(self.timeout);
        let mut builder = Client::builder()
            .bootstrap(&self.brokers)
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

    /// An admin of the cluster.
    pub(super) async fn admin(&self, dry_run: bool) -> Result<Admin, Failure> {
        let admin = self.connect(&[]).await?.admin();
        Ok(if dry_run { admin.dry_run() } else { admin })
    }
}

/// Runs a command that waits for others: one thread, so that it starts at once.
pub(super) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error: io::Error| Failure::Failed(format!("no runtime could be started: {error}")))?;
    runtime.block_on(command)
}

/// `NAME=VALUE` as it is typed; for clap.
pub(super) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write NAME=VALUE, as in retention.ms=3600000".into()),
    }
}
