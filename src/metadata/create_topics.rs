//! Creating topics.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::state::cluster_metadata::config::ConfigRecord;
use naru_protocol::state::cluster_metadata::topic::{PartitionRecord, TopicRecord};
use uuid::Uuid;

use super::topic_name::{CONSUMER_OFFSETS, METADATA_TOPIC, TRANSACTION_STATE, check_topic_name};
use super::{Decision, MAX_PARTITIONS_PER_REQUEST, MetadataImage, RequestError, ResourceKind, Rules, Topic};
use crate::config::{BrokerConfig, Overrides, check_topic_overrides, topic_setting};

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions; -1 for the broker's default, and with assignments.
    pub partitions: i32,
    /// How many replicas; -1 for the broker's default, and with assignments.
    pub replication_factor: i16,
    /// Which brokers hold which partition; empty lets the broker choose.
    pub assignments: Vec<Assignment>,
    /// Settings of its own; of two values for one name the later counts.
    pub configs: Vec<(String, Option<String>)>,
}

/// The brokers that hold a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The partition's number.
    pub partition: i32,
    /// The numbers of the brokers, the preferred leader first.
    pub brokers: Vec<i32>,
}

/// A topic that was created, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTopic {
    /// The topic as it is now.
    pub topic: Arc<Topic>,
    /// Replicas of each partition.
    pub replication_factor: i16,
}

impl TopicSpec {
    /// A topic with the broker's defaults.
    pub fn with_defaults(name: impl Into<String>) -> Self {
        Self { name: name.into(), partitions: -1, replication_factor: -1, assignments: Vec::new(), configs: Vec::new() }
    }

    /// The topic that is made when a client uses a name that does not exist, or when a coordinator first needs its own
    /// topic: that one gets the partitions and settings that the broker's settings give it.
    pub fn automatic(name: &str, broker: &BrokerConfig) -> Self {
        let internal = |partitions, segment_bytes: u32, configs: &[(&str, &str)]| {
            let segment_bytes = ("segment.bytes".to_owned(), Some(segment_bytes.to_string()));
            let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
            Self { partitions, configs: configs.chain([segment_bytes]).collect(), ..Self::with_defaults(name) }
        };
        match name {
            CONSUMER_OFFSETS => internal(
                broker.offsets.topic_num_partitions,
                broker.offsets.topic_segment_bytes,
                &[("cleanup.policy", "compact"), ("compression.type", "producer")],
            ),
            TRANSACTION_STATE => internal(
                broker.transactions.state_log_num_partitions,
                broker.transactions.state_log_segment_bytes,
                &[
                    ("cleanup.policy", "compact"),
                    ("compression.type", "uncompressed"),
                    ("min.insync.replicas", "1"),
                    ("unclean.leader.election.enable", "false"),
                ],
            ),
            _ => Self::with_defaults(name),
        }
    }
}

/// Decides about a `CreateTopics` request. A name that appears more than once is refused, with one answer at its first
/// place. `new_id` makes the ids.
pub fn create_topics(
    image: &MetadataImage,
    rules: Rules<'_>,
    topics: &[TopicSpec],
    validate_only: bool,
    mut new_id: impl FnMut() -> Uuid,
) -> Decision<(String, Result<CreatedTopic, RequestError>)> {
    let mut decision = Decision::new();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for spec in topics {
        *times.entry(&spec.name).or_default() += 1;
    }
    let mut created = 0;
    for spec in topics {
        let answer = match times.remove(&*spec.name) {
            Some(1) => check(image, rules, spec, created).map(|(partitions, overrides)| {
                created += partitions;
                let topic = Topic { name: (&*spec.name).into(), id: new_id(), partitions, overrides: overrides.into() };
                append_records(&mut decision.records, &topic, rules, image.node_id());
                CreatedTopic { topic: Arc::new(topic), replication_factor: rules.broker.default_replication_factor }
            }),
            Some(_) => Err(RequestError::invalid_request("Duplicate topic name.")),
            None => continue,
        };
        decision.answers.push((spec.name.clone(), answer));
    }
    decision.without_effect(validate_only)
}

/// The number of partitions and the settings of the topic, if it can be created. `created` counts the partitions that
/// the request creates already.
fn check(
    image: &MetadataImage,
    rules: Rules<'_>,
    spec: &TopicSpec,
    created: i32,
) -> Result<(i32, Overrides), RequestError> {
    if spec.name == METADATA_TOPIC {
        return Err(RequestError::invalid_request(format!("The name {METADATA_TOPIC} is reserved.")));
    }
    check_topic_name(&spec.name)?;
    if image.topic(&spec.name).is_some() {
        let message = format!("Topic '{}' already exists.", spec.name);
        return Err(RequestError::new(ErrorCode::TOPIC_ALREADY_EXISTS, message));
    }
    if let Some(existing) = image.colliding_topic(&spec.name) {
        let message = format!("Topic '{}' collides with existing topic '{existing}'.", spec.name);
        return Err(RequestError::new(ErrorCode::INVALID_TOPIC_EXCEPTION, message));
    }
    let overrides = overrides(image, rules, &spec.configs)?;
    let partitions =
        if spec.assignments.is_empty() { counted_partitions(rules, spec)? } else { assigned_partitions(image, spec)? };
    check_limits(image, rules, 0, partitions, created)?;
    (rules.charge)(partitions.unsigned_abs())?;
    Ok((partitions, overrides))
}

