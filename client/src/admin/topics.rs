//! Topics: create, delete, list, describe, grow.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use naru_protocol::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult, CreateTopicsRequest,
};
use naru_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use naru_protocol::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponseTopic, TopicRequest,
};
use naru_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponsePartition, MetadataResponseTopic,
};
use naru_protocol::{ApiKey, ErrorCode};
use uuid::Uuid;

use super::call::{Twice, check, in_order, single};
use super::{Admin, Each};
use crate::call::Target;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::network::Backoff;

/// The oldest Metadata that does not make the topics it is asked about is 4.
const METADATA: std::ops::RangeInclusive<i16> = 4..=13;

/// How long a change may take to be seen after the broker has made it.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// Partitions that are asked for at once; a broker may give fewer.
const PARTITIONS_PER_PAGE: i32 = 2000;

/// A topic to create.
///
/// ```
/// use naru_client::admin::NewTopic;
///
/// let topic = NewTopic::new("orders").partitions(3).config("retention.ms", "3600000");
/// assert_eq!(topic.name(), "orders");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    name: ByteString,
    partitions: i32,
    replication_factor: i16,
    assignment: Vec<Vec<i32>>,
    configs: Vec<(ByteString, ByteString)>,
}

impl NewTopic {
    /// A topic with the broker's default number of partitions and replicas (KIP-464).
    pub fn new(name: impl Into<ByteString>) -> Self {
        Self { name: name.into(), partitions: -1, replication_factor: -1, assignment: Vec::new(), configs: Vec::new() }
    }

    /// With so many partitions, at least 1. Default: the broker's `num.partitions`.
    #[must_use]
    pub fn partitions(mut self, count: i32) -> Self {
        self.partitions = count;
        self
    }

    /// With so many replicas of each partition. Default: the broker's `default.replication.factor`.
    #[must_use]
    pub fn replication_factor(mut self, count: i16) -> Self {
        self.replication_factor = count;
        self
    }

    /// With its replicas on these brokers: a list of broker ids for each partition, the preferred leader first. Takes the
    /// place of [`NewTopic::partitions`] and [`NewTopic::replication_factor`].
    #[must_use]
    pub fn assignment(mut self, brokers: Vec<Vec<i32>>) -> Self {
        self.assignment = brokers;
        self
    }

    /// With a setting of its own, by Kafka's name.
    #[must_use]
    pub fn config(mut self, name: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        self.configs.push((name.into(), value.into()));
        self
    }

    /// The name.
    pub fn name(&self) -> &ByteString {
        &self.name
    }

    fn to_wire(&self) -> CreatableTopic {
        let counts = if self.assignment.is_empty() { (self.partitions, self.replication_factor) } else { (-1, -1) };
        let assignments = self.assignment.iter().zip(0..);
        let configs = self.configs.iter().cloned();
        CreatableTopic {
            name: self.name.clone(),
            num_partitions: counts.0,
            replication_factor: counts.1,
            assignments: assignments
                .map(|(brokers, partition_index)| CreatableReplicaAssignment {
                    partition_index,
                    broker_ids: brokers.clone(),
                })
                .collect(),
            configs: configs.map(|(name, value)| CreatableTopicConfig { name, value: Some(value) }).collect(),
        }
    }
}

/// A topic as it was created, or would have been in a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedTopic {
    /// The name.
    pub name: ByteString,
    /// The id; nil in a dry run, and where the broker is too old to have ids.
    pub id: Uuid,
    /// How many partitions it has; −1 where the broker is too old to tell (before Kafka 2.4).
    pub partitions: i32,
    /// How many replicas each has; −1 where the broker is too old to tell.
    pub replication_factor: i16,
}

/// A topic that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicDescription {
    /// The name.
    pub name: ByteString,
    /// The id; nil where the broker is too old to have ids.
    pub id: Uuid,
    /// Whether it belongs to the broker, as `__consumer_offsets` does.
    pub internal: bool,
    /// The partitions by number.
    pub partitions: Vec<PartitionDescription>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionDescription {
    /// The number, from 0.
    pub partition: i32,
    /// The broker that leads it, if one does at the moment.
    pub leader: Option<i32>,
    /// The epoch of that leader, if the broker tells.
    pub leader_epoch: Option<i32>,
    /// The brokers with a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
    /// Those of them that are offline.
    pub offline: Vec<i32>,
    /// Those of them that are not in sync and have every record all the same, so that they may lead (KIP-966). Told when
    /// topics are described by name, by Kafka 4.0 or newer.
    pub eligible_leaders: Vec<i32>,
}

