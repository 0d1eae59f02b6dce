//! Who has which partition, as the members' hooks tell it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use naru_client::{ConsumerBuilder, ConsumerHandle, TopicPartition};

use super::cluster::{Cluster, unique};
use super::{PATIENCE, until};

/// A group whose hooks are all seen, and a topic that it reads.
pub struct WatchedGroup {
    pub cluster: Cluster,
    pub topic: String,
    pub group: String,
    pub owners: Owners,
}

impl WatchedGroup {
    pub async fn on(cluster: Cluster, partitions: i32) -> Self {
        let topic = cluster.topic(partitions).await;
        Self { cluster, topic, group: unique("group"), owners: Owners::default() }
    }

    /// A member with this name; it hears soon of a rebalance.
    pub fn member(&self, name: &'static str) -> ConsumerBuilder {
        self.owners.see(name, self.unseen())
    }

    /// A member whose hooks are not seen.
    pub fn unseen(&self) -> ConsumerBuilder {
        let client = self.cluster.settings().set("metadata.max.age.ms", "200").build().expect("good settings");
        client.consumer().group(&*self.group).topics([&*self.topic]).set("heartbeat.interval.ms", "30")
    }

    pub fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(&*self.topic, number)
    }

    /// Waits until the members have so many partitions, and nobody else has any.
    pub async fn share(&self, expected: &[(&'static str, usize)]) {
        let expected = expected.iter().copied().collect();
        let shared = tokio::time::timeout(PATIENCE, until("", async || self.owners.counts() == expected)).await;
        let Self { owners, .. } = self;
        assert!(shared.is_ok(), "{expected:?}, but {:?} after {:#?}", owners.counts(), owners.calls());
    }

    /// Waits until no hook has been called for a while: the last rebalance is over.
    pub async fn rest(&self) {
        let mut calls = usize::MAX;
        until("the group rests", async || {
            let before = std::mem::replace(&mut calls, self.owners.calls().len());
            tokio::time::sleep(Duration::from_millis(300)).await;
            before == calls
        })
        .await;
    }
}

/// What a member's hook was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Assigned,
    Revoked,
    Lost,
}

/// One call of a hook.
#[derive(Clone, Debug)]
pub struct Call {
    pub member: &'static str,
    pub event: Event,
    pub partitions: Vec<TopicPartition>,
}

#[derive(Debug, Default)]
struct Known {
    owners: BTreeMap<TopicPartition, &'static str>,
    calls: Vec<Call>,
    wrong: Vec<String>,
}

/// Sees every hook of a group.
#[derive(Clone, Debug, Default)]
pub struct Owners(Arc<Mutex<Known>>);

impl Owners {
    /// A member whose comings and goings are seen.
    pub fn see(&self, member: &'static str, consumer: ConsumerBuilder) -> ConsumerBuilder {
        let (assigned, revoked, lost) = (self.clone(), self.clone(), self.clone());
        consumer
            .on_assigned(move |_: ConsumerHandle, partitions| {
                assigned.call(Call { member, event: Event::Assigned, partitions });
                std::future::ready(())
            })
            .on_revoked(move |_: ConsumerHandle, partitions| {
                revoked.call(Call { member, event: Event::Revoked, partitions });
                std::future::ready(())
            })
            .on_lost(move |_: ConsumerHandle, partitions| {
                lost.call(Call { member, event: Event::Lost, partitions });
                std::future::ready(())
            })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap()
    }

    fn call(&self, call: Call) {
        let mut known = self.known();
        for partition in &call.partitions {
            let before = match call.event {
                Event::Assigned => known.owners.insert(partition.clone(), call.member),
                Event::Revoked | Event::Lost => known.owners.remove(partition),
            };
            let expected = if call.event == Event::Assigned { None } else { Some(call.member) };
            if before != expected {
                known.wrong.push(format!("{partition} belonged to {before:?} at {call:?}"));
            }
        }
        known.calls.push(call);
    }

    /// A member has gone without a word: what it had is free.
    pub fn has_died(&self, member: &str) {
        self.known().owners.retain(|_, owner| *owner != member);
    }

    /// How many partitions each member has.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        self.known().owners.values().for_each(|owner| *counts.entry(*owner).or_default() += 1);
        counts
    }

    /// What a member has.
    pub fn of(&self, member: &str) -> Vec<TopicPartition> {
        let known = self.known();
        known.owners.iter().filter(|(_, owner)| **owner == member).map(|(partition, _)| partition.clone()).collect()
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.known().calls.clone()
    }

    /// The calls that took partitions from a member.
    pub fn taken_from(&self, member: &str) -> Vec<Call> {
        let taken = |call: &Call| call.member == member && call.event != Event::Assigned && !call.partitions.is_empty();
        self.calls().into_iter().filter(taken).collect()
    }

    /// No partition had two owners, and none was taken from one who did not have it.
    pub fn check(&self) {
        assert_eq!(self.known().wrong, Vec::<String>::new());
    }
}
