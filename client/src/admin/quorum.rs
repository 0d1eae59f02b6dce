//! The controllers that keep the metadata of a cluster (KRaft).

use naru_protocol::ApiKey;
use naru_protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponsePartitionData, PartitionData, ReplicaState, TopicData,
};
use uuid::Uuid;

use super::Admin;
use super::call::{Twice, check};
use crate::call::Target;
use crate::error::{Error, ErrorKind};

const METADATA_TOPIC: &str = "__cluster_metadata";

/// The state of the metadata quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuorumDescription {
    /// The node that leads it.
    pub leader: i32,
    /// The epoch of that leader.
    pub leader_epoch: i32,
    /// The offset up to which the metadata log is committed.
    pub high_watermark: i64,
    /// Those that vote.
    pub voters: Vec<QuorumReplica>,
    /// Those that only read.
    pub observers: Vec<QuorumReplica>,
}

/// A node that has the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuorumReplica {
    /// The number of the node.
    pub id: i32,
    /// The id of its directory; nil where the broker is too old to tell (before Kafka 3.9).
    pub directory: Uuid,
    /// Where its copy of the log ends.
    pub log_end: i64,
    /// When the leader last heard of it, in milliseconds since 1970, if it tells.
    pub last_fetch: Option<i64>,
    /// When it last had all of the log, in milliseconds since 1970, if the leader tells.
    pub last_caught_up: Option<i64>,
}

impl Admin {
    /// Who keeps the metadata of the cluster, and how far each is. Needs Kafka 3.0 or newer, with `KRaft`.
    pub async fn describe_metadata_quorum(&self) -> Result<QuorumDescription, Error> {
        self.one(self.deadline(), Twice::Harmless, || self.describe_quorum_once()).await
    }

    async fn describe_quorum_once(&self) -> Result<QuorumDescription, Error> {
        let api = ApiKey::DescribeQuorum;
        let partitions = vec![PartitionData { partition_index: 0 }];
        let request =
            |_| DescribeQuorumRequest { topics: vec![TopicData { topic_name: METADATA_TOPIC.into(), partitions }] };
        let answer = self.ask(Target::Any, 0..=2, request).await?;
        check(api, answer.error_code, answer.error_message.as_deref())?;
        let topic = answer.topics.into_iter().find(|topic| topic.topic_name == METADATA_TOPIC);
        let partition = topic.and_then(|topic| topic.partitions.into_iter().find(|each| each.partition_index == 0));
        let partition =
            partition.ok_or_else(|| Error::new(ErrorKind::Protocol, "the answer leaves out what was asked").of(api))?;
        check(api, partition.error_code, partition.error_message.as_deref())?;
        Ok(QuorumDescription::from(partition))
    }
}

impl From<DescribeQuorumResponsePartitionData> for QuorumDescription {
    fn from(partition: DescribeQuorumResponsePartitionData) -> Self {
        let replicas = |replicas: Vec<ReplicaState>| replicas.into_iter().map(QuorumReplica::from).collect();
        Self {
            leader: partition.leader_id,
            leader_epoch: partition.leader_epoch,
            high_watermark: partition.high_watermark,
            voters: replicas(partition.current_voters),
            observers: replicas(partition.observers),
        }
    }
}

impl From<ReplicaState> for QuorumReplica {
    fn from(replica: ReplicaState) -> Self {
        Self {
            id: replica.replica_id,
            directory: replica.replica_directory_id,
            log_end: replica.log_end_offset,
            last_fetch: Some(replica.last_fetch_timestamp).filter(|ms| *ms >= 0),
            last_caught_up: Some(replica.last_caught_up_timestamp).filter(|ms| *ms >= 0),
        }
    }
}
