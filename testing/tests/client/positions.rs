//! Where a consumer begins, seeks, pauses, and what it knows about its place.

use std::time::Duration;

use naru_client::{ErrorKind, OffsetReset, Record, SeekTo, TopicPartition, Watermarks};
use tokio::time::timeout;

use crate::support::cluster::Cluster;
use crate::support::members::{recv, value, values};
use crate::support::{numbered, until, within};

#[tokio::test]
async fn seeks_go_anywhere_and_throw_away_what_was_fetched() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for number in 0..100_i64 {
        let record = Record::to(&*topic).value(number.to_string()).timestamp(1_700_000_000_000 + number * 10);
        drop(within("room", producer.enqueue(record)).await.unwrap());
    }
    within("a flush", producer.flush()).await;
    let place = TopicPartition::new(&*topic, 0);
    let consumer = cluster.client().consumer().assign([place.clone()]).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    assert_eq!(values(&mut consumer, 10).await, numbered(0..10));
    assert_eq!(consumer.position(&place), Some(10));
    for (to, expected) in [
        (SeekTo::Offset(47), 47),
        (SeekTo::Beginning, 0),
        (SeekTo::Time(1_700_000_000_000 + 495), 50),
        (SeekTo::Time(0), 0),
        (SeekTo::Offset(99), 99),
    ] {
        consumer.seek(&place, to).unwrap();
        assert_eq!(recv(&mut consumer).await.offset, expected, "{to:?}");
    }
    consumer.seek(&place, SeekTo::End).unwrap();
    until("the end is known", async || consumer.position(&place) == Some(100)).await;
    cluster.send(&topic, 0, ["new"]).await;
    assert_eq!(value(&recv(&mut consumer).await), "new");
    consumer.seek(&place, SeekTo::Time(i64::MAX)).unwrap();
    until("no record is that young", async || consumer.position(&place) == Some(101)).await;
    let error = consumer.seek(&TopicPartition::new(&*topic, 7), 0).unwrap_err();
    assert_eq!(error.to_string(), format!("{topic}-7 is not assigned to this consumer"));
}

#[tokio::test]
async fn a_paused_partition_gives_nothing_and_loses_nothing() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(2).await;
    for partition in 0..2 {
        cluster.send(&topic, partition, numbered(0..1000)).await;
    }
    let both = [0, 1].map(|partition| TopicPartition::new(&*topic, partition));
    let consumer = cluster.client().consumer().assign(both).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
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
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let place = TopicPartition::new(&*topic, 0);
    let producer = cluster.producer();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    for (value, age_ms) in [("old", 7_200_000), ("young", 60_000)] {
        let record = Record::to(&*topic).value(value).timestamp(now - age_ms);
        within("an outcome", producer.send(record)).await.unwrap();
    }
    let begin = async |policy| {
        let consumer = cluster.client().consumer().assign([place.clone()]).offset_reset(policy).build();
        within("a consumer", consumer).await.unwrap()
    };
    assert_eq!(values(&mut begin(OffsetReset::Earliest).await, 2).await, ["old", "young"]);
    assert_eq!(values(&mut begin(OffsetReset::Within(Duration::from_hours(1))).await, 1).await, ["young"]);
    let mut latest = begin(OffsetReset::Latest).await;
    until("the end is known", async || latest.position(&place) == Some(2)).await;
    let mut nowhere = begin(OffsetReset::Fail).await;
    let error = within("an error", nowhere.recv()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoOffset);
    assert!(error.to_string().contains(&place.to_string()), "{error}");
    nowhere.seek(&place, 1).unwrap();
    assert_eq!(values(&mut nowhere, 1).await, ["young"]);
    cluster.send(&topic, 0, ["new"]).await;
    assert_eq!(values(&mut latest, 1).await, ["new"]);
}

#[tokio::test]
async fn an_offset_outside_of_the_log_is_reset() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let place = TopicPartition::new(&*topic, 0);
    cluster.send(&topic, 0, numbered(0..3)).await;
    let consumer = cluster.client().consumer().assign([place.clone()]);
    let mut earliest = within("a consumer", consumer.clone().build()).await.unwrap();
    earliest.seek(&place, 1000).unwrap();
    assert_eq!(values(&mut earliest, 3).await, numbered(0..3));
    let mut nowhere = within("a consumer", consumer.offset_reset(OffsetReset::Fail).build()).await.unwrap();
    nowhere.seek(&place, 1000).unwrap();
    let error = within("an error", nowhere.recv()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoOffset);
    assert!(error.to_string().contains(&format!("offset 1000 of {place}")), "{error}");
}

#[tokio::test]
async fn lag_and_watermarks_are_known() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(2).await;
    let [place, empty, missing] = [0, 1, 2].map(|partition| TopicPartition::new(&*topic, partition));
    cluster.send(&topic, 0, numbered(0..10)).await;
    let consumer = cluster.client().consumer().assign([place.clone()]).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    assert_eq!(consumer.lag(&place), None);
    values(&mut consumer, 4).await;
    assert_eq!(consumer.lag(&place), Some(6));
    values(&mut consumer, 6).await;
    assert_eq!(consumer.lag(&place), Some(0));
    let watermarks = async |partition| within("watermarks", consumer.watermarks(partition)).await;
    assert_eq!(watermarks(&place).await.unwrap(), Watermarks { low: 0, high: 10 });
    assert_eq!(watermarks(&empty).await.unwrap(), Watermarks { low: 0, high: 0 });
    assert!(watermarks(&missing).await.is_err());
    let found = within("offsets", consumer.offsets_for_times([(place.clone(), 1), (empty, 1)])).await.unwrap();
    assert_eq!(found, [(place, 0)].into());
}
