//! rskafka: driver BOOTSTRAP SCENARIO PREFIX RECORDS
//!
//! It has no groups, no idempotence and no transactions: a partition is a log to append to and to read.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use interop_driver::{Arguments, Outcome, PATIENCE, answer, check, locked, numbers, restarted, text, wait_for};
use rskafka::BackoffConfig;
use rskafka::client::consumer::{StartOffset, StreamConsumerBuilder};
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::producer::BatchProducerBuilder;
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record, RecordAndOffset};

struct Run {
    arguments: Arguments,
    client: Client,
}

fn record(value: &str) -> Record {
    Record {
        key: None,
        value: Some(value.into()),
        headers: BTreeMap::new(),
        timestamp: DateTime::from_timestamp_millis(42).unwrap_or_default(),
    }
}

impl Run {
    fn topic(&self) -> String {
        self.arguments.prefix.clone()
    }

    async fn partition(
        &self,
        topic: &str,
        number: i32,
        unknown: UnknownTopicHandling,
    ) -> Result<PartitionClient, Error> {
        self.client.partition_client(topic, number, unknown).await
    }

    /// Creates a topic, and returns its first partition.
    async fn created(&self, topic: &str, partitions: i32) -> Outcome<Arc<PartitionClient>> {
        self.client.controller_client()?.create_topic(topic, partitions, 1, 5_000).await?;
        for number in 0..partitions {
            self.partition(topic, number, UnknownTopicHandling::Retry).await?.get_offset(OffsetAt::Earliest).await?;
        }
        Ok(Arc::new(self.partition(topic, 0, UnknownTopicHandling::Retry).await?))
    }

    /// What the README does: records by hand, then the batching producer and the stream of records.
    async fn quickstart(&self) -> Outcome {
        let partition = self.created(&self.topic(), 2).await?;
        let headers = BTreeMap::from([("foo".to_owned(), b"bar".to_vec())]);
        let offsets = partition.produce(vec![Record { headers, ..record("0") }], Compression::default()).await?;
        check!(offsets == [0], "offsets {offsets:?}");
        let producer = BatchProducerBuilder::new(Arc::clone(&partition))
            .with_linger(Duration::from_millis(50))
            .with_compression(Compression::Snappy)
            .build(RecordAggregator::new(1024));
        let sent = numbers(1..100);
        let acknowledged =
            futures::future::try_join_all(sent.iter().map(|value| producer.produce(record(value)))).await?;
        check!(acknowledged.into_iter().eq(1..100), "the offsets are not one after the other");
        let got = read(&partition, 0, 100).await?;
        check!(values(&got) == numbers(0..100), "read {got:?}");
        check!(
            got[0].record.timestamp.timestamp_millis() == 42 && got[0].record.headers["foo"] == b"bar",
            "read {:?}",
            got[0]
        );
        let (_, high_watermark) = partition.fetch_records(0, 1..1_000_000, 1_000).await?;
        check!(high_watermark == 100, "the high watermark is {high_watermark}");
        Ok(())
    }

