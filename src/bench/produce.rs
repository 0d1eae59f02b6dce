//! How fast records are acknowledged, and how long each waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use naru_client::{Client, Delivery, Error, Producer, Record};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep_until;

use super::latencies::Latencies;
use super::measure::Measure;
use super::pace::Pace;
use super::report::{Counted, Latency, Report};
use super::topic::{BenchTopic, with_topic};
use super::{BenchError, Phases, Progress, Workload, client, noise};

/// Different values of records: enough that no cache and no codec sees the same bytes all the time.
const VALUES: usize = 64;

/// What the latencies are of.
const LATENCY_OF: &str = "from due (or enqueued) until acknowledged";

/// Produces for the measured time, and reports.
pub async fn run(workload: &Workload, progress: &Arc<Progress>) -> Result<Report, BenchError> {
    with_topic(workload, async |_, topic| measured(workload, topic, progress).await).await
}

async fn measured(workload: &Workload, topic: &BenchTopic, progress: &Arc<Progress>) -> Result<Report, BenchError> {
    let begun = Instant::now();
    let phases = Phases::of(workload);
    let mut clients = JoinSet::new();
    for index in 0..workload.clients {
        let producer = producer(workload, &client(workload, index)?)?;
        let load = Load {
            producer,
            topic: topic.name.clone(),
            partitions: topic.partitions,
            size: workload.record_size,
            pace: workload.rate.map(|rate| Pace::new(rate / workload.clients as f64)),
            begun,
            phases,
            progress: Arc::clone(progress),
        };
        clients.spawn(load.run());
    }
    let measure = Measure::between(workload, begun, phases).await?;
    let (mut counted, mut latencies) = (Counted { elapsed: workload.duration, ..Counted::default() }, Latencies::new());
    while let Some(outcome) = clients.join_next().await {
        let of_client = outcome.map_err(|error| BenchError::System(error.to_string()))??;
        counted.add(&of_client.counted);
        latencies.add(&of_client.latencies);
    }
    let latency = latencies.percentiles().map(|percentiles| Latency { of: LATENCY_OF, percentiles });
    Ok(measure.report("produce", workload, counted, latency))
}

/// A producer as the workload asks for it.
pub(super) fn producer(workload: &Workload, client: &Client) -> Result<Producer, Error> {
    let producer = client.producer().compression(workload.codec);
    let chosen = workload.properties.iter().any(|(name, _)| name == "acks");
    if chosen { producer } else { producer.acks(workload.acks) }.build()
}

/// One client's part.
struct Load {
    producer: Producer,
    topic: bytestring::ByteString,
    partitions: i32,
    size: usize,
    pace: Option<Pace>,
    begun: Instant,
    phases: Phases,
    progress: Arc<Progress>,
}

/// What a client has seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) counted: Counted,
    pub(super) latencies: Latencies,
}

/// A record on its way, and when it was due.
type OnItsWay = (Instant, Delivery);

impl Load {
    async fn run(self) -> Result<Seen, BenchError> {
        // Deliveries of a partition resolve in order, so a watcher for each sees every one when it happens.
        let mut watchers = JoinSet::new();
        let mut watched = Vec::new();
        for _ in 0..self.partitions {
            let (sender, receiver) = mpsc::unbounded_channel();
            watched.push(sender);
            watchers.spawn(watch(receiver, self.begun, self.phases, Arc::clone(&self.progress)));
        }
        self.send(&watched).await?;
        drop(watched);
        // What is on its way when the time is over is still delivered, but no longer counted.
        self.producer.flush().await;
        let mut seen = Seen::default();
        while let Some(of_partition) = watchers.join_next().await {
            let of_partition = of_partition.map_err(|error| BenchError::System(error.to_string()))?;
            seen.counted.add(&of_partition.counted);
            seen.latencies.add(&of_partition.latencies);
        }
        Ok(seen)
    }

    async fn send(&self, watched: &[mpsc::UnboundedSender<OnItsWay>]) -> Result<(), BenchError> {
        let values: Vec<_> = (0..VALUES).map(|at| noise(self.size, at as u64)).collect();
        let mut values = values.iter().cycle();
        let end = self.begun + self.phases.end;
        for index in 0_u64.. {
            let due = match self.pace {
                Some(pace) => {
                    let due = self.begun + pace.due(index);
                    if due > Instant::now() {
                        sleep_until(due.into()).await;
                    }
                    due
                }
                None => Instant::now(),
            };
            if due >= end {
                break;
            }
            let Some(value) = values.next() else { break };
            let record = Record::to(self.topic.clone()).value(value.clone());
            let delivery = self.producer.enqueue(record).await?;
            if let Some(watcher) = watched.get(delivery.partition() as usize) {
                // The watcher lives until all senders are gone.
                let _ = watcher.send((due, delivery));
            }
            if index.is_multiple_of(256) {
                // Enqueueing hardly ever waits: give the others on this thread their turn.
                yield_now().await;
            }
        }
        Ok(())
    }
}

async fn watch(
    mut deliveries: mpsc::UnboundedReceiver<OnItsWay>,
    begun: Instant,
    phases: Phases,
    progress: Arc<Progress>,
) -> Seen {
    let mut seen = Seen::default();
    let mut now = Duration::ZERO;
    while let Some((due, delivery)) = deliveries.recv().await {
        let outcome = delivery.await;
        now = now.max(begun.elapsed());
        progress.add(1);
        match outcome {
            Ok(_) if phases.measures(now) => {
                seen.counted.records += 1;
                seen.latencies.record((begun + now).saturating_duration_since(due));
            }
            Ok(_) => {}
            Err(error) => seen.counted.failure(&error),
        }
    }
    seen
}
