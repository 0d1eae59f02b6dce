//! A client with short words for long requests.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use naru_client::raw::Connection;
use naru_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use naru_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use naru_protocol::messages::init_producer_id::InitProducerIdRequest;
use naru_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use naru_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use naru_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestTopic, OffsetFetchResponsePartition,
};
use naru_protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use naru_protocol::records::{Batch, BatchBuilder, Codec, Record, batches};
use naru_protocol::{ErrorCode, Records};
use uuid::Uuid;

use crate::setup::LONG_AGO;

pub const EARLIEST: i64 = -2;
pub const LATEST: i64 = -1;
pub const MAX_TIMESTAMP: i64 = -3;

pub struct Client(Connection);

impl Deref for Client {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Client {
    pub async fn connect(address: &str) -> Self {
        Self(Connection::connect(address).await.expect("the broker listens"))
    }

    /// Creates a topic and returns its id.
    pub async fn create(&mut self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
        let answer = self.send(&create_request(topic, partitions, configs), 7).await.expect("an answer");
        assert_eq!(answer.topics[0].error_code, ErrorCode::NONE, "{:?}", answer.topics[0].error_message);
        answer.topics[0].topic_id
    }

    pub async fn delete(&mut self, topic: &str) -> ErrorCode {
        self.send(&delete_request(topic), 6).await.expect("an answer").responses[0].error_code
    }

    pub async fn metadata(&mut self, topics: &[&str], create: bool) -> MetadataResponse {
        let topics =
            topics.iter().map(|name| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() });
        let request =
            MetadataRequest { topics: Some(topics.collect()), allow_auto_topic_creation: create, ..Default::default() };
        self.send(&request, 12).await.expect("an answer")
    }

    /// The names of all topics but the internal ones.
    pub async fn topics(&mut self) -> Vec<String> {
        let all = self.send(&MetadataRequest { topics: None, ..Default::default() }, 12).await.expect("an answer");
        let topics = all.topics.into_iter().filter(|topic| !topic.is_internal);
        let mut names: Vec<_> = topics.map(|topic| topic.name.expect("a name").to_string()).collect();
        names.sort();
        names
    }

    /// Produces one batch to partition 0 with acks=all.
    pub async fn produce(&mut self, topic: &str, batch: Bytes) -> PartitionProduceResponse {
        let answer = self.send(&produce_request(topic, 0, batch, -1), 11).await.expect("an answer");
        produced(answer)
    }

    /// Produces one batch to partition 0, which must succeed, and returns its first offset.
    pub async fn append(&mut self, topic: &str, batch: Bytes) -> i64 {
        let outcome = self.produce(topic, batch).await;
        assert_eq!(outcome.error_code, ErrorCode::NONE, "{:?}", outcome.error_message);
        outcome.base_offset
    }

    /// Fetches from partition 0 without waiting for more than is there.
    pub async fn read(&mut self, topic: &str, from: i64) -> PartitionData {
        let request = fetch_request(&[(topic, 0, from)], 0);
        fetched(self.send(&request, 11).await.expect("an answer"))
    }

    /// The values of partition 0 from an offset to the end.
    pub async fn values(&mut self, topic: &str, from: i64) -> Vec<String> {
        values(&self.read(topic, from).await)
    }

    pub async fn list_offset(&mut self, topic: &str, timestamp: i64) -> ListOffsetsPartitionResponse {
        let partition = ListOffsetsPartition { timestamp, ..Default::default() };
        let topic = ListOffsetsTopic { name: topic.into(), partitions: vec![partition] };
        let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
        self.send(&request, 7).await.expect("an answer").topics.remove(0).partitions.remove(0)
    }

    /// Commits an offset of partition 0 for a group, as a member or, with generation −1, as nobody.
    pub async fn commit(&mut self, group: &str, member: (&str, i32), topic: &str, offset: i64) -> ErrorCode {
        let request = commit_request(group, member, topic, offset);
        self.send(&request, 8).await.expect("an answer").topics[0].partitions[0].error_code
    }

    /// What is committed for partition 0.
    pub async fn committed(&mut self, group: &str, topic: &str) -> OffsetFetchResponsePartition {
        let topic = OffsetFetchRequestTopic { name: topic.into(), partition_indexes: vec![0] };
        let request = OffsetFetchRequest { group_id: group.into(), topics: Some(vec![topic]), ..Default::default() };
        let mut answer = self.send(&request, 7).await.expect("an answer");
        assert_eq!(answer.error_code, ErrorCode::NONE);
        answer.topics.remove(0).partitions.remove(0)
    }