    /// Headers without a value, and several of one name, are not in its model.
    async fn codecs(&self) -> Outcome {
        let mut expected = Vec::new();
        for sample in self.arguments.samples()? {
            let headers = sample.headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            expected.push(Record { headers, key: sample.key, value: sample.value, ..record("") });
        }
        for codec in
            [Compression::NoCompression, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
        {
            let partition = self.created(&format!("{}-{codec:?}", self.topic()), 1).await?;
            partition.produce(expected.clone(), codec).await?;
            let got = read(&partition, 0, expected.len()).await?;
            check!(got.iter().map(|got| &got.record).eq(&expected), "{codec:?}: sent {expected:?}, received {got:?}");
        }
        Ok(())
    }

    async fn restart(&self) -> Outcome {
        let partition = self.created(&self.topic(), 1).await?;
        let produce = async |range| {
            let records = numbers(range).iter().map(|value| record(value)).collect();
            partition.produce(records, Compression::NoCompression).await
        };
        produce(0..60).await?;
        let mut staying =
            StreamConsumerBuilder::new(Arc::clone(&partition), StartOffset::Earliest).with_max_wait_ms(500).build();
        for _ in 0..60 {
            staying.next().await.ok_or("the stream ended")??;
        }
        restarted().await?;
        produce(60..100).await?;
        let mut got = Vec::new();
        while got.len() < 40 {
            got.push(tokio::time::timeout(PATIENCE, staying.next()).await?.ok_or("the stream ended")??.0);
        }
        check!(values(&got) == numbers(60..100), "the consumer that stayed expected 60..99, got {got:?}");
        let again = read(&partition, 25, 75).await?;
        check!(values(&again) == numbers(25..100), "a new consumer expected 25..99, got {again:?}");
        Ok(())
    }

    async fn admin(&self) -> Outcome {
        let topic = self.topic();
        self.created(&topic, 4).await?;
        let partition = self.partition(&topic, 3, UnknownTopicHandling::Error).await?;
        for seconds in [1000, 2000, 3000] {
            let timestamp = DateTime::from_timestamp_millis(seconds * 1000).unwrap_or_default();
            partition.produce(vec![Record { timestamp, ..record("x") }], Compression::NoCompression).await?;
        }
        let middle: DateTime<Utc> = DateTime::from_timestamp_millis(1_500_000).unwrap_or_default();
        for (at, expected) in [(OffsetAt::Earliest, 0), (OffsetAt::Latest, 3), (OffsetAt::Timestamp(middle), 1)] {
            let found = partition.get_offset(at).await?;
            check!(found == expected, "{at:?}: {found}, not {expected}");
        }
        let listed = async || {
            self.client.list_topics().await.map(|topics| topics.into_iter().find(|listed| listed.name == topic))
        };
        let found = listed().await?.ok_or("the topic is not listed")?;
        check!(found.partitions.iter().copied().eq(0..4), "{found:?}");
        self.client.controller_client()?.delete_topic(&topic, 5_000).await?;
        wait_for("the topic is gone", async || matches!(listed().await, Ok(None))).await
    }

    async fn unknown_topic(&self) -> Outcome {
        let refused = self.partition(&self.topic(), 0, UnknownTopicHandling::Error).await.map(|_| ());
        let unknown = ProtocolError::UnknownTopicOrPartition;
        check!(is(&refused, unknown), "expected {unknown:?}, got {refused:?}");
        let topics = self.client.list_topics().await?;
        check!(topics.iter().all(|topic| topic.name != self.topic()), "the topic must not be created");
        Ok(())
    }

    async fn too_large(&self) -> Outcome {
        let partition = self.created(&self.topic(), 1).await?;
        let large = Record { value: Some(vec![0; 2_000_000]), ..record("") };
        let refused = partition.produce(vec![large], Compression::NoCompression).await;
        check!(is(&refused, ProtocolError::MessageTooLarge), "expected MESSAGE_TOO_LARGE, got {refused:?}");
        partition.produce(vec![record("small")], Compression::NoCompression).await?;
        Ok(())
    }
}

fn is<T>(result: &Result<T, Error>, expected: ProtocolError) -> bool {
    matches!(result, Err(Error::ServerError { protocol_error, .. }) if *protocol_error == expected)
}

/// Reads exactly `count` records.
async fn read(partition: &Arc<PartitionClient>, from: i64, count: usize) -> Outcome<Vec<RecordAndOffset>> {
    let mut stream =
        StreamConsumerBuilder::new(Arc::clone(partition), StartOffset::At(from)).with_max_wait_ms(500).build();
    let mut records = Vec::new();
    while records.len() < count {
        records.push(tokio::time::timeout(PATIENCE, stream.next()).await?.ok_or("the stream ended")??.0);
    }
    Ok(records)
}

fn values(records: &[RecordAndOffset]) -> Vec<String> {
    records.iter().map(|got| text(got.record.value.as_deref())).collect()
}

async fn scenario() -> Outcome<String> {
    let arguments = Arguments::read()?;
    // Without a deadline it would try for ever.
    let backoff =
        BackoffConfig { deadline: Some(PATIENCE), max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    let client = ClientBuilder::new(vec![arguments.bootstrap.clone()])
        .client_id("a-client")
        .backoff_config(backoff)
        .build()
        .await?;
    let scenario = arguments.scenario.clone();
    let run = Run { arguments, client };
    match scenario.as_str() {
        "quickstart" => run.quickstart().await,
        "codecs" => run.codecs().await,
        "restart" => run.restart().await,
        "admin" => run.admin().await,
        "unknown-topic" => run.unknown_topic().await,
        "too-large" => run.too_large().await,
        other => Err(format!("no scenario {other}").into()),
    }?;
    Ok(String::new())
}

#[tokio::main]
async fn main() -> ExitCode {
    answer(locked(include_str!("../Cargo.lock"), "rskafka"), scenario().await)
}
