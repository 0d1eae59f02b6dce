//! What exists, as the records of the metadata log add up.

use std::sync::Arc;

use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::state::cluster_metadata::config::ConfigRecord;
use naru_protocol::state::cluster_metadata::topic::{PartitionRecord, TopicRecord};
use uuid::Uuid;

use super::ResourceKind;
use super::client_quotas::ClientQuotas;
use super::scram::ScramCredentials;
use super::shared_map::SharedMap;
use super::topic_name::{collide, is_internal_topic};
use crate::config::{DynamicBrokerConfig, Overrides};

/// A topic: its name, its id, how many partitions it has and the settings of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Unique among the topics that exist.
    pub name: Arc<str>,
    /// Never used again after the topic is deleted.
    pub id: Uuid,
    /// Partitions are numbered from 0 and only become more.
    pub partitions: i32,
    /// The settings of its own, checked.
    pub overrides: Arc<Overrides>,
}

impl Topic {
    /// Whether the broker itself keeps state in this topic.
    pub fn is_internal(&self) -> bool {
        is_internal_topic(&self.name)
    }
}

/// Everything that exists at one moment. Copies share what did not change, so a copy is cheap and can be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataImage {
    node_id: i32,
    topics: SharedMap<Arc<str>, Arc<Topic>>,
    names: SharedMap<Uuid, Arc<str>>,
    partitions: i64,
    broker: Arc<DynamicBrokerConfig>,
    groups: SharedMap<Arc<str>, Arc<Overrides>>,
    client_metrics: SharedMap<Arc<str>, Arc<Overrides>>,
    next_producer_id: i64,
    quotas: Arc<ClientQuotas>,
    scram: Arc<ScramCredentials>,
}

/// A record that cannot follow those before it: the log is not what this broker wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ApplyError {
    #[error("a record names topic {0}, which does not exist")]
    UnknownTopic(String),
    #[error("topic {0} is created twice")]
    TopicExists(String),
    #[error("partition {partition} of topic {topic} does not follow the {partitions} partitions before it")]
    PartitionOutOfOrder { topic: Arc<str>, partition: i32, partitions: i32 },
    #[error("a record has settings of resource type {0}, which this version does not know")]
    UnknownResource(i8),
    #[error("a record has the quota {0} or a part of an entity that this version does not know")]
    UnknownQuota(String),
    #[error("a record has SCRAM mechanism {0}, which this version does not know")]
    UnknownMechanism(i8),
    #[error("a record is of a type that this version does not know: {0}; was the data written by a newer version?")]
    UnknownRecord(String),
}

impl MetadataImage {
    /// Nothing exists yet. `node_id` tells which settings are this broker's.
    pub fn new(node_id: i32) -> Self {
        Self {
            node_id,
            topics: SharedMap::new(),
            names: SharedMap::new(),
            partitions: 0,
            broker: Arc::default(),
            groups: SharedMap::new(),
            client_metrics: SharedMap::new(),
            next_producer_id: 0,
            quotas: Arc::default(),
            scram: Arc::default(),
        }
    }

    /// The number of the node that this image belongs to.
    pub fn node_id(&self) -> i32 {
        self.node_id
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(name)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: &Uuid) -> Option<&Arc<Topic>> {
        self.names.get(id).and_then(|name| self.topics.get(&**name))
    }