    pub async fn producer_id(&mut self) -> i64 {
        let request =
            InitProducerIdRequest { transactional_id: None, transaction_timeout_ms: 1000, ..Default::default() };
        let answer = self.send(&request, 4).await.expect("an answer");
        assert_eq!((answer.error_code, answer.producer_epoch), (ErrorCode::NONE, 0));
        answer.producer_id
    }
}

pub fn create_request(topic: &str, partitions: i32, configs: &[(&str, &str)]) -> CreateTopicsRequest {
    let configs =
        configs.iter().map(|(name, value)| CreatableTopicConfig { name: (*name).into(), value: Some((*value).into()) });
    let topic = CreatableTopic {
        name: topic.into(),
        num_partitions: partitions,
        replication_factor: 1,
        configs: configs.collect(),
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: false }
}

pub fn delete_request(topic: &str) -> DeleteTopicsRequest {
    let topic = DeleteTopicState { name: Some(topic.into()), ..Default::default() };
    DeleteTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() }
}

pub fn commit_request(group: &str, member: (&str, i32), topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        committed_offset: offset,
        committed_leader_epoch: 0,
        committed_metadata: Some("note".into()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic { name: topic.into(), partitions: vec![partition], ..Default::default() };
    OffsetCommitRequest {
        group_id: group.into(),
        member_id: member.0.into(),
        generation_id_or_member_epoch: member.1,
        topics: vec![topic],
        ..Default::default()
    }
}

pub fn produce_request(topic: &str, partition: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let topic = TopicProduceData {
        name: topic.into(),
        partition_data: vec![PartitionProduceData { index: partition, records: Some(Records::from(batch)) }],
        ..Default::default()
    };
    ProduceRequest { acks, timeout_ms: 20_000, topic_data: vec![topic], ..Default::default() }
}

/// The outcome of a request for one partition.
pub fn produced(answer: ProduceResponse) -> PartitionProduceResponse {
    let mut topics = answer.responses;
    topics.remove(0).partition_responses.remove(0)
}

/// Asks for partitions, `(topic, partition, offset)`, with limits that do not matter.
pub fn fetch_request(wanted: &[(&str, i32, i64)], max_wait_ms: i32) -> FetchRequest {
    let topics = wanted.iter().map(|&(topic, partition, fetch_offset)| FetchTopic {
        topic: topic.into(),
        partitions: vec![FetchPartition {
            partition,
            fetch_offset,
            partition_max_bytes: 64 << 20,
            ..Default::default()
        }],
        ..Default::default()
    });
    FetchRequest { max_wait_ms, min_bytes: 1, max_bytes: 64 << 20, topics: topics.collect(), ..Default::default() }
}

/// The outcome for the first partition.
pub fn fetched(answer: FetchResponse) -> PartitionData {
    assert_eq!(answer.error_code, ErrorCode::NONE);
    let mut topics = answer.responses;
    topics.remove(0).partitions.remove(0)
}

/// The bytes of the record set.
pub fn bytes(partition: &PartitionData) -> Bytes {
    partition.records.as_ref().map(Records::to_bytes).unwrap_or_default()
}

pub fn fetched_batches(partition: &PartitionData) -> Vec<Batch> {
    batches(bytes(partition)).map(|batch| batch.expect("a whole batch")).collect()
}

pub fn records(partition: &PartitionData) -> Vec<Record> {
    let batches = fetched_batches(partition).into_iter();
    batches
        .flat_map(|batch| batch.records().map(|record| record.expect("a readable record")).collect::<Vec<_>>())
        .collect()
}

/// The values, those of a first batch before the asked offset included.
pub fn values(partition: &PartitionData) -> Vec<String> {
    assert_eq!(partition.error_code, ErrorCode::NONE);
    let records = records(partition).into_iter();
    records.map(|record| String::from_utf8_lossy(&record.value.unwrap_or_default()).into_owned()).collect()
}

/// A batch of these values, without keys.
pub fn batch(values: &[&str]) -> Bytes {
    batch_at(&values.iter().map(|value| (LONG_AGO, *value)).collect::<Vec<_>>(), Codec::None)
}

/// A batch of values with their time stamps.
pub fn batch_at(values: &[(i64, &str)], codec: Codec) -> Bytes {
    build(BatchBuilder::new(codec), values)
}

/// A batch of an idempotent producer: id, epoch, first sequence.
pub fn sequenced((id, epoch, sequence): (i64, i16, i32), values: &[&str]) -> Bytes {
    let values: Vec<_> = values.iter().map(|value| (LONG_AGO, *value)).collect();
    build(BatchBuilder::new(Codec::None).producer(id, epoch, sequence), &values)
}

pub fn build(mut builder: BatchBuilder, values: &[(i64, &str)]) -> Bytes {
    for (timestamp, value) in values {
        builder.push(*timestamp, None, Some(value.as_bytes()), &[]).expect("a small record");
    }
    builder.build().expect("a batch")
}
