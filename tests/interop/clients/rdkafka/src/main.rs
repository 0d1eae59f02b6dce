//! rdkafka, which brings its own librdkafka: driver BOOTSTRAP SCENARIO PREFIX RECORDS

mod client;

use std::process::ExitCode;
use std::time::Duration;

use interop_driver::{
    Arguments, Client as _, Member, Membership, Outcome, PATIENCE, Reader as _, answer, check, codecs, group,
    group_static, idempotent, locked, read, restart, wait_for,
};
use rdkafka::admin::{AdminOptions, AlterConfig, ConfigEntry, ConfigSource, NewPartitions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use client::{Rdkafka, close, next, one};

struct Run {
    arguments: Arguments,
    client: Rdkafka,
}

/// One partition with an offset.
fn at(topic: &str, partition: i32, offset: i64) -> Outcome<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    Ok(list)
}

/// Sends one record without a key, and waits for its acknowledgement.
async fn send(producer: &FutureProducer, topic: &str, value: &[u8]) -> Result<(), KafkaError> {
    let record = FutureRecord::<(), _>::to(topic).payload(value);
    producer.send(record, PATIENCE).await.map(|_| ()).map_err(|(refused, _)| refused)
}

impl Run {
    fn topic(&self) -> &str {
        &self.arguments.prefix
    }

    /// What its simple producer and simple consumer do, and then the offsets by time.
    async fn quickstart(&self) -> Outcome {
        let producer: &FutureProducer = &self.client.config().create()?;
        let deliveries = (0..5).map(|number| {
            let topic = self.topic();
            async move {
                let (key, value) = (format!("Key {number}"), format!("Message {number}"));
                let headers = OwnedHeaders::new().insert(Header { key: "header_key", value: Some("header_value") });
                let record = FutureRecord::to(topic).payload(&value).key(&key).headers(headers);
                producer.send(record, Duration::ZERO).await
            }
        });
        for delivery in deliveries {
            delivery.await.map_err(|(refused, _)| refused)?;
        }
        let mut config = self.client.consumer_config(self.topic());
        let consumer: StreamConsumer = config.set("session.timeout.ms", "6000").create()?;
        consumer.subscribe(&[self.topic()])?;
        let mut seen = Vec::new();
        while seen.len() < 5 {
            let message = tokio::time::timeout(PATIENCE, next(&consumer)).await??;
            let header = message.headers().map(|headers| headers.get_as::<str>(0)).transpose()?;
            check!(header.and_then(|header| header.value) == Some("header_value"), "{message:?}");
            let (key, value) = (message.key_view::<str>(), message.payload_view::<str>());
            let (Some(Ok(key)), Some(Ok(value))) = (key, value) else { return Err("no key or no value".into()) };
            seen.push(format!("{key}, {value}"));
            consumer.commit_message(&message, CommitMode::Async)?;
        }
        seen.sort();
        check!(seen.into_iter().eq((0..5).map(|number| format!("Key {number}, Message {number}"))), "wrong records");
        let partitions = consumer.assignment()?.count();
        check!(consumer.offsets_for_timestamp(0, PATIENCE)?.count() == partitions, "offsets of not all partitions");
        close(consumer).await
    }

    async fn configs(&self) -> Outcome<Vec<ConfigEntry>> {
        let resource = ResourceSpecifier::Topic(self.topic());
        Ok(one(self.client.admin.describe_configs([&resource], &AdminOptions::new()).await?)?.entries)
    }

    /// The value of a topic's config, if it is not the default.
    async fn config(&self, name: &str) -> Outcome<Option<String>> {
        let entry = self.configs().await?.into_iter().find(|entry| entry.name == name).ok_or("no such config")?;
        Ok(entry.value.filter(|_| entry.source == ConfigSource::DynamicTopic))
    }

    async fn admin(&self) -> Outcome {
        let (topic, options, admin) = (self.topic(), AdminOptions::new(), &self.client.admin);
        self.client.create_topic(topic, 2, &[("retention.ms", "123456"), ("cleanup.policy", "delete")]).await?;
        check!(self.config("retention.ms").await?.as_deref() == Some("123456"), "retention.ms is not as created");
        check!(self.config("max.message.bytes").await?.is_none(), "max.message.bytes is not the default");
        // It has only the older AlterConfigs, which replaces all of the topic's values.
        let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", "2000000");
        one(admin.alter_configs([&change], &options).await?)?;
        wait_for("the altered config is seen", async || {
            self.config("max.message.bytes").await.is_ok_and(|value| value.as_deref() == Some("2000000"))
        })
        .await?;
        check!(self.config("retention.ms").await?.is_none(), "retention.ms is not the default again");

        one(admin.create_partitions([&NewPartitions::new(topic, 4)], &options).await?)?;
        let metadata = || admin.inner().fetch_metadata(Some(topic), PATIENCE);
        // Only new metadata tells it of new partitions.
        wait_for("four partitions", async || metadata().is_ok_and(|found| found.topics()[0].partitions().len() == 4))
            .await?;
        wait_for("the new partitions answer", async || self.client.partitions_answer(topic, 4)).await?;
        let metadata = metadata()?;
        check!(metadata.brokers().len() == 1, "{} brokers", metadata.brokers().len());
        check!(admin.inner().fetch_cluster_id(PATIENCE).is_some(), "no cluster id");

        self.offsets().await?;
        self.groups().await?;

        one(admin.delete_topics(&[topic], &options).await?)?;
        wait_for("the topic is gone", async || !self.is_listed()).await
    }

    fn is_listed(&self) -> bool {
        let metadata = self.client.admin.inner().fetch_metadata(None, PATIENCE);
        metadata.is_ok_and(|all| all.topics().iter().any(|listed| listed.name() == self.topic()))
    }

