//! Adding partitions to topics.

use std::collections::HashMap;

use naru_protocol::ErrorCode;

use super::create_topics::{check_assignment, check_limits, partition_record};
use super::{Decision, MetadataImage, RequestError, Rules, Topic};

/// A topic that shall have more partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartitions {
    /// The topic's name.
    pub name: String,
    /// How many partitions it shall have in all.
    pub count: i32,
    /// The brokers of each new partition; `None` lets the broker choose.
    pub assignments: Option<Vec<Vec<i32>>>,
}

/// Decides about a `CreatePartitions` request. A topic that appears more than once is refused, with one answer at its
/// first place. Topics in which the broker keeps its own state are refused: their partitions are found by a hash of
/// what they hold, which a new number would lose.
pub fn create_partitions(
    image: &MetadataImage,
    rules: Rules<'_>,
    topics: &[NewPartitions],
    validate_only: bool,
) -> Decision<(String, Result<(), RequestError>)> {
    let mut decision = Decision::new();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for topic in topics {
        *times.entry(&topic.name).or_default() += 1;
    }
    let mut created = 0;
    for wanted in topics {
        let answer = match times.remove(&*wanted.name) {
            Some(1) => check(image, rules, wanted, created).map(|topic| {
                created += wanted.count - topic.partitions;
                let new = topic.partitions..wanted.count;
                decision.records.extend(new.map(|index| partition_record(topic.id, index, rules, image.node_id())));
            }),
            Some(_) => Err(RequestError::invalid_request("Duplicate topic name.")),
            None => continue,
        };
        decision.answers.push((wanted.name.clone(), answer));
    }
    decision.without_effect(validate_only)
}

/// The topic, if it can have the partitions.
fn check<'a>(
    image: &'a MetadataImage,
    rules: Rules<'_>,
    wanted: &NewPartitions,
    created: i32,
) -> Result<&'a Topic, RequestError> {
    let topic = image.topic(&wanted.name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let has = topic.partitions;
    if wanted.count == has {
        let message = format!("Topic already has {has} partition(s).");
        return Err(RequestError::new(ErrorCode::INVALID_PARTITIONS, message));
    }
    if wanted.count < has {
        let message = format!("Topic {} has {has} partition(s); {} is not an increase.", topic.name, wanted.count);
        return Err(RequestError::new(ErrorCode::INVALID_PARTITIONS, message));
    }
    if topic.is_internal() {
        let message = format!("The number of partitions of {} is fixed.", topic.name);
        return Err(RequestError::invalid_request(message));
    }
    let new = wanted.count - has;
    check_limits(image, rules, has, new, created)?;
    if let Some(assignments) = &wanted.assignments {
        if usize::try_from(new) != Ok(assignments.len()) {
            let message = format!("{new} partition(s) are added, but {} assignment(s) are given.", assignments.len());
            return Err(RequestError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        assignments.iter().try_for_each(|brokers| check_assignment(image.node_id(), brokers))?;
    }
    (rules.charge)(new.unsigned_abs())?;
    Ok(topic)
}
