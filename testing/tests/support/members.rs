//! Members of a group that receive all the time, and what they have received together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use naru_client::{Consumer, ConsumerBuilder, ConsumerHandle, ConsumerRecord, TopicPartition};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::cluster::Cluster;
use super::{PATIENCE, until, within};

/// The next record.
pub async fn recv(consumer: &mut Consumer) -> ConsumerRecord {
    within("a record", consumer.recv()).await.expect("a record")
}

pub fn value(record: &ConsumerRecord) -> String {
    record.value.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned()
}

/// The values of the next records.
pub async fn values(consumer: &mut Consumer, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        values.push(value(&recv(consumer).await));
    }
    values
}

/// What several members have received, in the order in which they did.
#[derive(Clone, Default)]
pub struct Received(Arc<Mutex<Vec<ConsumerRecord>>>);

impl Received {
    fn push(&self, record: ConsumerRecord) {
        self.0.lock().expect("no panic").push(record);
    }

    /// Records, those that came more than once counted more than once.
    pub fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }

    /// The offsets that came from each partition, each once.
    pub fn offsets(&self) -> BTreeMap<TopicPartition, BTreeSet<i64>> {
        let mut offsets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for record in &*self.0.lock().expect("no panic") {
            offsets.entry(record.topic_partition()).or_default().insert(record.offset);
        }
        offsets
    }

    /// Waits until every record of these partitions below an offset has come.
    pub async fn all(&self, topic: &str, partitions: i32, each: i64) {
        let complete = || {
            (0..partitions).all(|partition| {
                let offsets = self.offsets();
                let found = offsets.get(&TopicPartition::new(topic, partition));
                found.is_some_and(|found| (0..each).all(|offset| found.contains(&offset)))
            })
        };
        let come = tokio::time::timeout(PATIENCE, until("", async || complete())).await;
        assert!(come.is_ok(), "records are missing: {} have come", self.count());
    }
}

/// A member in a task of its own.
pub struct Member {
    pub handle: ConsumerHandle,
    leave: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Member {
    pub async fn start(
        cluster: &Cluster,
        received: &Received,
        set: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder,
    ) -> Self {
        let consumer = set(member_settings(cluster)).build();
        Self::of(within("a consumer", consumer).await.expect("a consumer"), received)
    }

    /// A member whose runtime can be torn down under it: that is how a process dies.
    pub fn start_on(
        runtime: &Runtime,
        cluster: &Cluster,
        received: &Received,
        set: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder,
    ) -> JoinHandle<Self> {
        let consumer = set(member_settings(cluster)).build();
        let received = received.clone();
        runtime.spawn(async move { Self::of(consumer.await.expect("a consumer"), &received) })
    }

    fn of(mut consumer: Consumer, received: &Received) -> Self {
        let (leave, mut left) = oneshot::channel();
        let (handle, received) = (consumer.handle().clone(), received.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    // First, so that the last record counts as processed when it leaves.
                    biased;
                    record = consumer.recv() => received.push(record.expect("a record")),
                    _ = &mut left => break,
                }
            }
            consumer.close(PATIENCE).await.expect("an end in order");
        });
        Self { handle, leave, task }
    }

    /// Leaves the group in order.
    pub async fn leave(self) {
        let _ = self.leave.send(());
        within("an end in order", self.task).await.expect("the member");
    }
}

fn member_settings(cluster: &Cluster) -> ConsumerBuilder {
    let client = cluster.settings().set("metadata.max.age.ms", "200").build().expect("good settings");
    client.consumer().set("session.timeout.ms", "1500").set("heartbeat.interval.ms", "200")
}

/// Waits until the members own all partitions of the topics, each by one of them, and each member its share.
pub async fn shared<'a>(members: impl IntoIterator<Item = &'a Member>, topics: &[&str], partitions: i32) {
    let members: Vec<&Member> = members.into_iter().collect();
    let all = topics.len() * partitions as usize;
    let (least, most) = (all / members.len(), all.div_ceil(members.len()));
    until("every partition has one owner", async || {
        let owned: Vec<Vec<TopicPartition>> = members.iter().map(|member| member.handle.assignment()).collect();
        let distinct: BTreeSet<&TopicPartition> = owned.iter().flatten().collect();
        distinct.len() == all
            && owned.iter().map(Vec::len).sum::<usize>() == all
            && owned.iter().all(|owned| (least..=most).contains(&owned.len()))
    })
    .await;
}
