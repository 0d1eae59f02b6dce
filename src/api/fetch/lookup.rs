//! From what a reader names to a partition, or to the reason why there is none.

use std::sync::Arc;

use naru_protocol::ErrorCode;

use crate::broker::Broker;
use crate::fetch::Followed;
use crate::metadata::{MetadataImage, Topic};
use crate::partition::Partition;

/// A partition that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It does not exist. A reader that waits for other partitions goes on waiting, as in Kafka.
    Unknown(ErrorCode),
    /// It exists and this broker cannot serve it: the reader should know at once.
    Failed(ErrorCode),
}

/// How the partitions of one request are named, and by whom.
pub(super) struct Lookup<'a> {
    pub(super) broker: &'a Broker,
    pub(super) named_by_id: bool,
    pub(super) from_replica: bool,
}

/// What there is at one moment. Not to be kept over a wait: it keeps old metadata in memory.
pub(super) struct Present<'a> {
    lookup: &'a Lookup<'a>,
    image: Arc<MetadataImage>,
}

impl Lookup<'_> {
    pub(super) fn now(&self) -> Present<'_> {
        Present { lookup: self, image: self.broker.metadata().image() }
    }
}

impl Present<'_> {
    /// Finds a partition. A topic's id is looked up until it is found once; from then on the topic is known by its name, so
    /// that its deletion and its making anew can be told apart from an id that never was.
    pub(super) fn find(&self, followed: &mut Followed) -> Result<Arc<Partition>, Missing> {
        let id = followed.place.topic_id;
        let topic: Option<&Arc<Topic>> = if self.lookup.named_by_id {
            if followed.known_as.is_none() {
                followed.known_as = self.image.topic_by_id(&id).map(|topic| Arc::clone(&topic.name));
            }
            let Some(name) = &followed.known_as else { return Err(Missing::Unknown(ErrorCode::UNKNOWN_TOPIC_ID)) };
            self.image.topic(name)
        } else {
            self.image.topic(&followed.place.topic)
        };
        let number = followed.place.partition;
        let Some(topic) = topic.filter(|topic| (0..topic.partitions).contains(&number)) else {
            return Err(Missing::Unknown(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        };
        if self.lookup.named_by_id && topic.id != id {
            return Err(Missing::Failed(ErrorCode::INCONSISTENT_TOPIC_ID));
        }
        let partitions = self.lookup.broker.partitions();
        let found = partitions.get(&topic.id, number).ok_or_else(|| {
            Missing::Failed(if partitions.has_topic(&topic.id) {
                ErrorCode::KAFKA_STORAGE_ERROR
            } else {
                // It is being deleted: its logs go before the image says so.
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            })
        });
        if !self.lookup.from_replica {
            return found;
        }
        // Nobody follows this broker; who is wrong about the epoch is told that first.
        let epoch = found?.check_leader_epoch(followed.asked.current_leader_epoch.max(-1));
        Err(Missing::Failed(epoch.map_or_else(|error| ErrorCode::from(&error), |()| ErrorCode::NOT_LEADER_OR_FOLLOWER)))
    }
}
