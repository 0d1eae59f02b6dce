//! How long a record takes from the moment it is due to the moment a consumer has it.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use naru_client::{Consumer, OffsetReset, Producer, Record, TopicPartition};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::latencies::Latencies;
use super::measure::Measure;
use super::pace::Pace;
use super::produce::producer;
use super::report::{Counted, Latency, Report};
use super::topic::{BenchTopic, with_topic};
use super::{BenchError, Phases, Progress, Workload, client, noise};

/// Records a second where no rate is asked for: far from what any broker can do, so that no queue is measured.
const USUAL_RATE: f64 = 1000.0;

/// Bytes in front of a value that say when the record was due.
const STAMP: usize = 8;

/// How long the last records may be on their way after the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the latencies are of.
const LATENCY_OF: &str = "from due until received";

/// Produces at a steady rate, consumes the same records, and reports.
pub async fn run(workload: &Workload, progress: &Arc<Progress>) -> Result<Report, BenchError> {
    with_topic(workload, async |_, topic| measured(workload, topic, progress).await).await
}

async fn measured(workload: &Workload, topic: &BenchTopic, progress: &Arc<Progress>) -> Result<Report, BenchError> {
    let rate = workload.rate.unwrap_or(USUAL_RATE);
    let told = Workload { rate: Some(rate), record_size: workload.record_size.max(STAMP), ..workload.clone() };
    let all = (0..topic.partitions).map(|partition| TopicPartition::new(topic.name.clone(), partition));
    let all: Vec<TopicPartition> = all.collect();
    let consumer = client(workload, 1)?.consumer().assign(all.iter().cloned()).offset_reset(OffsetReset::Latest);
    let consumer = consumer.build().await?;
    // Only what comes from now on: every partition has a position before the first record is sent.
    while all.iter().any(|partition| consumer.handle().position(partition).is_none()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let producer = producer(workload, &client(workload, 0)?)?;
    let (begun, phases) = (Instant::now(), Phases::of(workload));
    let sending = tokio::spawn(send(producer, topic.name.clone(), told.record_size, Pace::new(rate), begun, phases));
    let receiving = tokio::spawn(receive(consumer, sending, begun, phases, Arc::clone(progress)));
    let measure = Measure::between(workload, begun, phases).await?;
    let (sent, latencies) = receiving.await.map_err(|error| BenchError::System(error.to_string()))??;
    let received = latencies.len();
    let mut counted = Counted { records: received, elapsed: workload.duration, ..Counted::default() };
    if received < sent {
        counted.failed = sent - received;
        counted.first_failure = Some(format!("not received within {PATIENCE:?} after the end"));
    }
    let latency = latencies.percentiles().map(|percentiles| Latency { of: LATENCY_OF, percentiles });
    Ok(measure.report("latency", &told, counted, latency))
}

/// Sends what is due, each record with the time at which it was. Returns how many of them count.
async fn send(
    producer: Producer,
    topic: bytestring::ByteString,
    size: usize,
    pace: Pace,
    begun: Instant,
    phases: Phases,
) -> Result<u64, BenchError> {
    let rest = noise(size - STAMP, 0);
    let mut counted = 0;
    for index in 0_u64.. {
        let due = pace.due(index);
        if due >= phases.end {
            break;
        }
        if begun + due > Instant::now() {
            sleep_until((begun + due).into()).await;
        }
        counted += u64::from(phases.measures(due));
        drop(producer.enqueue(Record::to(topic.clone()).value(stamped(due, &rest))).await?);
    }
    producer.flush().await;
    Ok(counted)
}

/// Receives what `sending` sends: how many of its records count, and how long those took that came in time.
async fn receive(
    mut consumer: Consumer,
    mut sending: JoinHandle<Result<u64, BenchError>>,
    begun: Instant,
    phases: Phases,
    progress: Arc<Progress>,
) -> Result<(u64, Latencies), BenchError> {
    let (mut latencies, mut sent) = (Latencies::new(), None);
    let mut patience = pin!(sleep_until((begun + phases.end + PATIENCE).into()));
    while sent.is_none_or(|sent| latencies.len() < sent) {
        tokio::select! {
            record = consumer.recv() => {
                let due = record?.value.as_ref().and_then(due_of);
                progress.add(1);
                if let Some(due) = due.filter(|due| phases.measures(*due)) {
                    latencies.record(begun.elapsed().saturating_sub(due));
                }
            }
            ended = &mut sending, if sent.is_none() => {
                sent = Some(ended.map_err(|error| BenchError::System(error.to_string()))??);
            }
            () = &mut patience => break,
        }
    }
    let sent = match sent {
        Some(sent) => sent,
        None => sending.await.map_err(|error| BenchError::System(error.to_string()))??,
    };
    Ok((sent, latencies))
}

fn stamped(due: Duration, rest: &Bytes) -> Bytes {
    let mut value = BytesMut::with_capacity(STAMP + rest.len());
    value.put_u64(due.as_nanos() as u64);
    value.put_slice(rest);
    value.freeze()
}

fn due_of(value: &Bytes) -> Option<Duration> {
    value.first_chunk().map(|stamp| Duration::from_nanos(u64::from_be_bytes(*stamp)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_when_it_was_due() {
        let due = Duration::from_nanos(1_234_567_891);
        assert_eq!(due_of(&stamped(due, &Bytes::from_static(b"rest"))), Some(due));
        assert_eq!(due_of(&Bytes::from_static(b"short")), None);
    }
}
