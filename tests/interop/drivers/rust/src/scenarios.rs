//! Scenarios of records: codecs, idempotence, a restart of the broker.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Account, Arguments, Membership, Outcome, PATIENCE, Sample, check, numbers, restarted, text};

/// What a scenario needs of a client.
#[expect(async_fn_in_trait, reason = "these futures stay on the thread that polls them")]
pub trait Client {
    type Producer: Producer;
    type Reader: Reader;

    /// Creates a topic, and waits until all its partitions answer.
    async fn create_topic(&self, name: &str, partitions: i32) -> Outcome;

    /// An idempotent producer.
    async fn producer(&self, sending: Sending) -> Outcome<Self::Producer>;

    /// A consumer of a group, which begins with the earliest record and commits only what [`Reader::commit`] says.
    async fn reader(&self, group: &str, topic: &str) -> Outcome<Self::Reader>;

    /// Reads as a member of a group in a task of its own, and leaves when `stop` comes. It commits by itself, and tells
    /// `account` of every change and every record.
    async fn join(
        &self,
        membership: Membership<'_>,
        account: Account,
        stop: oneshot::Receiver<()>,
    ) -> Outcome<JoinHandle<Outcome>>;
}

#[expect(async_fn_in_trait, reason = "these futures stay on the thread that polls them")]
pub trait Producer {
    /// Sends records to partitions without waiting in between, and returns when all are acknowledged.
    async fn send(&self, topic: &str, records: &[(i32, Sample)]) -> Outcome;
}

#[expect(async_fn_in_trait, reason = "these futures stay on the thread that polls them")]
pub trait Reader {
    /// Waits for the next record.
    async fn next(&mut self) -> Outcome<Received>;

    /// Commits the offsets behind the records that were read.
    async fn commit(&mut self) -> Outcome;

    /// Leaves the group.
    async fn close(self) -> Outcome;
}

/// How a producer sends.
#[derive(Clone, Copy)]
pub struct Sending {
    /// As in Kafka's `compression.type`.
    pub codec: &'static str,
    pub batch_bytes: usize,
    pub linger: Duration,
}

impl Default for Sending {
    /// Kafka's defaults.
    fn default() -> Self {
        Self { codec: "none", batch_bytes: 16_384, linger: Duration::from_millis(5) }
    }
}

/// A record as it came back.
#[derive(Debug)]
pub struct Received {
    pub partition: i32,
    pub sample: Sample,
}

/// Reads exactly `count` records.
pub async fn read(reader: &mut impl Reader, count: usize) -> Outcome<Vec<Received>> {
    let mut records = Vec::new();
    while records.len() < count {
        let next = tokio::time::timeout(PATIENCE, reader.next()).await;
        records.push(next.map_err(|_| format!("read {} of {count} records", records.len()))??);
    }
    Ok(records)
}

fn values(records: &[Received]) -> Vec<String> {
    records.iter().map(|received| text(received.sample.value.as_deref())).collect()
}

async fn read_from_start(client: &impl Client, topic: &str, count: usize) -> Outcome<Vec<Received>> {
    let mut reader = client.reader(&format!("{topic}-reader"), topic).await?;
    let records = read(&mut reader, count).await?;
    reader.close().await?;
    Ok(records)
}

pub async fn codecs(client: &impl Client, arguments: &Arguments) -> Outcome {
    let sent: Vec<_> = arguments.samples()?.into_iter().map(|sample| (0, sample)).collect();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("{}-{codec}", arguments.prefix);
        client.create_topic(&topic, 1).await?;
        // One batch, so that there is something to compress.
        let sending = Sending { codec, linger: Duration::from_millis(50), ..Sending::default() };
        client.producer(sending).await?.send(&topic, &sent).await?;
        let received = read_from_start(client, &topic, sent.len()).await?;
        for ((_, sent), Received { sample, .. }) in sent.iter().zip(&received) {
            check!(sent == sample, "{codec}: sent {sent:?}, received {sample:?}");
        }
    }
    Ok(())
}

pub async fn idempotent(client: &impl Client, arguments: &Arguments) -> Outcome {
    let topic = &arguments.prefix;
    client.create_topic(topic, 3).await?;
    let sending = Sending { batch_bytes: 500, linger: Duration::from_millis(1), ..Sending::default() };
    let records: Vec<_> = (0..3).cycle().zip(numbers(0..3000).iter().map(|value| Sample::value(value))).collect();
    client.producer(sending).await?.send(topic, &records).await?;
    let mut next = [0, 1, 2];
    for received in read_from_start(client, topic, records.len()).await? {
        let due = &mut next[received.partition as usize];
        let got = text(received.sample.value.as_deref());
        check!(got == due.to_string(), "lost, doubled or out of order: {received:?}, {due} was due");
        *due += 3;
    }
    Ok(())
}

pub async fn restart(client: &impl Client, arguments: &Arguments) -> Outcome {
    let topic = &arguments.prefix;
    client.create_topic(topic, 1).await?;
    let producer = client.producer(Sending::default()).await?;
    let produce = async |range| {
        let records: Vec<_> = numbers(range).iter().map(|value| (0, Sample::value(value))).collect();
        producer.send(topic, &records).await
    };
    let reader = async |group: &str| client.reader(&format!("{topic}-{group}"), topic).await;
    produce(0..60).await?;
    let (mut staying, mut leaving) = (reader("staying").await?, reader("leaving").await?);
    read(&mut staying, 60).await?;
    staying.commit().await?;
    read(&mut leaving, 25).await?;
    leaving.commit().await?;
    leaving.close().await?;
    restarted().await?;
    produce(60..100).await?;
    let got = values(&read(&mut staying, 40).await?);
    check!(got == numbers(60..100), "the consumer that stayed expected 60..99, got {got:?}");
    let mut resumed = reader("leaving").await?;
    let got = values(&read(&mut resumed, 75).await?);
    check!(got == numbers(25..100), "the new consumer expected 25..99, got {got:?}");
    staying.close().await?;
    resumed.close().await
}
