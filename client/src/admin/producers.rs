//! The producers that partitions remember.

use std::collections::{BTreeMap, HashMap};

use naru_protocol::ApiKey;
use naru_protocol::messages::describe_producers::{DescribeProducersRequest, ProducerState, TopicRequest};

use super::call::{Twice, check, in_order, single};
use super::offsets::{by_topic, leader};
use super::{Admin, Each};
use crate::call::Target;
use crate::error::Error;
use crate::record::TopicPartition;

/// An idempotent or transactional producer that a partition remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActiveProducer {
    /// Its id.
    pub producer_id: i64,
    /// Its newest epoch.
    pub producer_epoch: i32,
    /// The sequence of the last record that it has written in this epoch, if it has.
    pub last_sequence: Option<i32>,
    /// The largest time stamp of its last batch, in milliseconds since 1970.
    pub last_timestamp: Option<i64>,
    /// The epoch of the coordinator that ended its last transaction.
    pub coordinator_epoch: Option<i32>,
    /// The first offset of its open transaction, if there is one: nothing behind it is seen by who reads only what is
    /// committed.
    pub transaction_start: Option<i64>,
}

impl Admin {
    /// The producers that a partition remembers. Needs Kafka 2.8 or newer.
    pub async fn describe_producers_of(&self, partition: TopicPartition) -> Result<Vec<ActiveProducer>, Error> {
        single(self.describe_producers([partition]).await)
    }

    /// The producers that partitions remember, by their leaders. [`Error::is_not_found`] for partitions that do not exist.
    ///
    /// ```no_run
    /// use naru_client::TopicPartition;
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for producer in admin.describe_producers_of(TopicPartition::new("orders", 0)).await? {
    ///     println!("{} has written up to sequence {:?}", producer.producer_id, producer.last_sequence);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn describe_producers(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Each<TopicPartition, Vec<ActiveProducer>>, Error> {
        let partitions = partitions.into_iter().collect();
        let attempt = |partitions| self.describe_producers_once(partitions);
        self.each(self.deadline(), Twice::Harmless, partitions, attempt).await
    }

    async fn describe_producers_once(
        &self,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<Result<Vec<ActiveProducer>, Error>>, Error> {
        let api = ApiKey::DescribeProducers;
        let topics = self.topics_of(&partitions).await?;
        let mut answers = HashMap::new();
        let mut leaders: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for partition in &partitions {
            match leader(&topics, partition) {
                Ok(leader) => leaders.entry(leader).or_default().push(partition.clone()),
                Err(error) => drop(answers.insert(partition.clone(), Err(error))),
            }
        }
        for (leader, partitions) in leaders {
            let topics = by_topic(&partitions, |partition| partition).into_iter().map(|(name, partitions)| {
                TopicRequest { name, partition_indexes: partitions.into_iter().map(|found| found.partition).collect() }
            });
            let request = DescribeProducersRequest { topics: topics.collect() };
            match self.ask(Target::Node(leader), 0..=0, |_| request).await {
                Ok(answer) => answers.extend(answer.topics.into_iter().flat_map(|topic| {
                    let name = topic.name;
                    topic.partitions.into_iter().map(move |found| {
                        let checked = check(api, found.error_code, found.error_message.as_deref());
                        let producers = found.active_producers.iter().map(ActiveProducer::from).collect();
                        let partition = TopicPartition { topic: name.clone(), partition: found.partition_index };
                        (partition, checked.map(|()| producers))
                    })
                })),
                Err(error) => answers.extend(partitions.into_iter().map(|partition| (partition, Err(error.clone())))),
            }
        }
        Ok(in_order(api, &partitions, &answers))
    }
}

impl From<&ProducerState> for ActiveProducer {
    fn from(producer: &ProducerState) -> Self {
        Self {
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            last_sequence: Some(producer.last_sequence).filter(|sequence| *sequence >= 0),
            last_timestamp: Some(producer.last_timestamp).filter(|timestamp| *timestamp >= 0),
            coordinator_epoch: Some(producer.coordinator_epoch).filter(|epoch| *epoch >= 0),
            transaction_start: Some(producer.current_txn_start_offset).filter(|offset| *offset >= 0),
        }
    }
}
