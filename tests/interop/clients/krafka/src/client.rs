//! krafka as the common scenarios use it.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use interop_driver::{Account, Membership, Outcome, Producer, Reader, Received, Sample, Sending, text, wait_for};
use krafka::admin::{AdminClient, NewTopic, OffsetSpec};
use krafka::consumer::{
    AutoOffsetReset, Consumer, ConsumerBuilder, ConsumerRebalanceListener, PartitionAssignmentStrategy, TopicPartition,
};
use krafka::{Compression, Kafka, Record};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Krafka {
    bootstrap: String,
    pub kafka: Kafka,
}

pub struct KrafkaProducer(krafka::producer::Producer);

pub struct KrafkaReader(Consumer);

/// Tells an account what the rebalances did.
struct Accounting(Account);

fn numbers(partitions: &[TopicPartition]) -> impl Iterator<Item = i32> {
    partitions.iter().map(TopicPartition::partition)
}

impl ConsumerRebalanceListener for Accounting {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        self.0.assigned(numbers(partitions));
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.0.revoked(numbers(partitions));
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.0.revoked(numbers(partitions));
    }
}

/// The result of an operation on one thing.
pub fn one<K: Hash + Eq, T>(results: HashMap<K, krafka::Result<T>>) -> krafka::Result<T> {
    results.into_values().next().unwrap_or_else(|| Err(krafka::KrafkaError::illegal_state("no result")))
}

/// Creates a topic, and waits until all its partitions answer.
pub async fn create_topic(admin: &AdminClient, topic: NewTopic) -> Outcome {
    let (name, partitions) = (topic.name.clone(), topic.num_partitions);
    one(admin.create_topics([topic], Default::default()).await?)?;
    wait_for("all partitions of the topic answer", async || partitions_answer(admin, &name, partitions).await).await
}

pub async fn partitions_answer(admin: &AdminClient, name: &str, partitions: i32) -> bool {
    let asked = (0..partitions).map(|number| (TopicPartition::new(name, number), OffsetSpec::Latest));
    admin.list_offsets(asked, Default::default()).await.is_ok_and(|each| each.values().all(Result::is_ok))
}

impl Krafka {
    pub async fn connect(bootstrap: &str) -> Outcome<Self> {
        let kafka = Kafka::builder(bootstrap).client_id("a-client").connect().await?;
        Ok(Self { bootstrap: bootstrap.to_owned(), kafka })
    }

    /// A consumer of a group that begins with the earliest record.
    pub fn consumer(&self, group: &str) -> ConsumerBuilder {
        self.kafka.consumer(group).auto_offset_reset(AutoOffsetReset::Earliest)
    }
}

impl interop_driver::Client for Krafka {
    type Producer = KrafkaProducer;
    type Reader = KrafkaReader;

    async fn create_topic(&self, name: &str, partitions: i32) -> Outcome {
        create_topic(&self.kafka.admin(), NewTopic::new(name, partitions, 1)?).await
    }

    async fn producer(&self, sending: Sending) -> Outcome<KrafkaProducer> {
        let codec = match sending.codec {
            "gzip" => Compression::Gzip,
            "snappy" => Compression::Snappy,
            "lz4" => Compression::Lz4,
            "zstd" => Compression::Zstd,
            _ => Compression::None,
        };
        let producer = self.kafka.producer().compression(codec).batch_size(sending.batch_bytes).linger(sending.linger);
        Ok(KrafkaProducer(producer.build().await?))
    }

    async fn reader(&self, group: &str, topic: &str) -> Outcome<KrafkaReader> {
        let consumer = self.consumer(group).enable_auto_commit(false).build().await?;
        consumer.subscribe([topic]).await?;
        Ok(KrafkaReader(consumer))
    }

    async fn join(
        &self,
        membership: Membership<'_>,
        account: Account,
        mut stop: oneshot::Receiver<()>,
    ) -> Outcome<JoinHandle<Outcome>> {
        let strategy = if membership.cooperative {
            PartitionAssignmentStrategy::CooperativeSticky
        } else {
            PartitionAssignmentStrategy::Range
        };
        // Consumers of one `Kafka` share a connection to the coordinator, where one's join holds up the other's answer.
        let own = Self::connect(&self.bootstrap).await?;
        let mut consumer = own
            .consumer(membership.topic)
            .partition_assignment_strategy(strategy)
            .heartbeat_interval(Duration::from_millis(500))
            .auto_commit_interval(Duration::from_millis(500))
            .rebalance_listener(Accounting(account.clone()));
        if let Some(instance) = membership.instance {
            consumer = consumer.group_instance_id(instance);
        }
        let consumer = consumer.build().await?;
        consumer.subscribe([membership.topic]).await?;
        Ok(tokio::spawn(async move {
            loop {
                tokio::select! {
                    record = consumer.recv() => account.read(text(record?.ok_or("closed")?.value.as_deref())),
                    _ = &mut stop => return Ok(consumer.close().await?),
                }
            }
        }))
    }
}

impl Producer for KrafkaProducer {
    async fn send(&self, topic: &str, records: &[(i32, Sample)]) -> Outcome {
        let mut deliveries = Vec::new();
        for (partition, sample) in records {
            let mut record = Record::new(topic, "").partition(*partition);
            record.key = sample.key.clone().map(Into::into);
            record.value = sample.value.clone().map(Into::into);
            let headers = sample.headers.iter().cloned();
            record.headers = headers.map(|(key, value)| (key, value.map(Into::into))).collect();
            deliveries.push(self.0.enqueue(record).await?);
        }
        for delivery in deliveries {
            let _written = delivery.await?;
        }
        Ok(())
    }
}

impl Reader for KrafkaReader {
    async fn next(&mut self) -> Outcome<Received> {
        let record = self.0.recv().await?.ok_or("the consumer is closed")?;
        let headers = record.headers.into_iter();
        let sample = Sample {
            key: record.key.map(Into::into),
            value: record.value.map(Into::into),
            headers: headers.map(|(key, value)| (key, value.map(Into::into))).collect(),
        };
        Ok(Received { partition: record.partition, sample })
    }

    async fn commit(&mut self) -> Outcome {
        Ok(self.0.commit().await?)
    }

    async fn close(self) -> Outcome {
        Ok(self.0.close().await?)
    }
}
