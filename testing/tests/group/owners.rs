//! Who has which partition, as the members' hooks tell it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use naru_client::{ConsumerBuilder, ConsumerHandle, TopicPartition};

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
