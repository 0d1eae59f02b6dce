//! The topic of a run: one that exists, or one of its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytestring::ByteString;
use naru_client::admin::NewTopic;
use naru_client::{Client, Error};
use tokio::signal::unix::{SignalKind, signal};

use super::{BenchError, Report, Workload, client};

/// Runs with the workload's topic, or with one that is made for the run and deleted after it, however it ends: Ctrl-C too.
pub(super) async fn with_topic(
    workload: &Workload,
    run: impl AsyncFnOnce(&Client, &BenchTopic) -> Result<Report, BenchError>,
) -> Result<Report, BenchError> {
    let client = client(workload, 0)?;
    // From before there is a topic, so that none is left.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| BenchError::System(error.to_string()))?;
    let topic = BenchTopic::of(workload, &client).await?;
    let outcome = tokio::select! {
        outcome = run(&client, &topic) => outcome,
        _ = interrupt.recv() => Err(BenchError::Interrupted),
    };
    let removed = topic.remove(&client).await;
    let report = outcome?;
    removed?;
    Ok(report)
}

/// A topic that records go to.
pub(super) struct BenchTopic {
    pub(super) name: ByteString,
    pub(super) partitions: i32,
    made: bool,
}

impl BenchTopic {
    /// The workload's topic, or a new one.
    async fn of(workload: &Workload, client: &Client) -> Result<Self, Error> {
        let admin = client.admin();
        if let Some(name) = &workload.topic {
            let described = admin.describe_topic(name.as_str()).await?;
            return Ok(Self { name: name.as_str().into(), partitions: described.partitions.len() as i32, made: false });
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let name = format!("naru-bench-{}-{}", now.as_millis(), std::process::id());
        admin.create_topic(NewTopic::new(name.as_str()).partitions(workload.partitions)).await?;
        Ok(Self { name: name.into(), partitions: workload.partitions, made: true })
    }

    /// Deletes it if it was made for the run.
    async fn remove(self, client: &Client) -> Result<(), Error> {
        if self.made { client.admin().delete_topic(self.name).await } else { Ok(()) }
    }
}
