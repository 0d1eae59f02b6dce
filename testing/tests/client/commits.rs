//! What is committed, when, and by whom.

use std::collections::BTreeMap;
use std::time::Duration;

use naru_client::{ConsumerBuilder, ConsumerHandle, ConsumerRecord, ErrorKind, TopicPartition};

use crate::support::cluster::{Cluster, unique};
use crate::support::members::{recv, value, values};
use crate::support::{PATIENCE, numbered, polled, until, within};

/// One topic with numbered records in its first partition, and a group that has not begun.
struct Setup {
    cluster: Cluster,
    topic: String,
    group: String,
    place: TopicPartition,
}

impl Setup {
    async fn with(partitions: i32, records: usize) -> Self {
        let cluster = Cluster::any().await;
        let topic = cluster.topic(partitions).await;
        cluster.send(&topic, 0, numbered(0..records)).await;
        let place = TopicPartition::new(&*topic, 0);
        Self { cluster, topic, group: unique("group"), place }
    }

    fn member(&self) -> ConsumerBuilder {
        let consumer = self.cluster.client().consumer().group(&*self.group).topics([&*self.topic]);
        consumer.set("heartbeat.interval.ms", "50").set("session.timeout.ms", "6000")
    }

    /// What the group has committed, as the coordinator tells.
    async fn committed(&self) -> BTreeMap<TopicPartition, i64> {
        let admin = self.cluster.client().admin();
        let told = within("offsets", admin.committed_offsets(&*self.group)).await.expect("offsets");
        told.into_iter().map(|(partition, committed)| (partition, committed.offset)).collect()
    }

    fn only(&self, offset: i64) -> BTreeMap<TopicPartition, i64> {
        BTreeMap::from([(self.place.clone(), offset)])
    }
}

#[tokio::test]
async fn automatic_commits_are_of_exactly_what_was_processed() {
    let setup = Setup::with(1, 10).await;
    let consumer = setup.member().auto_commit(Duration::from_millis(20)).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    assert_eq!(values(&mut consumer, 4).await, numbered(0..4));
    // The fourth record is still in the application's hands.
    until("a commit", async || setup.committed().await == setup.only(3)).await;
    assert_eq!(values(&mut consumer, 1).await, ["4"]);
    until("a commit", async || setup.committed().await == setup.only(4)).await;
}

#[tokio::test]
async fn closing_commits_what_was_processed_and_frees_the_partitions_at_once() {
    let setup = Setup::with(1, 10).await;
    let mut first = within("a consumer", setup.member().build()).await.unwrap();
    assert_eq!(values(&mut first, 6).await, numbered(0..6));
    within("an end in order", first.close(PATIENCE)).await.unwrap();
    assert_eq!(setup.committed().await, setup.only(5));
    // Nobody waits for the session of the first to end: it would take longer than this test has.
    let mut second = within("a consumer", setup.member().build()).await.unwrap();
    assert_eq!(values(&mut second, 5).await, numbered(5..10));
}

#[tokio::test]
async fn commits_by_hand_are_the_only_ones_where_they_are_asked_for() {
    let setup = Setup::with(2, 10).await;
    let mut consumer = within("a consumer", setup.member().auto_commit(None).build()).await.unwrap();
    assert_eq!(values(&mut consumer, 5).await, numbered(0..5));
    within("an end in order", consumer.close(PATIENCE)).await.unwrap();
    assert!(setup.committed().await.is_empty());

    let mut consumer = within("a consumer", setup.member().auto_commit(None).build()).await.unwrap();
    assert_eq!(values(&mut consumer, 5).await, numbered(0..5));
    within("a commit", consumer.commit_offsets([(setup.place.clone(), 2)])).await.unwrap();
    assert_eq!(setup.committed().await.get(&setup.place), Some(&2));
    // Without numbers it is of all that was received.
    within("a commit", consumer.commit()).await.unwrap();
    let places = [0, 1].map(|partition| TopicPartition::new(&*setup.topic, partition));
    let told = within("offsets", consumer.committed(&places)).await.unwrap();
    assert_eq!(told.get(&setup.place), Some(&5));
    within("an end in order", consumer.close(PATIENCE)).await.unwrap();
    let mut next = within("a consumer", setup.member().build()).await.unwrap();
    assert_eq!(value(&recv(&mut next).await), "5");
}

#[tokio::test]
async fn a_group_can_keep_offsets_of_partitions_of_ones_own_choice() {
    let setup = Setup::with(2, 10).await;
    let consumer = setup.cluster.client().consumer().group(&*setup.group).assign([setup.place.clone()]);
    let mut first = within("a consumer", consumer.clone().build()).await.unwrap();
    assert_eq!(values(&mut first, 6).await, numbered(0..6));
    within("an end in order", first.close(PATIENCE)).await.unwrap();
    let mut second = within("a consumer", consumer.build()).await.unwrap();
    assert_eq!(values(&mut second, 5).await, numbered(5..10));
}

#[tokio::test]
async fn without_a_group_a_commit_is_refused() {
    let setup = Setup::with(1, 1).await;
    let consumer = setup.cluster.client().consumer().topics([&*setup.topic]).build();
    let consumer = within("a consumer", consumer).await.unwrap();
    let error = within("a refusal", consumer.commit()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("group"), "{error}");
}

