//! What is committed, and when.

use std::time::Duration;

use naru_client::{ConsumerBuilder, ErrorKind};

use super::{PATIENCE, broker_with, numbers, partition, recv, send, until_async, values};

const OFTEN: Duration = Duration::from_millis(20);

fn member(client: &naru_client::Client) -> ConsumerBuilder {
    client.consumer().group("billing").topics(["orders"])
}

#[tokio::test]
async fn automatic_commits_are_of_exactly_what_was_processed() {
    let (_broker, client) = broker_with("orders", 1).await;
    let orders = [partition("orders", 0)];
    send(&client, "orders", 0, 0..10).await;
    let mut consumer = member(&client).auto_commit(OFTEN).build().await.unwrap();
    values(&mut consumer, 4).await;
    let committed = async || consumer.committed(&orders).await.unwrap().get(&orders[0]).copied();
    // The fourth record is still in the application's hands.
    until_async("what was processed is committed", async || committed().await == Some(3)).await;
    tokio::time::sleep(OFTEN * 5).await;
    assert_eq!(committed().await, Some(3));
    drop(consumer);
    let mut next = member(&client).build().await.unwrap();
    assert_eq!(values(&mut next, 7).await, numbers(3..10));
}

#[tokio::test]
async fn closing_commits_what_was_processed_and_frees_the_partitions() {
    let (_broker, client) = broker_with("orders", 1).await;
    send(&client, "orders", 0, 0..10).await;
    let mut consumer = member(&client).build().await.unwrap();
    values(&mut consumer, 6).await;
    consumer.close(PATIENCE).await.unwrap();
    // At once: nobody waits for the session of the first to end.
    let mut next = member(&client).build().await.unwrap();
    assert_eq!(values(&mut next, 5).await, numbers(5..10));
}

#[tokio::test]
async fn a_commit_by_hand_is_of_all_that_was_received() {
    let (_broker, client) = broker_with("orders", 1).await;
    let orders = partition("orders", 0);
    send(&client, "orders", 0, 0..10).await;
    let mut consumer = member(&client).auto_commit(None).build().await.unwrap();
    values(&mut consumer, 4).await;
    consumer.commit().await.unwrap();
    values(&mut consumer, 3).await;
    assert_eq!(consumer.committed(&[orders.clone()]).await.unwrap(), [(orders.clone(), 4)].into());
    consumer.commit_offsets([(orders.clone(), 6)]).await.unwrap();
    consumer.close(PATIENCE).await.unwrap();
    let mut next = member(&client).build().await.unwrap();
    assert_eq!(values(&mut next, 4).await, numbers(6..10));
}

#[tokio::test]
async fn a_group_can_keep_offsets_of_partitions_of_ones_own_choice() {
    let (_broker, client) = broker_with("orders", 2).await;
    send(&client, "orders", 1, 0..10).await;
    let consumer = client.consumer().group("billing").assign([partition("orders", 1)]);
    let mut first = consumer.clone().build().await.unwrap();
    values(&mut first, 6).await;
    first.close(PATIENCE).await.unwrap();
    let mut second = consumer.build().await.unwrap();
    assert_eq!(values(&mut second, 5).await, numbers(5..10));
}

#[tokio::test]
async fn without_a_group_a_commit_is_refused() {
    let (_broker, client) = broker_with("orders", 1).await;
    let consumer = client.consumer().topics(["orders"]).build().await.unwrap();
    let error = consumer.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("group"), "{error}");
}

#[tokio::test]
async fn records_are_handed_over_in_a_rebalance_without_a_gap_or_a_repetition() {
    let (_broker, client) = broker_with("orders", 2).await;
    for number in 0..2 {
        send(&client, "orders", number, 0..1000).await;
    }
    let mut first = member(&client).set("heartbeat.interval.ms", "50").build().await.unwrap();
    let mut seen = [0_i64; 2];
    let mut expect = |record: &naru_client::ConsumerRecord| {
        let next = &mut seen[record.partition as usize];
        assert_eq!(record.offset, *next, "partition {}", record.partition);
        *next += 1;
    };
    for _ in 0..100 {
        expect(&recv(&mut first).await);
    }
    let mut second = member(&client).set("heartbeat.interval.ms", "50").build().await.unwrap();
    for _ in 100..2000 {
        tokio::select! {
            record = recv(&mut first) => expect(&record),
            record = recv(&mut second) => expect(&record),
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    assert_eq!(seen, [1000, 1000]);
    assert_eq!((first.assignment().len(), second.assignment().len()), (1, 1));
}

#[tokio::test]
async fn hooks_see_partitions_come_and_go_and_can_seek_and_commit() {
    let (_broker, client) = broker_with("orders", 1).await;
    send(&client, "orders", 0, 0..10).await;
    let consumer = member(&client).auto_commit(None);
    let consumer = consumer.on_assigned(async |consumer: naru_client::ConsumerHandle, partitions: Vec<_>| {
        for partition in partitions {
            consumer.seek(&partition, 5).unwrap();
        }
    });
    let consumer = consumer.on_revoked(async |consumer: naru_client::ConsumerHandle, partitions: Vec<_>| {
        assert_eq!(partitions, [partition("orders", 0)]);
        consumer.commit_offsets([(partition("orders", 0), 8)]).await.unwrap();
    });
    let mut consumer = consumer.build().await.unwrap();
    assert_eq!(values(&mut consumer, 2).await, numbers(5..7));
    consumer.close(PATIENCE).await.unwrap();
    let mut next = member(&client).build().await.unwrap();
    assert_eq!(values(&mut next, 2).await, numbers(8..10));
}

#[tokio::test]
async fn a_dropped_consumer_leaves_its_partitions_to_others_at_once() {
    let (_broker, client) = broker_with("orders", 1).await;
    send(&client, "orders", 0, 0..3).await;
    let mut first = member(&client).build().await.unwrap();
    values(&mut first, 1).await;
    drop(first);
    // Far below the session timeout of 45 seconds.
    let mut second = member(&client).build().await.unwrap();
    assert_eq!(values(&mut second, 3).await, numbers(0..3));
}

#[tokio::test]
async fn the_topics_of_a_member_can_change() {
    let (_broker, client) = broker_with("orders", 1).await;
    send(&client, "orders", 0, ["order"]).await;
    send(&client, "returns", 0, ["return"]).await;
    let mut consumer = member(&client).build().await.unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["order"]);
    consumer.subscribe(["returns"]).unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["return"]);
    assert_eq!(consumer.assignment(), [partition("returns", 0)]);
    let chosen = client.consumer().assign([partition("orders", 0)]).build().await.unwrap();
    assert_eq!(chosen.subscribe(["returns"]).unwrap_err().kind(), ErrorKind::Config);
}
