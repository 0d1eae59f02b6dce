//! krafka: driver BOOTSTRAP SCENARIO PREFIX RECORDS

mod client;

use std::process::ExitCode;
use std::time::Duration;

use interop_driver::{
    Arguments, Client as _, Member, Membership, Outcome, PATIENCE, Reader as _, answer, check, codecs, group,
    group_static, idempotent, locked, read, restart, wait_for,
};
use krafka::admin::{AdminClient, ConfigEntry, ConfigOp, ConfigResource, NewTopic, OffsetSpec};
use krafka::consumer::TopicPartition;
use krafka::error::ErrorCode;
use krafka::{Kafka, KrafkaError, Record};

use client::{Krafka, create_topic, one, partitions_answer};

/// The source of a value that the topic itself has.
const TOPIC_CONFIG: i8 = 1;

struct Run {
    arguments: Arguments,
    client: Krafka,
    admin: AdminClient,
}

impl Run {
    fn topic(&self) -> &str {
        &self.arguments.prefix
    }

    fn record(&self, value: &'static str) -> Record {
        Record::new(self.topic(), value)
    }

    /// What its README shows of the admin client, the producer and the consumer, and then the offsets by time.
    async fn quickstart(&self) -> Outcome {
        create_topic(&self.admin, NewTopic::new(self.topic(), 6, 1)?.with_config("retention.ms", "604800000")).await?;
        let kafka = &self.client.kafka;
        let producer = kafka.producer().build().await?;
        let sent = producer.send(self.record("Hello, Kafka!").key("key").header("trace", "abc")).await?;
        check!(sent.offset == 0, "the first offset is {}", sent.offset);
        let _written = producer.enqueue(self.record("pipelined").key("key")).await?.await?;
        let tombstone = producer.send(Record::tombstone(self.topic(), "key")).await?;
        check!(tombstone.offset == 2, "the third offset is {}", tombstone.offset);
        producer.close().await?;

        let consumer = self.client.consumer(self.topic()).build().await?;
        consumer.subscribe([self.topic()]).await?;
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let record = tokio::time::timeout(PATIENCE, consumer.recv()).await??.ok_or("the consumer is closed")?;
            check!(record.key_str() == Some("key") && record.partition == sent.partition, "{record:?}");
            check!(seen.is_empty() == (record.header_str("trace") == Some("abc")), "{record:?}");
            seen.push(record.value_str().map(str::to_owned));
            consumer.commit().await?;
        }
        let expected = [Some("Hello, Kafka!".to_owned()), Some("pipelined".to_owned()), None];
        check!(seen == expected, "{seen:?}");
        let found = one(consumer.offsets_for_times(&[(self.topic(), sent.partition)], 0).await)?;
        check!(found == 0, "the first offset after the epoch is {found}");
        Ok(consumer.close().await?)
    }

    async fn config(&self, name: &str) -> Outcome<ConfigEntry> {
        let resource = ConfigResource::topic(self.topic());
        let entries = one(self.admin.describe_configs([resource], Default::default()).await?)?;
        entries.into_iter().find(|entry| entry.name == name).ok_or_else(|| format!("no config {name}").into())
    }

    async fn admin(&self) -> Outcome {
        let (admin, topic) = (&self.admin, self.topic());
        create_topic(admin, NewTopic::new(topic, 2, 1)?.with_config("retention.ms", "123456")).await?;
        let retention = self.config("retention.ms").await?;
        check!(
            retention.value.as_deref() == Some("123456") && retention.config_source == TOPIC_CONFIG,
            "{retention:?}"
        );
        let changes = vec![ConfigOp::delete("retention.ms"), ConfigOp::set("max.message.bytes", "2000000")];
        one(admin.incremental_alter_configs([(ConfigResource::topic(topic), changes)], Default::default()).await?)?;
        wait_for("the altered config is seen", async || {
            self.config("max.message.bytes").await.is_ok_and(|entry| entry.value.as_deref() == Some("2000000"))
        })
        .await?;
        let retention = self.config("retention.ms").await?;
        check!(retention.config_source != TOPIC_CONFIG, "not the default again: {retention:?}");

        one(admin.create_partitions([(topic, 4)], Default::default()).await?)?;
        wait_for("four partitions answer", async || partitions_answer(admin, topic, 4).await).await?;
        let described = one(admin.describe_topics([topic], Default::default()).await?)?;
        check!(described.partitions.len() == 4, "{described:?}");
        let cluster = admin.describe_cluster(Default::default()).await?;
        check!(!cluster.cluster_id.is_empty() && cluster.brokers.len() == 1, "{cluster:?}");
        check!(cluster.controller_id == cluster.brokers[0].id, "{cluster:?}");

        self.offsets().await?;
        self.groups().await?;

        one(admin.delete_topics([topic], Default::default()).await?)?;
        wait_for("the topic is gone", async || self.is_listed().await.is_ok_and(|is_listed| !is_listed)).await
    }

    async fn is_listed(&self) -> Outcome<bool> {
        let topics = self.admin.list_topics(Default::default()).await?;
        Ok(topics.iter().any(|listed| listed == self.topic()))
    }

    async fn offsets(&self) -> Outcome {
        let producer = self.client.kafka.producer().build().await?;
        for seconds in [1000, 2000, 3000] {
            let _written = producer.send(self.record("x").key("k").partition(3).timestamp(seconds * 1000)).await?;
        }
        for (spec, expected) in [
            (OffsetSpec::Earliest, 0),
            (OffsetSpec::Latest, 3),
            (OffsetSpec::Timestamp(1_500_000), 1),
            (OffsetSpec::MaxTimestamp, 2),
        ] {
            let asked = [(TopicPartition::new(self.topic(), 3), spec)];
            let found = one(self.admin.list_offsets(asked, Default::default()).await?)?.offset;
            check!(found == expected, "{spec:?}: {found}, not {expected}");
        }
        Ok(())
    }

    async fn groups(&self) -> Outcome {
        let (admin, topic, last) = (&self.admin, self.topic(), TopicPartition::new(self.topic(), 3));
        let member = Member::join(&self.client, Membership { topic, cooperative: false, instance: None }).await?;
        wait_for("three records are read", async || member.seen().len() == 3).await?;
        let is_listed = async || -> Outcome<bool> {
            let groups = one(admin.list_consumer_groups(Default::default()).await?)?;
            Ok(groups.iter().any(|listed| listed.group_id == topic))
        };
        check!(is_listed().await?, "the group is not listed");
        let describe = async || one(admin.describe_consumer_groups([topic], Default::default()).await?);
        let described = describe().await?;
        check!(described.state == "Stable" && described.members.len() == 1, "{described:?}");
        let assigned = described.members[0].assignment.iter().flatten().flat_map(|assigned| &assigned.partitions);
        check!(assigned.count() == 4 && described.members[0].client_id == "a-client", "{described:?}");
        member.leave().await?;
        wait_for("the group is empty", async || describe().await.is_ok_and(|group| group.state == "Empty")).await?;
        let expect = async |expected| -> Outcome {
            let all = admin.list_consumer_group_offsets(topic, Default::default()).await?;
            let committed = all.get(&last).and_then(|found| found.as_ref().ok()?.offset);
            check!(committed == Some(expected), "committed {all:?}, not {expected}");
            Ok(())
        };
        expect(3).await?;
        one(admin.alter_consumer_group_offsets(topic, [(last.clone(), 1)], Default::default()).await?)?;
        expect(1).await?;
        one(admin.delete_consumer_groups([topic], Default::default()).await?)?;
        wait_for("the group is gone", async || is_listed().await.is_ok_and(|is_listed| !is_listed)).await
    }

    /// Either transactions work, or the client stops with a clear error that it need not repeat.
    async fn transactional(&self) -> Outcome<String> {
        self.client.create_topic(self.topic(), 1).await?;
        let transaction = async {
            let producer = self.client.kafka.producer().build_transactional(self.topic()).await?;
            producer.begin()?;
            let _written = producer.send(self.record("x")).await?;
            producer.commit().await?;
            producer.close().await
        };
        match tokio::time::timeout(PATIENCE, transaction).await? {
            Ok(()) => {}
            Err(refused) if !refused.is_retriable() => return Ok(format!("refused: {refused}")),
            Err(error) => return Err(format!("the client would try for ever: {error}").into()),
        }
        let mut reader = self.client.reader(self.topic(), self.topic()).await?;
        read(&mut reader, 1).await?;
        reader.close().await?;
        Ok("transactions work".to_owned())
    }

    async fn unknown_topic(&self) -> Outcome {
        // Otherwise it does not even ask the broker for the topic.
        let kafka = Kafka::builder(&self.arguments.bootstrap).allow_auto_create_topics(true).connect().await?;
        let producer = kafka.producer().max_block(Duration::from_secs(3)).build().await?;
        let refused = producer.send(self.record("x")).await;
        check!(is(&refused, ErrorCode::UnknownTopicOrPartition), "expected an unknown topic, got {refused:?}");
        check!(!self.is_listed().await?, "the topic must not be created");
        Ok(())
    }

    async fn too_large(&self) -> Outcome {
        self.client.create_topic(self.topic(), 1).await?;
        let producer = self.client.kafka.producer().build().await?;
        let refused = producer.send(Record::new(self.topic(), vec![0; 2_000_000])).await;
        check!(is(&refused, ErrorCode::MessageTooLarge), "expected MESSAGE_TOO_LARGE, got {refused:?}");
        let _written = producer.send(self.record("small")).await?;
        Ok(())
    }
}

fn is<T>(result: &krafka::Result<T>, expected: ErrorCode) -> bool {
    matches!(result, Err(KrafkaError::Broker { code, .. }) if *code == expected)
}

async fn scenario() -> Outcome<String> {
    let arguments = Arguments::read()?;
    let client = Krafka::connect(&arguments.bootstrap).await?;
    let run = Run { admin: client.kafka.admin(), client, arguments };
    match run.arguments.scenario.as_str() {
        "quickstart" => run.quickstart().await,
        "codecs" => codecs(&run.client, &run.arguments).await,
        "idempotent" => idempotent(&run.client, &run.arguments).await,
        "group" => group(&run.client, run.topic(), false).await,
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
    answer(locked(include_str!("../Cargo.lock"), "krafka"), scenario().await)
}