    async fn offsets(&self) -> Outcome {
        let (topic, producer) = (self.topic(), self.client.config().create::<FutureProducer>()?);
        for seconds in [1000, 2000, 3000] {
            let record = FutureRecord::to(topic).partition(3).key("k").payload("x").timestamp(seconds * 1000);
            producer.send(record, PATIENCE).await.map_err(|(refused, _)| refused)?;
        }
        let consumer: BaseConsumer = self.client.consumer_config(topic).create()?;
        let watermarks = consumer.fetch_watermarks(topic, 3, PATIENCE)?;
        check!(watermarks == (0, 3), "the watermarks are {watermarks:?}");
        let found = consumer.offsets_for_times(at(topic, 3, 1_500_000)?, PATIENCE)?;
        check!(found.elements()[0].offset() == Offset::Offset(1), "the offset by time: {found:?}");
        Ok(())
    }

    async fn groups(&self) -> Outcome {
        let topic = self.topic();
        let member = Member::join(&self.client, Membership { topic, cooperative: false, instance: None }).await?;
        wait_for("three records are read", async || member.seen().len() == 3).await?;
        let all = || self.client.admin.inner().fetch_group_list(None, PATIENCE);
        {
            let all = all()?;
            let group = all.groups().iter().find(|group| group.name() == topic).ok_or("the group is not listed")?;
            check!(group.state() == "Stable" && group.members().len() == 1, "{group:?}");
            check!(group.members()[0].client_id() == "a-client", "{group:?}");
        }
        member.leave().await?;
        wait_for("the group is empty", async || {
            all().is_ok_and(|all| all.groups().iter().any(|group| group.name() == topic && group.state() == "Empty"))
        })
        .await?;
        let outside: BaseConsumer = self.client.consumer_config(topic).create()?;
        let expect = |offset| -> Outcome {
            let found = outside.committed_offsets(at(topic, 3, 0)?, PATIENCE)?;
            check!(found.elements()[0].offset() == Offset::Offset(offset), "committed {found:?}, not {offset}");
            Ok(())
        };
        expect(3)?;
        outside.commit(&at(topic, 3, 1)?, CommitMode::Sync)?;
        expect(1)?;
        one(self.client.admin.delete_groups(&[topic], &AdminOptions::new()).await?)?;
        wait_for("the group is gone", async || {
            all().is_ok_and(|all| all.groups().iter().all(|group| group.name() != topic))
        })
        .await
    }

    /// Either transactions work, or the client stops with a clear error that it need not repeat.
    async fn transactional(&self) -> Outcome<String> {
        self.client.create_topic(self.topic(), 1, &[]).await?;
        let producer: FutureProducer = self.client.config().set("transactional.id", self.topic()).create()?;
        let limit = Duration::from_secs(25);
        let transaction = async {
            producer.init_transactions(limit)?;
            producer.begin_transaction()?;
            send(&producer, self.topic(), b"x").await?;
            producer.commit_transaction(limit)
        };
        match transaction.await {
            Ok(()) => {}
            Err(KafkaError::Transaction(refused)) if !refused.is_retriable() => {
                return Ok(format!("refused: {refused:?}"));
            }
            Err(error) => return Err(format!("the client would try for ever: {error}").into()),
        }
        let mut reader = self.client.reader(self.topic(), self.topic()).await?;
        read(&mut reader, 1).await?;
        reader.close().await?;
        Ok("transactions work".to_owned())
    }

    async fn unknown_topic(&self) -> Outcome {
        let mut config = self.client.config();
        config.set("message.timeout.ms", "30000").set("topic.metadata.propagation.max.ms", "3000");
        let refused = send(&config.create()?, self.topic(), b"x").await;
        let code = refused.as_ref().err().and_then(KafkaError::rdkafka_error_code);
        let unknown = [RDKafkaErrorCode::UnknownTopic, RDKafkaErrorCode::UnknownTopicOrPartition];
        check!(code.is_some_and(|code| unknown.contains(&code)), "expected an unknown topic, got {refused:?}");
        check!(!self.is_listed(), "the topic must not be created");
        Ok(())
    }

    async fn too_large(&self) -> Outcome {
        self.client.create_topic(self.topic(), 1, &[]).await?;
        let producer: FutureProducer = self.client.config().set("message.max.bytes", "10000000").create()?;
        let refused = send(&producer, self.topic(), &[0; 2_000_000]).await;
        let expected = KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge);
        check!(refused == Err(expected.clone()), "expected {expected}, got {refused:?}");
        Ok(send(&producer, self.topic(), b"small").await?)
    }
}

async fn scenario() -> Outcome<String> {
    let arguments = Arguments::read()?;
    let run = Run { client: Rdkafka::new(&arguments.bootstrap)?, arguments };
    match run.arguments.scenario.as_str() {
        "quickstart" => run.quickstart().await,
        "codecs" => codecs(&run.client, &run.arguments).await,
        "idempotent" => idempotent(&run.client, &run.arguments).await,
        "group" => group(&run.client, run.topic(), false).await,
        "group-cooperative" => group(&run.client, run.topic(), true).await,
        "group-static" => group_static(&run.client, run.topic()).await,
        "restart" => restart(&run.client, &run.arguments).await,
        "admin" => run.admin().await,
        "transactional" => return run.transactional().await,
        "unknown-topic" => run.unknown_topic().await,
        "too-large" => run.too_large().await,
        other => Err(format!("no scenario {other}").into()),
    }?;
    Ok(String::new())
}

#[tokio::main]
async fn main() -> ExitCode {
    let version = locked(include_str!("../Cargo.lock"), "rdkafka");
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    answer(&format!("{version} (librdkafka {librdkafka})"), scenario().await)
}
