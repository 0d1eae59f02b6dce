//! From what a reader names to a partition, or to the reason why there is none.

use std::sync::Arc;

use naru_protocol::ErrorCode;

use crate::broker::Broker;
use crate::fetch::Followed;
use crate::metadata::Topic;
use crate::partition::Partition;

/// A partition that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It does not exist. A reader that waits for other partitions goes on waiting, as in Kafka.
    Unknown(ErrorCode),
    /// It exists and this broker cannot serve it: the reader should know at once.
    Failed(ErrorCode),
}

/// Finds a partition. A topic's id is looked up until it is found once; from then on the topic is known by its name, so
/// that its deletion and its making anew can be told apart from an id that never was.
pub(super) fn find(
    broker: &Broker,
    followed: &mut Followed,
    named_by_id: bool,
    from_replica: bool,
) -> Result<Arc<Partition>, Missing> {
    let image = broker.metadata().image();
    let id = followed.place.topic_id;
    let topic: Option<&Arc<Topic>> = if named_by_id {
        if followed.known_as.is_none() {
            followed.known_as = image.topic_by_id(&id).map(|topic| Arc::clone(&topic.name));
        }
        let Some(name) = &followed.known_as else { return Err(Missing::Unknown(ErrorCode::UNKNOWN_TOPIC_ID)) };
        image.topic(name)
    } else {
        image.topic(&followed.place.topic)
    };
    let number = followed.place.partition;
    let Some(topic) = topic.filter(|topic| (0..topic.partitions).contains(&number)) else {
        return Err(Missing::Unknown(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    };
    if named_by_id && topic.id != id {
        return Err(Missing::Failed(ErrorCode::INCONSISTENT_TOPIC_ID));
    }
    let found = broker.partitions().get(&topic.id, number).ok_or_else(|| {
        Missing::Failed(if broker.partitions().has_topic(&topic.id) {
            ErrorCode::KAFKA_STORAGE_ERROR
        } else {
            // It is being deleted: its logs go before the image says so.
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        })
    });
    if !from_replica {
        return found;
    }
    // Nobody follows this broker; who is wrong about the epoch is told that first.
    let epoch = found?.check_leader_epoch(followed.asked.current_leader_epoch.max(-1));
    Err(Missing::Failed(epoch.map_or_else(|error| ErrorCode::from(&error), |()| ErrorCode::NOT_LEADER_OR_FOLLOWER)))
}
