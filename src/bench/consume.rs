//! How fast records are received.

use std::sync::Arc;
use std::time::Instant;

use naru_client::{Client, Consumer, Record, TopicPartition};
use tokio::task::JoinSet;

use super::measure::{Measure, look};
use super::produce::producer;
use super::report::{Counted, Report};
use super::topic::{BenchTopic, with_topic};
use super::{BenchError, Progress, Workload, client, noise};

/// Records that are asked for at once.
const BATCH: usize = 10_000;

/// Bytes of records for each second of the run that a topic is filled with, where the run makes its own, and the most in all.
const FILL_A_SECOND: usize = 256 << 20;
const MOST_FILL: usize = 1 << 30;

/// Fewest and most records that a topic is filled with.
const FILL_RECORDS: std::ops::RangeInclusive<usize> = 1000..=5_000_000;

/// Receives everything that lies in the topic, once, from the beginning, and reports. A topic of the run's own is filled first.
pub async fn run(workload: &Workload, progress: &Arc<Progress>) -> Result<Report, BenchError> {
    with_topic(workload, async |client, topic| measured(workload, client, topic, progress).await).await
}

async fn measured(
    workload: &Workload,
    first: &Client,
    topic: &BenchTopic,
    progress: &Arc<Progress>,
) -> Result<Report, BenchError> {
    if workload.topic.is_none() {
        fill(workload, first, topic).await?;
    }
    let all: Vec<TopicPartition> =
        (0..topic.partitions).map(|partition| TopicPartition::new(topic.name.clone(), partition)).collect();
    // Consumers fetch from the moment they are made.
    let (before, begun) = (look(workload)?, Instant::now());
    let mut clients = JoinSet::new();
    for index in 0..workload.clients {
        let part: Vec<_> = all.iter().skip(index).step_by(workload.clients).cloned().collect();
        if !part.is_empty() {
            let consumer = client(workload, index)?.consumer().assign(part.iter().cloned()).build().await?;
            clients.spawn(receive(consumer, part, Arc::clone(progress)));
        }
    }
    let mut counted = Counted::default();
    let mut bytes = 0;
    while let Some(received) = clients.join_next().await {
        let (records, of_client) = received.map_err(|error| BenchError::System(error.to_string()))??;
        counted.records += records;
        bytes += of_client;
    }
    counted.elapsed = begun.elapsed();
    let after = look(workload)?;
    // A topic that was there has records of its own size.
    let average = bytes.checked_div(counted.records).unwrap_or(0);
    let told = Workload { record_size: average as usize, partitions: topic.partitions, rate: None, ..workload.clone() };
    Ok(Measure::of(before, after).report("consume", &told, counted, None))
}

async fn fill(workload: &Workload, client: &Client, topic: &BenchTopic) -> Result<(), BenchError> {
    let producer = producer(workload, client)?;
    let bytes = FILL_A_SECOND.saturating_mul(workload.duration.as_secs() as usize + 1).min(MOST_FILL);
    let count = (bytes / workload.record_size.max(1)).clamp(*FILL_RECORDS.start(), *FILL_RECORDS.end());
    let value = noise(workload.record_size, 0);
    for _ in 0..count {
        drop(producer.enqueue(Record::to(topic.name.clone()).value(value.clone())).await?);
    }
    Ok(producer.close(workload.duration + workload.warm_up + std::time::Duration::from_mins(1)).await?)
}

/// Receives everything up to what the ends are now: records, and bytes of their values.
async fn receive(
    mut consumer: Consumer,
    partitions: Vec<TopicPartition>,
    progress: Arc<Progress>,
) -> Result<(u64, u64), BenchError> {
    let mut expected = 0;
    for partition in &partitions {
        let ends = consumer.handle().watermarks(partition).await?;
        expected += ends.high.saturating_sub(ends.low).max(0) as u64;
    }
    let (mut records, mut bytes) = (0, 0);
    while records < expected {
        let batch = consumer.recv_batch(BATCH).await?;
        records += batch.len() as u64;
        bytes += batch.iter().filter_map(|record| record.value.as_ref()).map(|value| value.len() as u64).sum::<u64>();
        progress.add(batch.len() as u64);
    }
    Ok((records, bytes))
}
