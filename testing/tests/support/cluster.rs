//! The broker that a test runs against.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use naru_client::admin::NewTopic;
use naru_client::{Client, ClientBuilder, Producer, ProducerBuilder, Record};
use naru_testing::{TestBroker, TestBrokerBuilder};

use super::log::{self, Stored};
use super::within;

/// Names brokers that are running already, `host:port` with commas between them: the tests then run against those.
const BROKERS: &str = "NARU_TEST_BROKERS";

static NEXT_NAME: AtomicU64 = AtomicU64::new(0);

/// A broker of the test's own, or the one that the environment names.
pub struct Cluster {
    own: Option<TestBroker>,
    address: String,
}

impl Cluster {
    /// Any broker. Topics, groups and settings of other tests may be on it.
    pub async fn any() -> Self {
        match std::env::var(BROKERS) {
            Ok(address) if !address.is_empty() => Self { own: None, address },
            _ => Self::with_broker().await,
        }
    }

    /// A broker that can be killed.
    pub async fn with_broker() -> Self {
        Self::own(settings().start().await)
    }

    /// A broker with settings of its own.
    pub async fn own_with(own: &[(&str, &str)]) -> Self {
        let settings = own.iter().fold(settings(), |settings, (name, value)| settings.set(*name, *value));
        Self::own(settings.start().await)
    }

    /// A broker behind a proxy, with settings of its own.
    pub async fn with_proxy_and(own: &[(&str, &str)]) -> Self {
        let settings = own.iter().fold(settings(), |settings, (name, value)| settings.set(*name, *value));
        Self::own(settings.through_proxy().start().await)
    }

    /// A broker behind a proxy.
    pub async fn with_proxy() -> Self {
        Self::own(settings().through_proxy().start().await)
    }

    fn own(broker: TestBroker) -> Self {
        let address = broker.address().to_owned();
        Self { own: Some(broker), address }
    }

    pub fn broker(&self) -> &TestBroker {
        self.own.as_ref().expect("a test of the set that has brokers of its own")
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Settings of a client of this cluster. Nothing is cached for long, so that changes are seen soon, and tries follow each
    /// other fast.
    pub fn settings(&self) -> ClientBuilder {
        Client::builder()
            .bootstrap(&self.address)
            .set("retry.backoff.ms", "10")
            .set("retry.backoff.max.ms", "100")
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "100")
    }

    pub fn client(&self) -> Client {
        self.settings().build().expect("good settings")
    }

    pub fn producer(&self) -> Producer {
        self.producer_with(|builder| builder)
    }

    pub fn producer_with(&self, set: impl FnOnce(ProducerBuilder) -> ProducerBuilder) -> Producer {
        set(self.client().producer()).build().expect("good settings")
    }

    /// A new topic.
    pub async fn topic(&self, partitions: i32) -> String {
        self.topic_with(partitions, &[]).await
    }

    pub async fn topic_with(&self, partitions: i32, configs: &[(&'static str, &'static str)]) -> String {
        let name = unique("topic");
        let topic = NewTopic::new(name.clone()).partitions(partitions).replication_factor(1);
        let topic = configs.iter().fold(topic, |topic, &(name, value)| topic.config(name, value));
        within("a topic", self.client().admin().create_topic(topic)).await.expect("a topic");
        name
    }

    /// Sends records with these values to a partition, in order; they are written when this returns.
    pub async fn send<V: Into<Bytes>>(&self, topic: &str, partition: i32, values: impl IntoIterator<Item = V>) {
        let producer = self.producer();
        let mut deliveries = Vec::new();
        for value in values {
            let record = Record::to(topic).partition(partition).value(value);
            deliveries.push(within("room", producer.enqueue(record)).await.expect("room"));
        }
        for delivery in deliveries {
            within("an outcome", delivery).await.expect("written");
        }
    }

    /// Everything in a partition, read without the client.
    pub async fn stored(&self, topic: &str, partition: i32) -> Vec<Stored> {
        within("the contents of a partition", log::read(&self.address, topic, partition)).await
    }

    /// The values in a partition.
    pub async fn values(&self, topic: &str, partition: i32) -> Vec<String> {
        self.stored(topic, partition).await.iter().map(Stored::value).collect()
    }
}

/// Sessions of members that crash in tests end soon.
fn settings() -> TestBrokerBuilder {
    TestBroker::builder().set("group.min.session.timeout.ms", "1000")
}

/// A name that nobody else has, on a broker that many runs of the tests have used, too.
pub fn unique(what: &str) -> String {
    let number = NEXT_NAME.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos();
    format!("{what}-{}-{now}-{number}", std::process::id())
}