    /// All topics, in no order that means anything.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.values()
    }

    /// How many topics exist.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// How many partitions all topics have together.
    pub fn partition_count(&self) -> i64 {
        self.partitions
    }

    /// Broker settings that were changed at run time.
    pub fn dynamic_broker_config(&self) -> &Arc<DynamicBrokerConfig> {
        &self.broker
    }

    /// The settings of a group's own, if it has any; checked.
    pub fn group_settings(&self, group: &str) -> Option<&Overrides> {
        self.groups.get(group).map(|settings| &**settings)
    }

    /// How many groups and subscriptions have settings of their own.
    pub fn resources_with_settings(&self) -> usize {
        self.groups.len() + self.client_metrics.len()
    }

    /// The groups that have settings of their own.
    pub fn groups_with_settings(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(|name| &**name)
    }

    /// The settings of a subscription to client metrics, if it has any; checked.
    pub fn client_metrics(&self, subscription: &str) -> Option<&Overrides> {
        self.client_metrics.get(subscription).map(|settings| &**settings)
    }

    /// The subscriptions to client metrics.
    pub fn client_metrics_names(&self) -> impl Iterator<Item = &str> {
        self.client_metrics.keys().map(|name| &**name)
    }

    /// The first producer id that was not given out yet.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// The quotas of users, clients and addresses.
    pub fn client_quotas(&self) -> &Arc<ClientQuotas> {
        &self.quotas
    }

    /// The SCRAM credentials of users.
    pub fn scram_credentials(&self) -> &ScramCredentials {
        &self.scram
    }

    /// A topic whose name differs from this one only in `.` and `_`.
    pub fn colliding_topic(&self, name: &str) -> Option<&Arc<str>> {
        self.topics.neighbours(name).find(|existing| collide(existing, name))
    }

    /// Applies the next record of the log.
    pub fn apply(&mut self, record: &Record) -> Result<(), ApplyError> {
        match record {
            Record::Topic(record) => self.add_topic(record),
            Record::Partition(record) => self.add_partition(record),
            Record::RemoveTopic(record) => self.remove_topic(record.topic_id),
            Record::Config(record) => self.set_config(record),
            Record::ProducerIds(record) => {
                self.next_producer_id = self.next_producer_id.max(record.next_producer_id);
                Ok(())
            }
            Record::ClientQuota(record) => Arc::make_mut(&mut self.quotas).apply(record),
            Record::UserScramCredential(record) => {
                Arc::make_mut(&mut self.scram).set(record).map_err(ApplyError::UnknownMechanism)
            }
            Record::RemoveUserScramCredential(record) => {
                Arc::make_mut(&mut self.scram).remove(record).map_err(ApplyError::UnknownMechanism)
            }
            Record::NoOp(_) => Ok(()),
            other => {
                let text = format!("{other:?}");
                Err(ApplyError::UnknownRecord(text.split('(').next().unwrap_or_default().to_owned()))
            }
        }
    }

    fn add_topic(&mut self, record: &TopicRecord) -> Result<(), ApplyError> {
        let name: Arc<str> = (&*record.name).into();
        if self.topics.get(&*name).is_some() || self.names.get(&record.topic_id).is_some() {
            return Err(ApplyError::TopicExists(name.to_string()));
        }
        self.names.insert(record.topic_id, Arc::clone(&name));
        let topic = Topic { name: Arc::clone(&name), id: record.topic_id, partitions: 0, overrides: Arc::default() };
        self.topics.insert::<str>(name, Arc::new(topic));
        Ok(())
    }

    fn add_partition(&mut self, record: &PartitionRecord) -> Result<(), ApplyError> {
        let topic = self.topic_mut(record.topic_id)?;
        if record.partition_id != topic.partitions {
            return Err(ApplyError::PartitionOutOfOrder {
                topic: Arc::clone(&topic.name),
                partition: record.partition_id,
                partitions: topic.partitions,
            });
        }
        topic.partitions += 1;
        self.partitions += 1;
        Ok(())
    }

    fn remove_topic(&mut self, id: Uuid) -> Result<(), ApplyError> {
        let unknown = || ApplyError::UnknownTopic(id.to_string());
        let name = self.names.remove(&id).ok_or_else(unknown)?;
        let topic = self.topics.remove(&*name).ok_or_else(unknown)?;
        self.partitions -= i64::from(topic.partitions);
        Ok(())
    }

    fn set_config(&mut self, record: &ConfigRecord) -> Result<(), ApplyError> {
        let name = &*record.resource_name;
        match ResourceKind::try_from(record.resource_type) {
            Ok(ResourceKind::Topic) => {
                let unknown = || ApplyError::UnknownTopic(name.to_owned());
                let topic = self.topics.get_mut(name).ok_or_else(unknown)?;
                set(Arc::make_mut(&mut Arc::make_mut(topic).overrides), record);
            }
            Ok(ResourceKind::Broker) if name.is_empty() => {
                set(&mut Arc::make_mut(&mut self.broker).every_broker, record);
            }
            Ok(ResourceKind::Broker) if name == self.node_id.to_string() => {
                set(&mut Arc::make_mut(&mut self.broker).this_broker, record);
            }
            // The node's number was another one when this was written; the settings of that number are not ours.
            Ok(ResourceKind::Broker) => {}
            Ok(ResourceKind::ClientMetrics) => set_among(&mut self.client_metrics, record),
            Ok(ResourceKind::Group) => set_among(&mut self.groups, record),
            Err(other) => return Err(ApplyError::UnknownResource(other)),
        }
        Ok(())
    }

    fn topic_mut(&mut self, id: Uuid) -> Result<&mut Topic, ApplyError> {
        let unknown = || ApplyError::UnknownTopic(id.to_string());
        let name = Arc::clone(self.names.get(&id).ok_or_else(unknown)?);
        self.topics.get_mut(&*name).map(Arc::make_mut).ok_or_else(unknown)
    }
}

