//! Where a consumer begins, seeks, pauses, and what it knows about its place.

use std::time::Duration;

use naru_client::{ErrorKind, OffsetReset, Record, SeekTo, Watermarks};
use tokio::time::timeout;

use super::{PATIENCE, broker_with, numbers, partition, recv, send, until, value, values};

#[tokio::test]
async fn seeks_go_anywhere_and_throw_away_what_was_fetched() {
    let (_broker, client) = broker_with("orders", 1).await;
    let producer = client.producer().build().unwrap();
    for number in 0..100_i64 {
        let record = Record::to("orders").value(number.to_string()).timestamp(1_000_000 + number * 10);
        producer.send(record).await.unwrap();
    }
    let orders = partition("orders", 0);
    let mut consumer = client.consumer().assign([orders.clone()]).build().await.unwrap();
    assert_eq!(values(&mut consumer, 10).await, numbers(0..10));
    assert_eq!(consumer.position(&orders), Some(10));
    for (to, expected) in [
        (SeekTo::Offset(47), 47),
        (SeekTo::Beginning, 0),
        (SeekTo::Time(1_000_000 + 495), 50),
        (SeekTo::Time(0), 0),
        (SeekTo::Offset(99), 99),
    ] {
        consumer.seek(&orders, to).unwrap();
        assert_eq!(recv(&mut consumer).await.offset, expected, "{to:?}");
    }
    consumer.seek(&orders, SeekTo::End).unwrap();
    until("the end is known", || consumer.position(&orders) == Some(100)).await;
    send(&client, "orders", 0, ["new"]).await;
    assert_eq!(value(&recv(&mut consumer).await), "new");
    consumer.seek(&orders, SeekTo::Time(i64::MAX)).unwrap();
    until("no record is that young", || consumer.position(&orders) == Some(101)).await;
    let error = consumer.seek(&partition("orders", 7), 0).unwrap_err();
    assert_eq!(error.to_string(), "orders-7 is not assigned to this consumer");
}

#[tokio::test]
async fn a_paused_partition_gives_nothing_and_loses_nothing() {
    let (_broker, client) = broker_with("orders", 2).await;
    for number in 0..2 {
        send(&client, "orders", number, 0..1000).await;
    }
    let (first, second) = (partition("orders", 0), partition("orders", 1));
    let mut consumer = client.consumer().assign([first.clone(), second.clone()]).build().await.unwrap();
    let begun = recv(&mut consumer).await.topic_partition();
    consumer.pause(&begun).unwrap();
    assert!(consumer.is_paused(&begun));
    for _ in 0..1000 {
        assert_ne!(recv(&mut consumer).await.topic_partition(), begun);
    }
    assert!(timeout(Duration::from_millis(50), consumer.recv()).await.is_err(), "only the paused partition has more");
    consumer.resume(&begun).unwrap();
    for offset in 1..1000 {
        assert_eq!(recv(&mut consumer).await.offset, offset);
    }
}

#[tokio::test]
async fn the_reset_policy_says_where_to_begin() {
    let (_broker, client) = broker_with("orders", 1).await;
    let orders = partition("orders", 0);
    let producer = client.producer().build().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    for (value, age_ms) in [("old", 7_200_000), ("young", 60_000)] {
        producer.send(Record::to("orders").value(value).timestamp(now - age_ms)).await.unwrap();
    }
    let begin = async |policy| client.consumer().assign([orders.clone()]).offset_reset(policy).build().await.unwrap();
    assert_eq!(values(&mut begin(OffsetReset::Earliest).await, 2).await, ["old", "young"]);
    assert_eq!(values(&mut begin(OffsetReset::Within(Duration::from_secs(3600))).await, 1).await, ["young"]);
    let mut latest = begin(OffsetReset::Latest).await;
    until("the end is known", || latest.position(&orders) == Some(2)).await;
    let mut nowhere = begin(OffsetReset::Fail).await;
    let error = timeout(PATIENCE, nowhere.recv()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoOffset);
    assert!(error.to_string().contains("orders-0"), "{error}");
    nowhere.seek(&orders, 1).unwrap();
    assert_eq!(values(&mut nowhere, 1).await, ["young"]);
    send(&client, "orders", 0, ["new"]).await;
    assert_eq!(values(&mut latest, 1).await, ["new"]);
}

#[tokio::test]
async fn an_offset_outside_of_the_log_is_reset() {
    let (_broker, client) = broker_with("orders", 1).await;
    let orders = partition("orders", 0);
    send(&client, "orders", 0, 0..3).await;
    let consumer = client.consumer().assign([orders.clone()]);
    let mut earliest = consumer.clone().build().await.unwrap();
    earliest.seek(&orders, 1000).unwrap();
    assert_eq!(values(&mut earliest, 3).await, numbers(0..3));
    let mut nowhere = consumer.offset_reset(OffsetReset::Fail).build().await.unwrap();
    nowhere.seek(&orders, 1000).unwrap();
    let error = timeout(PATIENCE, nowhere.recv()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoOffset);
    assert!(error.to_string().contains("offset 1000 of orders-0"), "{error}");
}

#[tokio::test]
async fn lag_and_watermarks_are_known() {
    let (_broker, client) = broker_with("orders", 2).await;
    let orders = partition("orders", 0);
    send(&client, "orders", 0, 0..10).await;
    let mut consumer = client.consumer().assign([orders.clone()]).build().await.unwrap();
    assert_eq!(consumer.lag(&orders), None);
    values(&mut consumer, 4).await;
    assert_eq!(consumer.lag(&orders), Some(6));
    values(&mut consumer, 6).await;
    assert_eq!(consumer.lag(&orders), Some(0));
    assert_eq!(consumer.watermarks(&orders).await.unwrap(), Watermarks { low: 0, high: 10 });
    assert_eq!(consumer.watermarks(&partition("orders", 1)).await.unwrap(), Watermarks { low: 0, high: 0 });
    let error = consumer.watermarks(&partition("orders", 2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let times = [(orders.clone(), 1), (partition("orders", 1), 1)];
    assert_eq!(consumer.offsets_for_times(times).await.unwrap(), [(orders, 0)].into());
}
