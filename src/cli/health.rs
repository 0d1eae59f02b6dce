//! `naru health`: asks a broker over its own listener whether it is ready. Made for the health check of a container: it starts in
//! a few milliseconds and answers with its exit code.

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use naru_client::raw::{Connection, Error, Options};
use naru_protocol::ApiKey;
use naru_protocol::messages::api_versions::ApiVersionsRequest;
use naru_protocol::messages::metadata::MetadataRequest;
use tokio::runtime;

use crate::config::{HostPort, Listener};

use super::args::StartArgs;
use super::{Failure, config};

/// Versions that every Kafka-compatible broker of these years has.
const API_VERSIONS_VERSION: i16 = 0;
const METADATA_VERSION: i16 = 9;

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[arg(
        short,
        long,
        value_name = "HOST:PORT",
        help = "The broker; of several the first counts [default: NARU_BROKERS, else this machine's first listener]"
    )]
    brokers: Option<String>,
    /// How long the broker may take
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

pub(super) fn run(args: &HealthArgs, start: &StartArgs) -> Result<(), Failure> {
    let address = address(args, start)?;
    let limit = Duration::from_secs(args.timeout);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no runtime could be started: {error}")))?;
    let asked = runtime.block_on(async { tokio::time::timeout(limit, ask(&address, limit)).await });
    let ready = match asked {
        Ok(Ok(ready)) => ready,
        Ok(Err(error)) => return Err(failure(&address, &error)),
        Err(_) => return Err(failure(&address, &Error::TimedOut(limit))),
    };
    match ready {
        Ok(remark) => {
            println!("{address} is {remark}");
            Ok(())
        }
        Err(reason) => Err(Failure::Failed(format!("{address} is not ready: {reason}"))),
    }
}

fn address(args: &HealthArgs, start: &StartArgs) -> Result<String, Failure> {
    let named = args.brokers.clone().or_else(|| std::env::var("NARU_BROKERS").ok());
    let first = named.as_deref().unwrap_or_default().split(',').map(str::trim).find(|address| !address.is_empty());
    if let Some(first) = first {
        return Ok(first.to_owned());
    }
    let listeners = config::load(start)?.listeners;
    listeners
        .first()
        .map(local_address)
        .ok_or_else(|| Failure::Usage("there is no listener; name a broker with -b".into()))
}

/// How this machine reaches its own listener.
fn local_address(listener: &Listener) -> String {
    let HostPort { host, port } = &listener.bind;
    let host = match host.parse::<IpAddr>() {
        Ok(any) if any.is_unspecified() => "127.0.0.1".to_owned(),
        _ => host.clone(),
    };
    HostPort { host, port: *port }.to_string()
}

/// That the broker is ready, with what else there is to say, or why it is not. As `/health/ready` does, this makes a difference
/// between the broker's own topics and others. The outer error is that of the conversation.
async fn ask(address: &str, limit: Duration) -> Result<Result<String, String>, Error> {
    let options = Options { client_id: Some("naru-health".into()), timeout: limit, ..Options::default() };
    let mut broker = Connection::connect_with(address, options).await?;
    let apis = broker.send(&ApiVersionsRequest::default(), API_VERSIONS_VERSION).await?;
    if apis.error_code.is_error() {
        return Ok(Err(apis.error_code.to_string()));
    }
    if !apis.api_keys.iter().any(|api| api.api_key == ApiKey::Metadata as i16) {
        return Ok(Err("it offers no metadata".to_owned()));
    }
    // All topics: asking for one that may not exist yet would look like a failing client in the broker's metrics.
    let request = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
    let metadata = broker.send(&request, METADATA_VERSION).await?;
    if metadata.brokers.is_empty() {
        return Ok(Err("it knows no broker, not even itself".to_owned()));
    }
    let offline = |internal: bool| {
        let topics = metadata.topics.iter().filter(|topic| topic.is_internal == internal);
        topics.flat_map(|topic| &topic.partitions).filter(|partition| partition.error_code.is_error()).count()
    };
    match (offline(true), offline(false)) {
        (0, 0) => Ok(Ok("ready".to_owned())),
        (0, partitions) => Ok(Ok(format!("ready, but {partitions} partitions are offline"))),
        (partitions, _) => Ok(Err(format!("{partitions} partitions of its own topics are offline"))),
    }
}

fn failure(address: &str, error: &Error) -> Failure {
    match error {
        Error::TimedOut(_) => Failure::TimedOut(format!("{address}: {error}")),
        Error::Connect { .. } => Failure::Unreachable(error.to_string()),
        Error::Closed | Error::Io(_) => Failure::Unreachable(format!("{address}: {error}")),
        _ => Failure::Failed(format!("{address}: {error}")),
    }
}
