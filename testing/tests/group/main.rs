//! Groups of consumers against a real broker: members that come, go, die and return.

mod churn;
mod deaths;
mod owners;
mod rebalances;

use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{Client, ConsumerBuilder, Record, TopicPartition};
use naru_testing::{TestBroker, TestBrokerBuilder};
use tokio::time::timeout;

use owners::Owners;

/// Longer than anything here takes; a test that waits that long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of members whose death is to be noticed soon.
const SHORT_SESSION: Duration = Duration::from_secs(1);

fn broker() -> TestBrokerBuilder {
    TestBroker::builder().set("group.min.session.timeout.ms", "100")
}

async fn topic(client: &Client, name: &'static str, partitions: i32) {
    client.admin().create_topic(NewTopic::new(name).partitions(partitions)).await.unwrap();
}

fn member(client: &Client, owners: &Owners, name: &'static str) -> ConsumerBuilder {
    let consumer = client.consumer().group("billing").topics(["orders"]).set("heartbeat.interval.ms", "30");
    owners.see(name, consumer)
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("orders", number)
}

async fn send(client: &Client, values: std::ops::Range<i32>, partitions: i32) {
    let producer = client.producer().build().unwrap();
    for value in values {
        let record = Record::to("orders").partition(value % partitions).value(value.to_string());
        producer.send(record).await.unwrap();
    }
}

/// Waits until the members have so many partitions.
async fn share(owners: &Owners, expected: &[(&'static str, usize)]) {
    let expected = expected.iter().copied().collect();
    until(
        || format!("{expected:?}, but {:?} after {:#?}", owners.counts(), owners.calls()),
        || owners.counts() == expected,
    )
    .await;
}

/// Waits until something holds.
async fn until(what: impl Fn() -> String, mut holds: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{}", what()));
}

/// Waits until no hook has been called for a while: the last rebalance is over.
async fn rest(owners: &Owners) {
    let (mut calls, mut still) = (0, 0);
    let rests = || {
        let now = owners.calls().len();
        (calls, still) = if now == calls { (calls, still + 1) } else { (now, 0) };
        still > 60
    };
    until(|| "the group never rests".to_owned(), rests).await;
}
