//! Brokers that die and topics that go.

use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{ErrorCode, OffsetReset, Record};
use tokio::time::timeout;

use super::{PATIENCE, broker_with, numbers, partition, recv, send, until, value, values};

#[tokio::test]
async fn a_broker_killed_again_and_again_costs_no_record() {
    let (broker, client) = broker_with("orders", 2).await;
    let mut consumer = client.consumer().topics(["orders"]).build().await.unwrap();
    let producing = tokio::spawn(async move {
        let producer = client.producer().build().unwrap();
        for number in 0..2000 {
            let record = Record::to("orders").partition(number % 2).value((number / 2).to_string());
            drop(producer.enqueue(record).await.unwrap());
            if number % 50 == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        producer.close(PATIENCE).await.unwrap();
    });
    let mut got: [Vec<String>; 2] = Default::default();
    for count in 0..2000 {
        let record = recv(&mut consumer).await;
        got[record.partition as usize].push(value(&record));
        if count % 500 == 250 {
            broker.kill().await;
            broker.restart().await;
        }
    }
    producing.await.unwrap();
    assert_eq!(got[0], numbers(0..1000));
    assert_eq!(got[1], numbers(0..1000));
}

#[tokio::test]
async fn a_topic_made_again_is_read_from_its_beginning_whatever_the_policy() {
    let (_broker, client) = broker_with("orders", 1).await;
    send(&client, "orders", 0, 0..5).await;
    let consumer = client.consumer().topics(["orders"]).offset_reset(OffsetReset::Latest);
    let mut consumer = consumer.build().await.unwrap();
    until("it has its place", || consumer.position(&partition("orders", 0)) == Some(5)).await;
    send(&client, "orders", 0, ["last"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["last"]);
    client.admin().delete_topic("orders").await.unwrap();
    let error = timeout(PATIENCE, consumer.recv()).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    client.admin().create_topic(NewTopic::new("orders").partitions(1)).await.unwrap();
    send(&client, "orders", 0, ["new", "newer"]).await;
    assert_eq!(values(&mut consumer, 2).await, ["new", "newer"]);
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_and_waited_for() {
    let broker = naru_testing::TestBroker::builder().set("auto.create.topics.enable", "false").start().await;
    let client = broker.client();
    let mut consumer = client.consumer().topics(["orders"]).build().await.unwrap();
    let error = timeout(PATIENCE, consumer.recv()).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    client.admin().create_topic(NewTopic::new("orders").partitions(2)).await.unwrap();
    send(&client, "orders", 1, ["here"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["here"]);
}

#[tokio::test]
async fn a_group_goes_on_after_its_broker_was_killed() {
    let (broker, client) = broker_with("orders", 2).await;
    let group = client.consumer().group("billing").topics(["orders"]).auto_commit(Duration::from_millis(20));
    let mut consumer = group.clone().build().await.unwrap();
    let mut next = [0_i64; 2];
    for round in 0..4_i64 {
        for number in 0..2 {
            send(&client, "orders", number, round * 100..(round + 1) * 100).await;
        }
        for _ in 0..200 {
            let record = recv(&mut consumer).await;
            let expected = &mut next[record.partition as usize];
            assert_eq!((record.offset, value(&record)), (*expected, expected.to_string()));
            *expected += 1;
        }
        broker.kill().await;
        broker.restart().await;
    }
    consumer.close(PATIENCE).await.unwrap();
    // All but the last record were processed.
    let mut after = group.build().await.unwrap();
    assert_eq!(recv(&mut after).await.offset, 399);
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_told_and_waited_for() {
    let (broker, client) = broker_with("orders", 1).await;
    let quick = naru_client::Client::builder().bootstrap(broker.address()).set("metadata.max.age.ms", "50");
    let consumer = quick.build().unwrap().consumer().assign([partition("orders", 1)]);
    let mut consumer = consumer.build().await.unwrap();
    let error = timeout(PATIENCE, consumer.recv()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("orders-1"), "{error}");
    client.admin().grow_topic("orders", 2).await.unwrap();
    send(&broker.client(), "orders", 1, ["here"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["here"]);
}