impl Admin {
    /// Creates a topic. [`Error::is_already_exists`] when it exists. When this returns, the topic can be used.
    pub async fn create_topic(&self, topic: NewTopic) -> Result<CreatedTopic, Error> {
        single(self.create_topics([topic]).await)
    }

    /// Creates topics.
    pub async fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Result<Each<ByteString, CreatedTopic>, Error> {
        let deadline = self.deadline();
        let twice = if self.dry_run { Twice::Harmless } else { Twice::Misleading };
        let attempt = |topics| self.create_topics_once(topics, deadline);
        let created = self.each(deadline, twice, topics.into_iter().collect(), attempt).await?;
        let created: Each<_, _> = created.into_iter().map(|(topic, result)| (topic.name, result)).collect();
        self.seen(deadline, &created, Result::is_ok).await;
        Ok(created)
    }

    async fn create_topics_once(
        &self,
        topics: Vec<NewTopic>,
        deadline: Deadline,
    ) -> Result<Vec<Result<CreatedTopic, Error>>, Error> {
        let request = |_| CreateTopicsRequest {
            topics: topics.iter().map(NewTopic::to_wire).collect(),
            timeout_ms: self.broker_timeout_ms(deadline),
            validate_only: self.dry_run,
        };
        let answer = self.ask(Target::Controller, 2..=7, request).await?;
        let answers = answer.topics.into_iter().map(|topic| (topic.name.clone(), created(topic))).collect();
        Ok(in_order(ApiKey::CreateTopics, topics.iter().map(NewTopic::name), &answers))
    }

    /// Deletes a topic and all its records. [`Error::is_not_found`] when there is none.
    pub async fn delete_topic(&self, topic: impl Into<ByteString>) -> Result<(), Error> {
        single(self.delete_topics([topic]).await)
    }

    /// Deletes topics and all their records.
    pub async fn delete_topics(
        &self,
        topics: impl IntoIterator<Item = impl Into<ByteString>>,
    ) -> Result<Each<ByteString, ()>, Error> {
        let topics: Vec<ByteString> = topics.into_iter().map(Into::into).collect();
        if self.dry_run {
            let described = self.describe_topics(topics).await?;
            return Ok(described
                .into_iter()
                .map(|(name, topic)| (name, topic.and_then(|topic| deletable(&topic))))
                .collect());
        }
        let deadline = self.deadline();
        let attempt = |topics| self.delete_topics_once(topics, deadline);
        let deleted = self.each(deadline, Twice::Misleading, topics, attempt).await?;
        self.seen(deadline, &deleted, |found| found.as_ref().is_err_and(Error::is_not_found)).await;
        Ok(deleted)
    }

    async fn delete_topics_once(
        &self,
        topics: Vec<ByteString>,
        deadline: Deadline,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let timeout_ms = self.broker_timeout_ms(deadline);
        let named = |name: &ByteString| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
        let request = |version| match version {
            6.. => DeleteTopicsRequest { topics: topics.iter().map(named).collect(), timeout_ms, ..Default::default() },
            _ => DeleteTopicsRequest { topic_names: topics.clone(), timeout_ms, ..Default::default() },
        };
        let answer = self.ask(Target::Controller, 1..=6, request).await?;
        let answers = answer.responses.into_iter().filter_map(|topic| {
            let result = check(ApiKey::DeleteTopics, topic.error_code, topic.error_message.as_deref());
            topic.name.map(|name| (name, result))
        });
        Ok(in_order(ApiKey::DeleteTopics, &topics, &answers.collect()))
    }

