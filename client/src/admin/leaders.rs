//! Which brokers lead and hold partitions: elections, and moves of replicas.

use std::collections::{BTreeMap, HashMap};

use bytestring::ByteString;
use naru_protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use naru_protocol::messages::elect_leaders::{ElectLeadersRequest, PartitionResult, TopicPartitions};
use naru_protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, OngoingPartitionReassignment,
};
use naru_protocol::{ApiKey, ErrorCode};

use super::call::{Twice, check, in_order};
use super::{Admin, Each};
use crate::call::Target;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// The first `ElectLeaders` with unclean elections (KIP-460).
const UNCLEAN_SINCE: i16 = 1;

/// Which replica shall lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElectionType {
    /// The first of the replicas, if it is in sync.
    Preferred,
    /// Any replica, if none is in sync: records may be lost. Needs Kafka 2.4 or newer.
    Unclean,
}

/// What an election came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// Another replica leads now.
    Elected,
    /// The replica that should lead does already.
    NotNeeded,
}

/// A move of a partition's replicas that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reassignment {
    /// The brokers with a replica now.
    pub replicas: Vec<i32>,
    /// Those that get one.
    pub adding: Vec<i32>,
    /// Those that lose theirs.
    pub removing: Vec<i32>,
}

impl Admin {
    /// Lets partitions have the leader that they should have.
    ///
    /// ```no_run
    /// use naru_client::TopicPartition;
    /// use naru_client::admin::ElectionType;
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for (partition, outcome) in admin.elect_leaders(ElectionType::Preferred, [TopicPartition::new("orders", 0)]).await? {
    ///     println!("{partition:?}: {:?}", outcome?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn elect_leaders(
        &self,
        election: ElectionType,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Each<TopicPartition, Election>, Error> {
        let partitions: Vec<_> = partitions.into_iter().collect();
        let results = self.elect(election, Some(&partitions)).await?;
        let results = in_order(ApiKey::ElectLeaders, &partitions, &results);
        Ok(partitions.into_iter().zip(results).collect())
    }

    /// As [`Admin::elect_leaders`], for every partition of the cluster. The result has those that got another leader, or
    /// could get none.
    pub async fn elect_all_leaders(&self, election: ElectionType) -> Result<Each<TopicPartition, Election>, Error> {
        let mut results: Each<_, _> = self.elect(election, None).await?.into_iter().collect();
        results.sort_by(|(a, _), (b, _)| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(results)
    }

    async fn elect(
        &self,
        election: ElectionType,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<HashMap<TopicPartition, Result<Election, Error>>, Error> {
        if self.dry_run {
            return Err(Error::new(ErrorKind::Unsupported, "an election cannot be tried without being held"));
        }
        let deadline = self.deadline();
        self.one(deadline, Twice::Harmless, || self.elect_once(election, partitions, deadline)).await
    }

    async fn elect_once(
        &self,
        election: ElectionType,
        partitions: Option<&[TopicPartition]>,
        deadline: Deadline,
    ) -> Result<HashMap<TopicPartition, Result<Election, Error>>, Error> {
        let (oldest, election_type) = match election {
            ElectionType::Preferred => (0, 0),
            ElectionType::Unclean => (UNCLEAN_SINCE, 1),
        };
        let topics = partitions.map(|partitions| {
            let topics = by_topic(partitions, |partition| partition.partition).into_iter();
            topics.map(|(topic, partitions)| TopicPartitions { topic, partitions }).collect()
        });
        let request = |_| ElectLeadersRequest {
            election_type,
            topic_partitions: topics,
            timeout_ms: self.broker_timeout_ms(deadline),
        };
        let answer = self.ask(Target::Controller, oldest..=2, request).await?;
        check(ApiKey::ElectLeaders, answer.error_code, None)?;
        let results = answer.replica_election_results.into_iter().flat_map(|topic| {
            let name = topic.topic;
            topic
                .partition_result
                .into_iter()
                .map(move |result| (TopicPartition::new(name.clone(), result.partition_id), elected(&result)))
        });
        Ok(results.collect())
    }

    /// Moves replicas of partitions to these brokers, the preferred leader first; none cancels a move that is under way.
    /// When this returns, the moves have begun: [`Admin::list_partition_reassignments`] has them until they are done.
    pub async fn alter_partition_reassignments(
        &self,
        replicas: impl IntoIterator<Item = (TopicPartition, Option<Vec<i32>>)>,
    ) -> Result<Each<TopicPartition, ()>, Error> {
        if self.dry_run {
            return Err(Error::new(ErrorKind::Unsupported, "a move of replicas cannot be tried without being made"));
        }
        let deadline = self.deadline();
        let attempt = |moves| self.reassign_once(moves, deadline);
        let moved = self.each(deadline, Twice::Misleading, replicas.into_iter().collect(), attempt).await?;
        Ok(moved.into_iter().map(|((partition, _), result)| (partition, result)).collect())
    }

    async fn reassign_once(
        &self,
        moves: Vec<(TopicPartition, Option<Vec<i32>>)>,
        deadline: Deadline,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let api = ApiKey::AlterPartitionReassignments;
        let mut topics: BTreeMap<ByteString, Vec<ReassignablePartition>> = BTreeMap::new();
        for (partition, replicas) in &moves {
            let reassignable =
                ReassignablePartition { partition_index: partition.partition, replicas: replicas.clone() };
            topics.entry(partition.topic.clone()).or_default().push(reassignable);
        }
        let request = |_| AlterPartitionReassignmentsRequest {
            timeout_ms: self.broker_timeout_ms(deadline),
            topics: topics.into_iter().map(|(name, partitions)| ReassignableTopic { name, partitions }).collect(),
            ..Default::default()
        };
        let answer = self.ask(Target::Controller, 0..=1, request).await?;
        check(api, answer.error_code, answer.error_message.as_deref())?;
        let answers = answer.responses.into_iter().flat_map(|topic| {
            let name = topic.name;
            topic.partitions.into_iter().map(move |partition| {
                let result = check(api, partition.error_code, partition.error_message.as_deref());
                (TopicPartition::new(name.clone(), partition.partition_index), result)
            })
        });
        Ok(in_order(api, moves.iter().map(|(partition, _)| partition), &answers.collect()))
    }

    /// The moves of replicas that are under way in the whole cluster.
    pub async fn list_partition_reassignments(&self) -> Result<BTreeMap<TopicPartition, Reassignment>, Error> {
        let deadline = self.deadline();
        self.one(deadline, Twice::Harmless, || self.list_reassignments_once(deadline)).await
    }

    async fn list_reassignments_once(
        &self,
        deadline: Deadline,
    ) -> Result<BTreeMap<TopicPartition, Reassignment>, Error> {
        let timeout_ms = self.broker_timeout_ms(deadline);
        let request = |_| ListPartitionReassignmentsRequest { timeout_ms, topics: None };
        let answer = self.ask(Target::Controller, 0..=0, request).await?;
        check(ApiKey::ListPartitionReassignments, answer.error_code, answer.error_message.as_deref())?;
        let ongoing = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            topic.partitions.into_iter().map(move |partition| {
                (TopicPartition::new(name.clone(), partition.partition_index), Reassignment::from(partition))
            })
        });
        Ok(ongoing.collect())
    }
}

impl From<OngoingPartitionReassignment> for Reassignment {
    fn from(ongoing: OngoingPartitionReassignment) -> Self {
        Self { replicas: ongoing.replicas, adding: ongoing.adding_replicas, removing: ongoing.removing_replicas }
    }
}

fn elected(result: &PartitionResult) -> Result<Election, Error> {
    if result.error_code == ErrorCode::ELECTION_NOT_NEEDED {
        return Ok(Election::NotNeeded);
    }
    check(ApiKey::ElectLeaders, result.error_code, result.error_message.as_deref()).map(|()| Election::Elected)
}

fn by_topic<T>(partitions: &[TopicPartition], part: impl Fn(&TopicPartition) -> T) -> BTreeMap<ByteString, Vec<T>> {
    let mut topics: BTreeMap<ByteString, Vec<T>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(partition.topic.clone()).or_default().push(part(partition));
    }
    topics
}