fn overrides(
    image: &MetadataImage,
    rules: Rules<'_>,
    configs: &[(String, Option<String>)],
) -> Result<Overrides, RequestError> {
    let invalid = |message: String| RequestError::new(ErrorCode::INVALID_CONFIG, message);
    let mut overrides = BTreeMap::new();
    for (name, value) in configs {
        let value =
            value.clone().ok_or_else(|| invalid(format!("Null value not supported for topic configs: {name}")))?;
        overrides.insert(name.clone(), value);
    }
    check_topic_overrides(&overrides, image.dynamic_broker_config(), rules.broker)
        .map_err(|error| invalid(error.to_string()))?;
    Ok(overrides)
}

fn counted_partitions(rules: Rules<'_>, spec: &TopicSpec) -> Result<i32, RequestError> {
    let partitions = match spec.partitions {
        -1 => rules.broker.num_partitions,
        count if count > 0 => count,
        count => {
            let message = format!("The number of partitions must be at least 1, or -1 for the default; it is {count}.");
            return Err(RequestError::new(ErrorCode::INVALID_PARTITIONS, message));
        }
    };
    let message = match spec.replication_factor {
        -1 | 1 => return Ok(partitions),
        factor if factor > 1 => format!("The replication factor is {factor}, but there is 1 broker; use 1 or -1."),
        factor => format!("The replication factor must be at least 1, or -1 for the default; it is {factor}."),
    };
    Err(RequestError::new(ErrorCode::INVALID_REPLICATION_FACTOR, message))
}

fn assigned_partitions(image: &MetadataImage, spec: &TopicSpec) -> Result<i32, RequestError> {
    if spec.partitions != -1 {
        return Err(RequestError::invalid_request("With a manual assignment the number of partitions must be -1."));
    }
    if spec.replication_factor != -1 {
        return Err(RequestError::invalid_request("With a manual assignment the replication factor must be -1."));
    }
    let invalid = |message: String| RequestError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message);
    let count = i32::try_from(spec.assignments.len()).unwrap_or(i32::MAX);
    let mut seen = HashSet::new();
    for assignment in &spec.assignments {
        let partition = assignment.partition;
        if !seen.insert(partition) {
            return Err(invalid(format!("Partition {partition} is assigned more than once.")));
        }
        check_assignment(image.node_id(), &assignment.brokers)?;
    }
    if seen.iter().any(|partition| !(0..count).contains(partition)) {
        return Err(invalid("Assigned partitions must be numbered from 0 without gaps.".to_owned()));
    }
    Ok(count)
}

/// Checks the brokers of one manually assigned partition: here there is only one.
pub(super) fn check_assignment(node_id: i32, brokers: &[i32]) -> Result<(), RequestError> {
    let message = match brokers {
        [] => "A partition is assigned to no broker.".to_owned(),
        [only] if *only == node_id => return Ok(()),
        all => match all.iter().find(|broker| **broker != node_id) {
            Some(unknown) => format!("A partition is assigned to broker {unknown}, which does not exist."),
            None => format!("A partition is assigned to broker {node_id} more than once."),
        },
    };
    Err(RequestError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message))
}

/// Checks that a topic of `had` partitions may get `new` more, in a request that creates `created` others.
pub(super) fn check_limits(
    image: &MetadataImage,
    rules: Rules<'_>,
    had: i32,
    new: i32,
    created: i32,
) -> Result<(), RequestError> {
    let refuse = |message: String| Err(RequestError::new(ErrorCode::POLICY_VIOLATION, message));
    let requested = i64::from(created) + i64::from(new);
    if requested > i64::from(MAX_PARTITIONS_PER_REQUEST) {
        return refuse(format!("One request may create {MAX_PARTITIONS_PER_REQUEST} partitions."));
    }
    let per_topic = rules.broker.max_partitions_per_topic;
    if i64::from(had) + i64::from(new) > i64::from(per_topic) {
        return refuse(format!("A topic may have {per_topic} partitions (max.partitions.per.topic)."));
    }
    let total = rules.broker.max_partitions;
    if image.partition_count() + requested > i64::from(total) {
        return refuse(format!("This broker may hold {total} partitions (max.partitions)."));
    }
    Ok(())
}

fn append_records(records: &mut Vec<Record>, topic: &Topic, rules: Rules<'_>, node_id: i32) {
    records.push(TopicRecord { name: (&*topic.name).into(), topic_id: topic.id }.into());
    records.extend(topic.overrides.iter().map(|(name, value)| {
        ConfigRecord {
            resource_type: ResourceKind::Topic as i8,
            resource_name: (&*topic.name).into(),
            name: topic_setting(name).map_or_else(|| name.as_str().into(), |def| def.name.into()),
            value: Some(value.as_str().into()),
        }
        .into()
    }));
    records.extend((0..topic.partitions).map(|partition| partition_record(topic.id, partition, rules, node_id)));
}

/// The record of a new partition, held and led by this node.
pub(super) fn partition_record(topic_id: Uuid, partition_id: i32, rules: Rules<'_>, node_id: i32) -> Record {
    PartitionRecord {
        partition_id,
        topic_id,
        replicas: vec![node_id],
        isr: vec![node_id],
        leader: node_id,
        leader_epoch: i32::try_from(rules.broker_epoch).unwrap_or(i32::MAX),
        partition_epoch: 0,
        ..Default::default()
    }
    .into()
}