#[tokio::test]
async fn records_are_handed_over_in_a_rebalance_without_a_gap_or_a_repetition() {
    let setup = Setup::with(2, 1000).await;
    setup.cluster.send(&setup.topic, 1, numbered(0..1000)).await;
    let mut first = within("a consumer", setup.member().build()).await.unwrap();
    let mut seen = [0_i64; 2];
    let mut expect = |record: &ConsumerRecord| {
        let next = &mut seen[record.partition as usize];
        assert_eq!(record.offset, *next, "partition {}", record.partition);
        *next += 1;
    };
    for _ in 0..100 {
        expect(&recv(&mut first).await);
    }
    // Slowly enough that there is something left when the second one comes.
    let mut second = within("a consumer", setup.member().build()).await.unwrap();
    for _ in 100..2000 {
        tokio::select! {
            record = recv(&mut first) => expect(&record),
            record = recv(&mut second) => expect(&record),
        }
        if second.assignment().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!(seen, [1000, 1000]);
    assert_eq!((first.assignment().len(), second.assignment().len()), (1, 1));
}

#[tokio::test]
async fn hooks_see_partitions_come_and_go_and_can_seek_and_commit() {
    let setup = Setup::with(1, 10).await;
    let place = setup.place.clone();
    let consumer = setup.member().auto_commit(None);
    let consumer = consumer.on_assigned(async |consumer: ConsumerHandle, partitions: Vec<TopicPartition>| {
        for partition in partitions {
            consumer.seek(&partition, 5).expect("it is assigned");
        }
    });
    let consumer = consumer.on_revoked(move |consumer: ConsumerHandle, partitions: Vec<TopicPartition>| {
        let place = place.clone();
        async move {
            assert_eq!(partitions, std::slice::from_ref(&place));
            consumer.commit_offsets([(place, 8)]).await.expect("a commit while it is revoked");
        }
    });
    let mut consumer = within("a consumer", consumer.build()).await.unwrap();
    assert_eq!(values(&mut consumer, 2).await, numbered(5..7));
    within("an end in order", consumer.close(PATIENCE)).await.unwrap();
    assert_eq!(setup.committed().await, setup.only(8));
    let mut next = within("a consumer", setup.member().build()).await.unwrap();
    assert_eq!(values(&mut next, 2).await, numbered(8..10));
}

#[tokio::test]
async fn a_hook_that_commits_hands_over_exactly_where_it_stood() {
    let setup = Setup::with(2, 200).await;
    setup.cluster.send(&setup.topic, 1, numbered(0..200)).await;
    let commits = || {
        setup.member().auto_commit(None).on_revoked(async |consumer: ConsumerHandle, _: Vec<TopicPartition>| {
            consumer.commit().await.expect("a commit while it is revoked");
        })
    };
    let mut seen = [0_i64; 2];
    let mut expect = |record: &ConsumerRecord| {
        let next = &mut seen[record.partition as usize];
        assert_eq!(record.offset, *next, "partition {}", record.partition);
        *next += 1;
    };
    let mut first = within("a consumer", commits().build()).await.unwrap();
    for _ in 0..50 {
        expect(&recv(&mut first).await);
    }
    let mut second = within("a consumer", commits().build()).await.unwrap();
    for _ in 50..400 {
        tokio::select! {
            record = recv(&mut first) => expect(&record),
            record = recv(&mut second) => expect(&record),
        }
        if second.assignment().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!(seen, [200, 200]);
}

#[tokio::test]
async fn dropped_commits_and_closes_leave_a_group_that_works() {
    let setup = Setup::with(1, 10).await;
    let mut through = false;
    for polls in 1..50 {
        let mut consumer = within("a consumer", setup.member().auto_commit(None).build()).await.unwrap();
        assert_eq!(values(&mut consumer, 3).await, numbered(0..3));
        through = polled(polls, consumer.commit_offsets([(setup.place.clone(), 0)])).await.is_some();
        let closed = polled(polls, consumer.close(PATIENCE)).await;
        if through && closed.is_some() {
            break;
        }
    }
    assert!(through, "a commit gets through after some polls");
    assert_eq!(setup.committed().await, setup.only(0));
}

#[tokio::test]
async fn a_dropped_consumer_leaves_its_partitions_to_others_at_once() {
    let setup = Setup::with(1, 3).await;
    // Longer than anybody here waits.
    let member = || setup.member().session_timeout(PATIENCE + PATIENCE);
    let mut first = within("a consumer", member().build()).await.unwrap();
    assert_eq!(values(&mut first, 1).await, ["0"]);
    drop(first);
    let mut second = within("a consumer", member().build()).await.unwrap();
    assert_eq!(values(&mut second, 3).await, numbered(0..3));
}

#[tokio::test]
async fn the_topics_of_a_member_can_change() {
    let setup = Setup::with(1, 1).await;
    let returns = setup.cluster.topic(1).await;
    setup.cluster.send(&returns, 0, ["return"]).await;
    let mut consumer = within("a consumer", setup.member().build()).await.unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["0"]);
    consumer.subscribe([&*returns]).unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["return"]);
    assert_eq!(consumer.assignment(), [TopicPartition::new(&*returns, 0)]);
    let chosen = setup.cluster.client().consumer().assign([setup.place.clone()]).build();
    let chosen = within("a consumer", chosen).await.unwrap();
    assert_eq!(chosen.subscribe([&*returns]).unwrap_err().kind(), ErrorKind::Config);
}
