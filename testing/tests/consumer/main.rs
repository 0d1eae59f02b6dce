//! The consumer of naru-client against a real broker.

mod positions;
mod reading;
mod trouble;

use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{Client, Consumer, ConsumerRecord, Record, TopicPartition};
use naru_testing::TestBroker;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits that long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn broker_with(topic: &str, partitions: i32) -> (TestBroker, Client) {
    let broker = TestBroker::start().await;
    let client = broker.client();
    client.admin().create_topic(NewTopic::new(topic).partitions(partitions)).await.unwrap();
    (broker, client)
}

fn partition(topic: &str, number: i32) -> TopicPartition {
    TopicPartition::new(topic, number)
}

/// Sends records with these values to a partition, one after the other.
async fn send<V: ToString>(client: &Client, topic: &str, number: i32, values: impl IntoIterator<Item = V>) {
    let producer = client.producer().build().unwrap();
    let mut deliveries = Vec::new();
    for value in values {
        let record = Record::to(topic).partition(number).value(value.to_string());
        deliveries.push(producer.enqueue(record).await.unwrap());
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
}

async fn recv(consumer: &mut Consumer) -> ConsumerRecord {
    timeout(PATIENCE, consumer.recv()).await.expect("a record comes").unwrap()
}

fn value(record: &ConsumerRecord) -> String {
    String::from_utf8(record.value.clone().unwrap_or_default().to_vec()).unwrap()
}

/// The values of the next records.
async fn values(consumer: &mut Consumer, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        values.push(value(&recv(consumer).await));
    }
    values
}

fn numbers(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}
