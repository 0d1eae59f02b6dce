//! Records come whole, once, and in order.

use std::collections::HashMap;
use std::time::Duration;

use naru_client::{Codec, Header, Record};
use tokio::time::timeout;

use super::{PATIENCE, broker_with, numbers, partition, recv, send, value, values};

#[tokio::test]
async fn a_record_comes_as_it_was_sent() {
    let (_broker, client) = broker_with("orders", 1).await;
    let producer = client.producer().build().unwrap();
    let sent = Record::to("orders")
        .key("customer-7")
        .value("boat")
        .header("trace", "1")
        .header("trace", "2")
        .timestamp(1_700_000_000_000);
    producer.send(sent).await.unwrap();
    producer.send(Record::to("orders")).await.unwrap();
    let mut consumer = client.consumer().topics(["orders"]).build().await.unwrap();
    let record = recv(&mut consumer).await;
    assert_eq!((&*record.topic, record.partition, record.offset), ("orders", 0, 0));
    assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"customer-7"[..]), Some(&b"boat"[..])));
    assert_eq!(record.timestamp, 1_700_000_000_000);
    let header = |value: &str| Header { key: "trace".into(), value: Some(value.to_owned().into()) };
    assert_eq!(record.headers, [header("1"), header("2")]);
    let empty = recv(&mut consumer).await;
    assert_eq!((empty.offset, empty.key, empty.value, empty.headers.len()), (1, None, None, 0));
}

#[tokio::test]
async fn every_codec_is_read_and_order_kept_in_each_partition() {
    let (_broker, client) = broker_with("orders", 3).await;
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        let producer = client.producer().compression(codec).build().unwrap();
        for value in 0..300 {
            let value = format!("{}", number * 300 + value);
            let to = Record::to("orders").partition((value.len() % 3) as i32).value(value);
            let _ = producer.enqueue(to).await.unwrap();
        }
        producer.close(PATIENCE).await.unwrap();
    }
    let mut consumer = client.consumer().topics(["orders"]).build().await.unwrap();
    let mut next: HashMap<i32, i64> = HashMap::new();
    let mut all: Vec<usize> = Vec::new();
    while all.len() < 1500 {
        for record in timeout(PATIENCE, consumer.recv_batch(64)).await.unwrap().unwrap() {
            let expected = next.entry(record.partition).or_default();
            assert_eq!(record.offset, *expected);
            *expected += 1;
            all.push(value(&record).parse().unwrap());
        }
    }
    all.sort_unstable();
    assert_eq!(all, (0..1500).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_a_receive_loses_nothing() {
    let (_broker, client) = broker_with("orders", 1).await;
    let mut consumer = client.consumer().topics(["orders"]).build().await.unwrap();
    let sender = tokio::spawn(async move {
        for number in 0..200 {
            send(&client, "orders", 0, [number]).await;
        }
    });
    let (mut got, mut dropped) = (Vec::new(), 0);
    while got.len() < 200 {
        match timeout(Duration::from_micros(300), consumer.recv()).await {
            Ok(record) => got.push(value(&record.unwrap())),
            Err(_) => dropped += 1,
        }
    }
    sender.await.unwrap();
    assert_eq!(got, numbers(0..200));
    assert!(dropped > 0, "no future was dropped while it waited");
}

#[tokio::test]
async fn a_small_prefetch_still_reads_large_records_of_all_partitions() {
    let (_broker, client) = broker_with("orders", 4).await;
    let producer = client.producer().build().unwrap();
    for number in 0..40 {
        let record = Record::to("orders").partition(number % 4).value(vec![number as u8; 50_000]);
        producer.send(record).await.unwrap();
    }
    let consumer = client.consumer().topics(["orders"]).prefetch_bytes(1000);
    let mut consumer = consumer.set("max.partition.fetch.bytes", "1000").build().await.unwrap();
    let mut seen = [0; 4];
    for _ in 0..40 {
        let record = recv(&mut consumer).await;
        assert_eq!(record.value.unwrap().len(), 50_000);
        seen[record.partition as usize] += 1;
    }
    assert_eq!(seen, [10; 4]);
}

#[tokio::test]
async fn partitions_take_turns() {
    let (_broker, client) = broker_with("orders", 2).await;
    for number in 0..2 {
        send(&client, "orders", number, 0..5000).await;
    }
    let consumer = client.consumer().topics(["orders"]).set("max.partition.fetch.bytes", "10000");
    let mut consumer = consumer.build().await.unwrap();
    let mut seen = [0_i32; 2];
    for _ in 0..5000 {
        seen[recv(&mut consumer).await.partition as usize] += 1;
    }
    assert!(seen.iter().all(|count| *count > 1500), "one partition was held up: {seen:?}");
}

#[tokio::test]
async fn topics_that_match_a_pattern_are_read_also_those_made_later() {
    let (_broker, client) = broker_with("orders-eu", 1).await;
    send(&client, "orders-eu", 0, ["a"]).await;
    send(&client, "other-orders-eu", 0, ["x"]).await;
    let quick =
        naru_client::Client::builder().bootstrap(_broker.address()).set("metadata.max.age.ms", "50").build().unwrap();
    let mut consumer = quick.consumer().topic_pattern("orders-.*").build().await.unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["a"]);
    send(&client, "orders-us", 0, ["b"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["b"]);
    assert_eq!(consumer.assignment(), [partition("orders-eu", 0), partition("orders-us", 0)]);
}

#[tokio::test]
async fn new_partitions_of_a_topic_are_read_from_their_beginning() {
    let (broker, client) = broker_with("orders", 1).await;
    let quick = naru_client::Client::builder().bootstrap(broker.address()).set("metadata.max.age.ms", "50");
    let consumer = quick.build().unwrap().consumer().topics(["orders"]).offset_reset(naru_client::OffsetReset::Latest);
    let mut consumer = consumer.build().await.unwrap();
    super::until("the first partition has its place", || consumer.position(&partition("orders", 0)).is_some()).await;
    client.admin().grow_topic("orders", 3).await.unwrap();
    let fresh = broker.client();
    send(&fresh, "orders", 2, ["a", "b"]).await;
    assert_eq!(values(&mut consumer, 2).await, ["a", "b"]);
}
