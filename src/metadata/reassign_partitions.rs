//! Moving replicas between brokers, of which there is one.

use naru_protocol::ErrorCode;

use super::create_topics::check_assignment;
use super::{MetadataImage, RequestError};

/// Decides where the replicas of a partition shall be; `None` cancels a move. There is nothing to do when the answer is
/// good: the only broker has the replica.
pub fn check_reassignment(
    image: &MetadataImage,
    topic: &str,
    partition: i32,
    replicas: Option<&[i32]>,
) -> Result<(), RequestError> {
    let unknown = |what: String| RequestError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, what);
    let found = image.topic(topic).ok_or_else(|| unknown(format!("There is no topic {topic}.")))?;
    if !(0..found.partitions).contains(&partition) {
        return Err(unknown(format!("Topic {topic} has no partition {partition}.")));
    }
    check_assignment(image.node_id(), replicas.ok_or(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS)?)
}
