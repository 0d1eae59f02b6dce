//! A group that never rests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use naru_client::{Assignor, Consumer, Record};
use tokio::task::JoinHandle;

use crate::support::cluster::Cluster;
use crate::support::owners::WatchedGroup;
use crate::support::{PATIENCE, until};

const PARTITIONS: i32 = 6;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// The offsets that were processed of each partition, in the order of processing.
type Processed = Arc<Mutex<BTreeMap<i32, Vec<i64>>>>;

struct Worker {
    working: JoinHandle<Consumer>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Worker {
    async fn start(group: &WatchedGroup, name: &'static str, assignor: Assignor, done: Processed) -> Self {
        let consumer = group.member(name).assignors([assignor]).session_timeout(Duration::from_secs(6));
        let consumer = consumer.auto_commit(Duration::from_millis(20)).build();
        let mut consumer = consumer.await.unwrap();
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let working = tokio::spawn(async move {
            loop {
                tokio::select! {
                    // First, so that the last record counts as processed when it stops.
                    biased;
                    record = consumer.recv() => {
                        let record = record.unwrap();
                        done.lock().unwrap().entry(record.partition).or_default().push(record.offset);
                    }
                    _ = &mut stopped => return consumer,
                }
            }
        });
        Self { working, stop }
    }

    async fn close(self) {
        self.stop.send(()).unwrap();
        self.working.await.unwrap().close(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_comes_and_goes_every_record_is_processed_once_and_in_order() {
    for assignor in [Assignor::CooperativeSticky, Assignor::Range] {
        let (group, done) = (WatchedGroup::on(Cluster::any().await, PARTITIONS).await, Processed::default());
        let (producer, topic) = (group.cluster.producer(), group.topic.clone());
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let producing = tokio::spawn(async move {
            let mut sent = 0_i64;
            while stopped.try_recv().is_err() {
                for partition in 0..PARTITIONS {
                    drop(producer.enqueue(Record::to(&*topic).partition(partition).value("v")).await.unwrap());
                }
                sent += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            producer.close(PATIENCE).await.unwrap();
            sent
        });
        let start = |name| Worker::start(&group, name, assignor, Arc::clone(&done));
        let mut workers = BTreeMap::from([("a", start("a").await)]);
        // A fixed walk through the sets of members, so that a failure can be seen again.
        for step in [1, 2, 1, 3, 0, 1, 2, 3, 0, 2, 1, 3, 3, 0, 1, 2] {
            let name = NAMES[step];
            match workers.remove(name) {
                Some(worker) if !workers.is_empty() => worker.close().await,
                Some(worker) => drop(workers.insert(name, worker)),
                None => drop(workers.insert(name, start(name).await)),
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        stop.send(()).unwrap();
        let sent = producing.await.unwrap();
        let seen = || done.lock().unwrap().values().map(|offsets| offsets.len() as i64).sum::<i64>();
        until("every record", async || seen() >= sent * i64::from(PARTITIONS)).await;
        for (partition, offsets) in done.lock().unwrap().iter() {
            assert!(offsets.iter().copied().eq(0..sent), "{assignor:?}: partition {partition}: {offsets:?}");
        }
        group.owners.check();
        for worker in workers.into_values() {
            worker.close().await;
        }
        group.share(&[]).await;
    }
}
