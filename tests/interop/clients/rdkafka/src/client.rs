//! rdkafka as the common scenarios use it.

use interop_driver::{
    Account, Membership, Outcome, PATIENCE, Producer, Reader, Received, Sample, Sending, text, wait_for,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientContext, TopicPartitionList};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Rdkafka {
    bootstrap: String,
    pub admin: AdminClient<DefaultClientContext>,
}

pub struct RdkafkaProducer(FutureProducer);

pub struct RdkafkaReader(pub StreamConsumer<Accounting>);

/// Tells an account what the rebalances did.
pub struct Accounting(Account);

impl ClientContext for Accounting {}

impl ConsumerContext for Accounting {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            self.0.revoked(numbers(partitions));
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            self.0.assigned(numbers(partitions));
        }
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    partitions.elements().iter().map(|element| element.partition()).collect()
}

impl Rdkafka {
    pub fn new(bootstrap: &str) -> Outcome<Self> {
        let admin = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
        Ok(Self { bootstrap: bootstrap.to_owned(), admin })
    }

    pub fn config(&self) -> ClientConfig {
        ClientConfig::new().set("bootstrap.servers", &self.bootstrap).set("client.id", "a-client").clone()
    }

    /// A consumer of a group that begins with the earliest record.
    pub fn consumer_config(&self, group: &str) -> ClientConfig {
        self.config().set("group.id", group).set("auto.offset.reset", "earliest").clone()
    }

    /// Creates a topic, and waits until all its partitions answer.
    pub async fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) -> Outcome {
        let topic = NewTopic { config: config.to_vec(), ..NewTopic::new(name, partitions, TopicReplication::Fixed(1)) };
        one(self.admin.create_topics([&topic], &AdminOptions::new()).await?)?;
        wait_for("all partitions of the topic answer", async || self.partitions_answer(name, partitions)).await
    }

    pub fn partitions_answer(&self, name: &str, partitions: i32) -> bool {
        (0..partitions).all(|number| self.admin.inner().fetch_watermarks(name, number, PATIENCE).is_ok())
    }
}

/// The result of an operation on one thing.
pub fn one<T, E: std::fmt::Debug>(results: Vec<Result<T, E>>) -> Outcome<T> {
    let result = results.into_iter().next().ok_or("no result")?;
    Ok(result.map_err(|refused| format!("{refused:?}"))?)
}

/// Waits for the next record. All errors that are not fatal are news about what librdkafka tries again by itself.
pub async fn next<C: ConsumerContext + 'static>(consumer: &StreamConsumer<C>) -> Outcome<BorrowedMessage<'_>> {
    loop {
        match consumer.recv().await {
            Err(KafkaError::MessageConsumption(_)) => {}
            otherwise => return Ok(otherwise?),
        }
    }
}

/// Closes a consumer, which blocks until it has left its group.
pub async fn close<C: ConsumerContext + 'static>(consumer: StreamConsumer<C>) -> Outcome {
    Ok(tokio::task::spawn_blocking(|| drop(consumer)).await?)
}

impl interop_driver::Client for Rdkafka {
    type Producer = RdkafkaProducer;
    type Reader = RdkafkaReader;

    async fn create_topic(&self, name: &str, partitions: i32) -> Outcome {
        self.create_topic(name, partitions, &[]).await
    }

    async fn producer(&self, sending: Sending) -> Outcome<RdkafkaProducer> {
        let producer = self
            .config()
            .set("enable.idempotence", "true")
            .set("compression.type", sending.codec)
            .set("batch.size", sending.batch_bytes.to_string())
            .set("linger.ms", sending.linger.as_millis().to_string())
            .create()?;
        Ok(RdkafkaProducer(producer))
    }

    async fn reader(&self, group: &str, topic: &str) -> Outcome<RdkafkaReader> {
        let mut config = self.consumer_config(group);
        let consumer: StreamConsumer<_> =
            config.set("enable.auto.commit", "false").create_with_context(Accounting(Account::default()))?;
        consumer.subscribe(&[topic])?;
        Ok(RdkafkaReader(consumer))
    }

    async fn join(
        &self,
        membership: Membership<'_>,
        account: Account,
        mut stop: oneshot::Receiver<()>,
    ) -> Outcome<JoinHandle<Outcome>> {
        let mut config = self.consumer_config(membership.topic);
        config
            // Otherwise it commits records that came while it was closed, which nobody has seen.
            .set("enable.auto.offset.store", "false")
            .set("heartbeat.interval.ms", "500")
            .set("auto.commit.interval.ms", "500")
            .set("partition.assignment.strategy", if membership.cooperative { "cooperative-sticky" } else { "range" });
        if let Some(instance) = membership.instance {
            config.set("group.instance.id", instance);
        }
        let consumer: StreamConsumer<_> = config.create_with_context(Accounting(account.clone()))?;
        consumer.subscribe(&[membership.topic])?;
        Ok(tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = next(&consumer) => {
                        let message = message?;
                        account.read(text(message.payload()));
                        consumer.store_offset_from_message(&message)?;
                    }
                    _ = &mut stop => break,
                }
            }
            close(consumer).await
        }))
    }
}

impl Producer for RdkafkaProducer {
    async fn send(&self, topic: &str, records: &[(i32, Sample)]) -> Outcome {
        let mut deliveries = Vec::new();
        for (partition, sample) in records {
            let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).partition(*partition);
            record.key = sample.key.as_deref();
            record.payload = sample.value.as_deref();
            if !sample.headers.is_empty() {
                let add = |all: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
                    all.insert(Header { key, value: value.as_deref() })
                };
                record.headers = Some(sample.headers.iter().fold(OwnedHeaders::new(), add));
            }
            deliveries.push(self.0.send_result(record).map_err(|(refused, _)| refused)?);
        }
        for delivery in deliveries {
            tokio::time::timeout(PATIENCE, delivery).await??.map_err(|(refused, _)| refused)?;
        }
        Ok(())
    }
}

impl Reader for RdkafkaReader {
    async fn next(&mut self) -> Outcome<Received> {
        let message = next(&self.0).await?;
        let headers = message.headers().into_iter().flat_map(|all| all.iter());
        let sample = Sample {
            key: message.key().map(Into::into),
            value: message.payload().map(Into::into),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(Into::into))).collect(),
        };
        Ok(Received { partition: message.partition(), sample })
    }

    async fn commit(&mut self) -> Outcome {
        Ok(self.0.commit_consumer_state(CommitMode::Sync)?)
    }

    async fn close(self) -> Outcome {
        close(self.0).await
    }
}
