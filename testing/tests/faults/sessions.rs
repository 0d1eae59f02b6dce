//! Fetch sessions: requests are small, and whatever becomes of a session, every record comes once.

use std::time::Duration;

use naru_client::{ApiKey, Consumer, OffsetReset, TopicPartition};
use naru_testing::{Fault, FaultProxy};

use crate::support::cluster::Cluster;
use crate::support::members::{recv, value, values};
use crate::support::within;

async fn consumer_of(cluster: &Cluster, topic: &str, partitions: i32) -> Consumer {
    let client = cluster.settings().request_timeout(Duration::from_secs(2)).build().unwrap();
    let all = (0..partitions).map(|partition| TopicPartition::new(topic, partition));
    let consumer = client.consumer().assign(all).offset_reset(OffsetReset::Earliest);
    within("a consumer", consumer.build()).await.unwrap()
}

/// Sends a record to one partition of many after the other, and has each received.
async fn exchange(
    cluster: &Cluster,
    topic: &str,
    partitions: i32,
    consumer: &mut Consumer,
    rounds: std::ops::Range<i32>,
) {
    for round in rounds {
        let partition = round * 7 % partitions;
        cluster.send(topic, partition, [round.to_string()]).await;
        let record = recv(consumer).await;
        assert_eq!((record.partition, value(&record)), (partition, round.to_string()));
    }
}

#[tokio::test]
async fn a_request_names_what_has_changed_and_not_a_thousand_partitions() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1000).await;
    let mut consumer = consumer_of(&cluster, &topic, 1000).await;
    // The first ones list what is assigned.
    exchange(&cluster, &topic, 1000, &mut consumer, 0..5).await;
    let proxy = cluster.broker().proxy();
    let (requests, bytes) = (proxy.requests(ApiKey::Fetch), proxy.request_bytes(ApiKey::Fetch));
    exchange(&cluster, &topic, 1000, &mut consumer, 5..50).await;
    let (requests, bytes) = (proxy.requests(ApiKey::Fetch) - requests, proxy.request_bytes(ApiKey::Fetch) - bytes);
    assert!(requests >= 45 && bytes / requests < 500, "{requests} requests have {bytes} bytes");
    let known = |partition| consumer.lag(&TopicPartition::new(&*topic, partition));
    assert!((0..1000).all(|partition| known(partition) == Some(0)), "every partition was told about");
}

#[tokio::test]
async fn a_session_that_is_lost_with_its_broker_begins_anew() {
    let cluster = Cluster::with_broker().await;
    let topic = cluster.topic(50).await;
    let mut consumer = consumer_of(&cluster, &topic, 50).await;
    for restart in 0..4 {
        exchange(&cluster, &topic, 50, &mut consumer, restart * 10..restart * 10 + 10).await;
        cluster.broker().kill().await;
        cluster.broker().restart().await;
    }
    exchange(&cluster, &topic, 50, &mut consumer, 40..50).await;
}

#[tokio::test]
async fn requests_and_answers_that_are_lost_leave_no_hole_in_a_session() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(50).await;
    let faults: [fn(&FaultProxy) -> Fault; 3] = [
        |proxy| proxy.lose_answer(ApiKey::Fetch),
        |proxy| proxy.lose_request(ApiKey::Fetch),
        |proxy| proxy.cut_answer(ApiKey::Fetch, 20),
    ];
    let mut consumer = consumer_of(&cluster, &topic, 50).await;
    for round in 0..30_i32 {
        let fault = faults[round as usize % 3](cluster.broker().proxy());
        exchange(&cluster, &topic, 50, &mut consumer, round..round + 1).await;
        within("a fault", fault.happened()).await;
    }
}

#[tokio::test]
async fn without_room_for_sessions_everything_comes_all_the_same() {
    // With 8 slots, ten consumers have to do without or evict each other; with none there is no session at all.
    for slots in ["0", "8"] {
        let cluster = Cluster::own_with(&[("max.incremental.fetch.session.cache.slots", slots)]).await;
        let topic = cluster.topic(20).await;
        let mut consumers = Vec::new();
        for _ in 0..10 {
            consumers.push(consumer_of(&cluster, &topic, 20).await);
        }
        for round in 0..10 {
            cluster.send(&topic, round * 7 % 20, [round.to_string()]).await;
            for consumer in &mut consumers {
                assert_eq!(values(consumer, 1).await, [round.to_string()]);
            }
        }
    }
}