fn set(settings: &mut Overrides, record: &ConfigRecord) {
    match &record.value {
        Some(value) => {
            settings.insert(record.name.to_string(), value.to_string());
        }
        None => {
            settings.remove(&*record.name);
        }
    }
}

/// Resources that exist as long as they have settings.
fn set_among(resources: &mut SharedMap<Arc<str>, Arc<Overrides>>, record: &ConfigRecord) {
    let name = &*record.resource_name;
    let mut settings = resources.remove(name).unwrap_or_default();
    set(Arc::make_mut(&mut settings), record);
    if !settings.is_empty() {
        resources.insert::<str>(name.into(), settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use naru_protocol::state::cluster_metadata::broker::FenceBrokerRecord;
    use naru_protocol::state::cluster_metadata::topic::RemoveTopicRecord;

    const ID: Uuid = Uuid::from_u128(7);

    fn topic(name: &'static str) -> Record {
        TopicRecord { name: name.into(), topic_id: ID }.into()
    }

    fn partition(partition_id: i32) -> Record {
        PartitionRecord { partition_id, topic_id: ID, ..Default::default() }.into()
    }

    fn config(resource_type: i8, resource_name: &'static str, value: Option<&'static str>) -> Record {
        ConfigRecord {
            resource_type,
            resource_name: resource_name.into(),
            name: "retention.ms".into(),
            value: value.map(Into::into),
        }
        .into()
    }

    fn image(records: &[Record]) -> Result<MetadataImage, ApplyError> {
        let mut image = MetadataImage::new(1);
        records.iter().try_for_each(|record| image.apply(record)).map(|()| image)
    }

    #[test]
    fn a_topic_is_found_by_name_and_by_id_until_it_is_removed() {
        let records = [topic("orders"), partition(0), partition(1), config(2, "orders", Some("5"))];
        let mut image = image(&records).unwrap();
        let found = image.topic("orders").unwrap();
        assert_eq!((found.partitions, found.overrides.get("retention.ms").map(String::as_str)), (2, Some("5")));
        assert!(Arc::ptr_eq(found, image.topic_by_id(&ID).unwrap()));
        assert_eq!((image.topic_count(), image.partition_count()), (1, 2));

        let before = image.clone();
        image.apply(&RemoveTopicRecord { topic_id: ID }.into()).unwrap();
        assert_eq!(image, MetadataImage::new(1));
        assert_eq!(before.topic_by_id(&ID).map(|topic| topic.partitions), Some(2));
    }

    #[test]
    fn a_setting_without_a_value_is_gone() {
        let image = image(&[topic("orders"), config(2, "orders", Some("5")), config(2, "orders", None)]).unwrap();
        assert!(image.topic("orders").unwrap().overrides.is_empty());
    }

    #[test]
    fn broker_settings_are_for_one_number_or_for_all() {
        let image = image(&[config(4, "1", Some("1")), config(4, "", Some("2")), config(4, "2", Some("3"))]).unwrap();
        let dynamic = image.dynamic_broker_config();
        assert_eq!(dynamic.this_broker.get("retention.ms").map(String::as_str), Some("1"));
        assert_eq!(dynamic.every_broker.get("retention.ms").map(String::as_str), Some("2"));
    }

    #[test]
    fn groups_and_subscriptions_are_there_while_they_have_settings() {
        let both = [config(32, "billing", Some("1")), config(16, "latency", Some("2"))];
        let mut image = image(&both).unwrap();
        assert_eq!(image.group_settings("billing").unwrap().get("retention.ms").map(String::as_str), Some("1"));
        assert_eq!(image.client_metrics_names().collect::<Vec<_>>(), ["latency"]);
        image.apply(&config(32, "billing", None)).unwrap();
        image.apply(&config(16, "latency", None)).unwrap();
        assert_eq!(image, MetadataImage::new(1));
    }

    #[test]
    fn records_that_cannot_follow_are_errors() {
        let unknown = ApplyError::UnknownTopic(ID.to_string());
        assert_eq!(image(&[partition(0)]), Err(unknown.clone()));
        assert_eq!(image(&[RemoveTopicRecord { topic_id: ID }.into()]), Err(unknown));
        assert_eq!(image(&[topic("a"), topic("b")]), Err(ApplyError::TopicExists("b".to_owned())));
        let gap = image(&[topic("a"), partition(1)]);
        assert!(matches!(gap, Err(ApplyError::PartitionOutOfOrder { partition: 1, partitions: 0, .. })));
        assert_eq!(image(&[config(9, "a", None)]), Err(ApplyError::UnknownResource(9)));
        let foreign = image(&[FenceBrokerRecord::default().into()]);
        assert_eq!(foreign, Err(ApplyError::UnknownRecord("FenceBroker".to_owned())));
    }
}