    /// All topics, the internal ones too, by name.
    pub async fn list_topics(&self) -> Result<Vec<TopicDescription>, Error> {
        let topics = self.one(self.deadline(), Twice::Harmless, || self.topics_once(None)).await?;
        let mut topics: Vec<_> = topics.into_values().filter_map(Result::ok).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// A topic. [`Error::is_not_found`] when there is none; looking does not create it.
    pub async fn describe_topic(&self, topic: impl Into<ByteString>) -> Result<TopicDescription, Error> {
        single(self.describe_topics([topic]).await)
    }

    /// Topics; looking does not create them.
    pub async fn describe_topics(
        &self,
        topics: impl IntoIterator<Item = impl Into<ByteString>>,
    ) -> Result<Each<ByteString, TopicDescription>, Error> {
        let topics = topics.into_iter().map(Into::into).collect();
        self.each(self.deadline(), Twice::Harmless, topics, |topics| self.describe_topics_once(topics)).await
    }

    pub(super) async fn describe_topics_once(
        &self,
        topics: Vec<ByteString>,
    ) -> Result<Vec<Result<TopicDescription, Error>>, Error> {
        let answers = match self.pages_once(&topics).await {
            // Before Kafka 3.8.
            Err(error) if error.kind() == ErrorKind::Unsupported => self.topics_once(Some(&topics)).await?,
            answers => answers?,
        };
        Ok(in_order(ApiKey::Metadata, &topics, &answers))
    }

    /// Topics page by page. One that ends a page goes on with the next.
    async fn pages_once(
        &self,
        topics: &[ByteString],
    ) -> Result<HashMap<ByteString, Result<TopicDescription, Error>>, Error> {
        let mut described: HashMap<ByteString, Result<TopicDescription, Error>> = HashMap::new();
        let mut names: BTreeSet<&ByteString> = topics.iter().collect();
        let mut cursor = None;
        // To ask for no topics is to ask for all.
        while !names.is_empty() {
            let request = |_| DescribeTopicPartitionsRequest {
                topics: names.iter().map(|name| TopicRequest { name: (*name).clone() }).collect(),
                response_partition_limit: PARTITIONS_PER_PAGE,
                cursor: cursor.clone(),
            };
            let page = self.ask(Target::Any, 0..=0, request).await?;
            for topic in page.topics {
                let Some(name) = topic.name.clone() else { continue };
                match (described.get_mut(&name), on_page(topic)) {
                    (Some(Ok(begun)), Ok(more)) => begun.partitions.extend(more.partitions),
                    (_, found) => {
                        described.insert(name, found);
                    }
                }
            }
            let Some(next) = page.next_cursor else { break };
            let place = |cursor: &Cursor| (cursor.topic_name.clone(), cursor.partition_index);
            if cursor.as_ref().is_some_and(|before| place(before) >= place(&next)) {
                let message = "the cursor of a page does not lie behind the page before it";
                return Err(Error::new(ErrorKind::Protocol, message).of(ApiKey::DescribeTopicPartitions));
            }
            names.retain(|name| **name >= next.topic_name);
            cursor = Some(next);
        }
        Ok(described)
    }

    async fn topics_once(
        &self,
        topics: Option<&[ByteString]>,
    ) -> Result<HashMap<ByteString, Result<TopicDescription, Error>>, Error> {
        let named = |name: &ByteString| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() };
        let request = |_| MetadataRequest {
            topics: topics.map(|topics| topics.iter().map(named).collect()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let answer = self.ask(Target::Any, METADATA, request).await?;
        check(ApiKey::Metadata, answer.error_code, None)?;
        Ok(answer.topics.into_iter().filter_map(|topic| Some((topic.name.clone()?, described(topic)))).collect())
    }

    /// Waits until the topics that were changed look so. A broker may hear of what it changed itself a moment later, and the
    /// caller's next step is to use it. The change is made: if it takes long to be seen, that is no failure.
    async fn seen<T>(
        &self,
        deadline: Deadline,
        changed: &Each<ByteString, T>,
        as_wanted: impl Fn(&Result<TopicDescription, Error>) -> bool,
    ) {
        if self.dry_run {
            return;
        }
        let mut unseen: Vec<ByteString> =
            changed.iter().filter(|(_, result)| result.is_ok()).map(|(name, _)| name.clone()).collect();
        let patience = Deadline::after(deadline.remaining().min(SEEN_WITHIN));
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(100));
        while !unseen.is_empty() && !patience.passed() {
            let Ok(found) = patience.bound("looking", self.topics_once(Some(&unseen))).await else { return };
            unseen.retain(|name| !found.get(name).is_some_and(&as_wanted));
            if !unseen.is_empty() {
                patience.sleep(backoff.next()).await;
            }
        }
    }

    /// Gives a topic more partitions: `total` with those it has. `INVALID_PARTITIONS` when it has as many already; there is
    /// no way to fewer. Records with a key may from then on go to another partition than those before them.
    pub async fn grow_topic(&self, topic: impl Into<ByteString>, total: i32) -> Result<(), Error> {
        single(self.create_partitions([(topic, total)]).await)
    }

    /// Gives topics more partitions, each so many in total.
    pub async fn create_partitions(
        &self,
        totals: impl IntoIterator<Item = (impl Into<ByteString>, i32)>,
    ) -> Result<Each<ByteString, ()>, Error> {
        let deadline = self.deadline();
        let twice = if self.dry_run { Twice::Harmless } else { Twice::Misleading };
        let totals: Vec<_> = totals.into_iter().map(|(topic, total)| (topic.into(), total)).collect();
        let wanted: HashMap<ByteString, i32> = totals.iter().cloned().collect();
        let attempt = |totals| self.create_partitions_once(totals, deadline);
        let grown = self.each(deadline, twice, totals, attempt).await?;
        let grown: Each<_, _> = grown.into_iter().map(|((topic, _), result)| (topic, result)).collect();
        let has_grown = |found: &TopicDescription| {
            wanted
                .get(&found.name)
                .is_none_or(|total| i32::try_from(found.partitions.len()).is_ok_and(|now| now >= *total))
        };
        self.seen(deadline, &grown, |found| found.as_ref().is_ok_and(has_grown)).await;
        Ok(grown)
    }

    async fn create_partitions_once(
        &self,
        totals: Vec<(ByteString, i32)>,
        deadline: Deadline,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let topic = |(name, count): &(ByteString, i32)| CreatePartitionsTopic {
            name: name.clone(),
            count: *count,
            assignments: None,
        };
        let request = |_| CreatePartitionsRequest {
            topics: totals.iter().map(topic).collect(),
            timeout_ms: self.broker_timeout_ms(deadline),
            validate_only: self.dry_run,
        };
        let answer = self.ask(Target::Controller, 0..=3, request).await?;
        let answers = answer.results.into_iter().map(|topic| {
            let result = check(ApiKey::CreatePartitions, topic.error_code, topic.error_message.as_deref());
            (topic.name, result)
        });
        Ok(in_order(ApiKey::CreatePartitions, totals.iter().map(|(name, _)| name), &answers.collect()))
    }
}

fn created(topic: CreatableTopicResult) -> Result<CreatedTopic, Error> {
    check(ApiKey::CreateTopics, topic.error_code, topic.error_message.as_deref())?;
    Ok(CreatedTopic {
        name: topic.name,
        id: topic.topic_id,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
    })
}

/// The answer that the broker would give.
fn deletable(topic: &TopicDescription) -> Result<(), Error> {
    check(
        ApiKey::DeleteTopics,
        if topic.internal { ErrorCode::INVALID_TOPIC_EXCEPTION } else { ErrorCode::NONE },
        Some("the topic belongs to the broker and cannot be deleted"),
    )
}

fn described(topic: MetadataResponseTopic) -> Result<TopicDescription, Error> {
    check(ApiKey::Metadata, topic.error_code, None)?;
    let mut partitions: Vec<PartitionDescription> = topic.partitions.into_iter().map(partition).collect();
    partitions.sort_by_key(|partition| partition.partition);
    let name = topic.name.unwrap_or_default();
    Ok(TopicDescription { name, id: topic.topic_id, internal: topic.is_internal, partitions })
}

fn partition(partition: MetadataResponsePartition) -> PartitionDescription {
    PartitionDescription {
        partition: partition.partition_index,
        leader: Some(partition.leader_id).filter(|id| *id >= 0),
        leader_epoch: Some(partition.leader_epoch).filter(|epoch| *epoch >= 0),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        offline: partition.offline_replicas,
        eligible_leaders: Vec::new(),
    }
}

fn on_page(topic: DescribeTopicPartitionsResponseTopic) -> Result<TopicDescription, Error> {
    check(ApiKey::DescribeTopicPartitions, topic.error_code, None)?;
    let partitions = topic.partitions.into_iter().map(|partition| PartitionDescription {
        partition: partition.partition_index,
        leader: Some(partition.leader_id).filter(|id| *id >= 0),
        leader_epoch: Some(partition.leader_epoch).filter(|epoch| *epoch >= 0),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        offline: partition.offline_replicas,
        eligible_leaders: partition.eligible_leader_replicas.unwrap_or_default(),
    });
    let name = topic.name.unwrap_or_default();
    Ok(TopicDescription { name, id: topic.topic_id, internal: topic.is_internal, partitions: partitions.collect() })
}
