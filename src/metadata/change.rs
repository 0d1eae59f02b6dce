//! What became different from one image to the next.

use std::collections::HashSet;
use std::sync::Arc;

use naru_protocol::state::cluster_metadata::Record;
use uuid::Uuid;

use super::{MetadataImage, ResourceKind, Topic};

/// One difference between two images, for those who keep something for each topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The topic exists now, with all its partitions and settings.
    Created(Arc<Topic>),
    /// The topic has more partitions than before: those from `first` on are new.
    Grown {
        /// The topic as it is now.
        topic: Arc<Topic>,
        /// The first new partition.
        first: i32,
    },
    /// The topic's own settings changed.
    Configured(Arc<Topic>),
    /// The topic is gone; this is what it was.
    Deleted(Arc<Topic>),
    /// Broker settings changed, and with them what topics without a setting of their own get.
    BrokerConfigured,
}

/// The changes that records made, in the order of the records, each topic at most once for each kind.
pub(super) fn changes(before: &MetadataImage, after: &MetadataImage, records: &[Record]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut grown: HashSet<Uuid> = HashSet::new();
    let mut configured: HashSet<Uuid> = HashSet::new();
    let mut broker_configured = false;
    for record in records {
        let change = match record {
            Record::Topic(record) => after.topic_by_id(&record.topic_id).cloned().map(Change::Created),
            Record::Partition(record) => grown
                .insert(record.topic_id)
                .then(|| before.topic_by_id(&record.topic_id).zip(after.topic_by_id(&record.topic_id)))
                .flatten()
                .map(|(old, new)| Change::Grown { topic: Arc::clone(new), first: old.partitions }),
            Record::RemoveTopic(record) => before.topic_by_id(&record.topic_id).cloned().map(Change::Deleted),
            Record::Config(record) if record.resource_type == ResourceKind::Topic as i8 => after
                .topic(&record.resource_name)
                .filter(|topic| before.topic_by_id(&topic.id).is_some() && configured.insert(topic.id))
                .cloned()
                .map(Change::Configured),
            Record::Config(record) if record.resource_type != ResourceKind::Broker as i8 => None,
            Record::Config(_) => (!std::mem::replace(&mut broker_configured, true)).then_some(Change::BrokerConfigured),
            _ => None,
        };
        changes.extend(change);
    }
    changes
}
