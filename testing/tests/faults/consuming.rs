//! Consuming: every record comes, once, in the order of its partition, whatever breaks on the way.

use std::time::Duration;

use naru_client::{ApiKey, Consumer, TopicPartition};
use naru_testing::{Fault, FaultProxy};

use crate::support::cluster::Cluster;
use crate::support::members::{recv, value, values};
use crate::support::{numbered, until, within};

/// A consumer of all partitions that needs many requests for what is in them.
async fn small_fetches(cluster: &Cluster, topic: &str) -> Consumer {
    let client = cluster.settings().request_timeout(Duration::from_secs(2)).build().unwrap();
    let consumer = client.consumer().topics([topic]).set("max.partition.fetch.bytes", "2000").prefetch_bytes(8_000);
    within("a consumer", consumer.build()).await.unwrap()
}

/// Batches of a few records, so that a small fetch brings a few.
async fn fill(cluster: &Cluster, topic: &str, partitions: i32, each: usize) {
    let producer = cluster.producer_with(|builder| builder.batch_size(300));
    for value in numbered(0..each) {
        for partition in 0..partitions {
            let record = naru_client::Record::to(topic).partition(partition).value(value.clone());
            drop(within("room", producer.enqueue(record)).await.unwrap());
        }
    }
    within("a flush", producer.flush()).await;
}

/// Receives everything while `trouble` does what it does after each so many records.
async fn received_in_order(
    consumer: &mut Consumer,
    partitions: usize,
    each: usize,
    every: usize,
    mut trouble: impl AsyncFnMut(usize),
) {
    let mut next = vec![0; partitions];
    for count in 0..partitions * each {
        let record = recv(consumer).await;
        let expected = &mut next[record.partition as usize];
        assert_eq!(value(&record), expected.to_string(), "partition {}", record.partition);
        *expected += 1;
        if count % every == every / 2 {
            trouble(count / every).await;
        }
    }
    assert!(next.iter().all(|&next| next == each));
}

#[tokio::test]
async fn answers_that_are_lost_or_cut_are_fetched_again() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(2).await;
    fill(&cluster, &topic, 2, 1000).await;
    let faults: [fn(&FaultProxy) -> Fault; 4] = [
        |proxy| proxy.lose_answer(ApiKey::Fetch),
        |proxy| proxy.lose_request(ApiKey::Fetch),
        |proxy| proxy.cut_answer(ApiKey::Fetch, 3),
        |proxy| proxy.cut_answer(ApiKey::Fetch, 700),
    ];
    let mut consumer = small_fetches(&cluster, &topic).await;
    let mut ordered = Vec::new();
    received_in_order(&mut consumer, 2, 1000, 150, async |round| {
        ordered.push(faults[round % 4](cluster.broker().proxy()));
    })
    .await;
    assert!(ordered.iter().filter(|fault| fault.has_happened()).count() >= 8, "the faults happened");
}

#[tokio::test]
async fn connections_that_are_cut_or_half_closed_are_made_again() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(2).await;
    fill(&cluster, &topic, 2, 600).await;
    let mut consumer = small_fetches(&cluster, &topic).await;
    received_in_order(&mut consumer, 2, 600, 150, async |round| {
        if round % 2 == 0 {
            within("a cut", cluster.broker().proxy().cut()).await;
        } else {
            cluster.broker().proxy().half_close();
        }
    })
    .await;
}

#[tokio::test]
async fn slow_answers_are_waited_for_and_those_that_never_come_are_asked_for_again() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    fill(&cluster, &topic, 1, 60).await;
    let client = cluster.settings().request_timeout(Duration::from_millis(800)).build().unwrap();
    let consumer = client.consumer().topics([&*topic]).fetch_max_wait(Duration::from_millis(50));
    let mut consumer = within("a consumer", consumer.build()).await.unwrap();
    cluster.broker().proxy().delay_answers(Duration::from_millis(100));
    assert_eq!(values(&mut consumer, 60).await, numbered(0..60));
    cluster.broker().proxy().heal().await;

    let hold = cluster.broker().proxy().hold_answers(ApiKey::Fetch);
    cluster.send(&topic, 0, ["60"]).await;
    within("an answer that is kept back", hold.held(1)).await;
    let before = cluster.broker().proxy().accepted();
    until("another connection", async || cluster.broker().proxy().accepted() > before).await;
    drop(hold);
    assert_eq!(values(&mut consumer, 1).await, ["60"]);
}

#[tokio::test]
async fn a_killed_broker_is_waited_for_and_nothing_comes_twice() {
    let cluster = Cluster::with_broker().await;
    let topic = cluster.topic(2).await;
    fill(&cluster, &topic, 2, 600).await;
    let mut consumer = small_fetches(&cluster, &topic).await;
    received_in_order(&mut consumer, 2, 600, 300, async |_| {
        cluster.broker().kill().await;
        cluster.broker().restart().await;
    })
    .await;
    // And while it waits for what comes next.
    cluster.broker().kill().await;
    cluster.broker().restart().await;
    cluster.send(&topic, 1, ["after"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["after"]);
}

#[tokio::test]
async fn a_large_answer_over_a_slow_network_comes_whole() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    cluster.send(&topic, 0, [vec![b'x'; 400_000]]).await;
    cluster.broker().proxy().limit_rate(1_000_000);
    let client = cluster.settings().request_timeout(Duration::from_secs(5)).build().unwrap();
    let consumer = client.consumer().assign([TopicPartition::new(&*topic, 0)]);
    let mut consumer = within("a consumer", consumer.build()).await.unwrap();
    assert_eq!(recv(&mut consumer).await.value.map(|value| value.len()), Some(400_000));
}
