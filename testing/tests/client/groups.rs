//! Groups: every record reaches one member, whoever comes and goes.

use std::collections::{BTreeMap, BTreeSet};

use naru_client::TopicPartition;

use crate::support::cluster::{Cluster, unique};
use crate::support::members::{Member, Received, shared};
use crate::support::owners::Owners;
use crate::support::{numbered, within};

const ASSIGNORS: [&str; 4] = ["range", "roundrobin", "sticky", "cooperative-sticky"];

/// The same number of records in every partition of a topic.
async fn send_to_all(cluster: &Cluster, topic: &str, partitions: i32, each: usize) {
    for partition in 0..partitions {
        cluster.send(topic, partition, numbered(0..each)).await;
    }
}

async fn committed(cluster: &Cluster, group: &str) -> BTreeMap<TopicPartition, i64> {
    let committed = within("offsets", cluster.client().admin().committed_offsets(group)).await.expect("offsets");
    committed.into_iter().map(|(partition, committed)| (partition, committed.offset)).collect()
}

#[tokio::test]
async fn members_come_and_go_and_every_record_comes_once_with_each_assignor() {
    for assignor in ASSIGNORS {
        let cluster = Cluster::any().await;
        let (topic, group) = (cluster.topic(6).await, unique("group"));
        let (received, owners) = (Received::default(), Owners::default());
        let join = async |name| {
            Member::start(&cluster, &received, |consumer| {
                let consumer = consumer.group(&*group).topics([&*topic]);
                owners.see(name, consumer.set("partition.assignment.strategy", assignor))
            })
            .await
        };
        let mut members = vec![join("a").await];
        shared(&members, &[&topic], 6).await;
        members.push(join("b").await);
        members.push(join("c").await);
        shared(&members, &[&topic], 6).await;
        send_to_all(&cluster, &topic, 6, 50).await;
        received.all(&topic, 6, 50).await;
        members.pop().expect("three members").leave().await;
        shared(&members, &[&topic], 6).await;
        send_to_all(&cluster, &topic, 6, 50).await;
        received.all(&topic, 6, 100).await;
        assert_eq!(received.count(), 600, "{assignor}: none came twice");
        for member in members {
            member.leave().await;
        }
        owners.check();
        let ends: BTreeSet<i64> = committed(&cluster, &group).await.into_values().collect();
        assert_eq!(ends, BTreeSet::from([100]), "{assignor}");
    }
}

#[tokio::test]
async fn the_partitions_of_a_member_that_crashes_go_to_the_others() {
    let cluster = Cluster::any().await;
    let (topic, group) = (cluster.topic(6).await, unique("group"));
    let received = Received::default();
    let one = Member::start(&cluster, &received, |consumer| consumer.group(&*group).topics([&*topic])).await;
    let other = Member::start(&cluster, &received, |consumer| consumer.group(&*group).topics([&*topic])).await;
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let third = Member::start_on(&process, &cluster, &received, |c| c.group(&*group).topics([&*topic]));
    let third = within("a member", third).await.expect("a member");
    shared([&one, &other, &third], &[&topic], 6).await;
    send_to_all(&cluster, &topic, 6, 20).await;
    received.all(&topic, 6, 20).await;
    process.shutdown_background();
    shared([&one, &other], &[&topic], 6).await;
    send_to_all(&cluster, &topic, 6, 20).await;
    received.all(&topic, 6, 40).await;
    // What the third one had not committed came again, nothing else.
    assert!((240..=240 + 40).contains(&received.count()), "{}", received.count());
}

#[tokio::test]
async fn a_pattern_finds_topics_that_are_made_later_and_the_group_shares_them() {
    let cluster = Cluster::any().await;
    let (prefix, group) = (unique("pattern"), unique("group"));
    let received = Received::default();
    let pattern = format!("{}-.*", prefix.replace('.', "\\."));
    let join = async || {
        Member::start(&cluster, &received, |consumer| consumer.group(&*group).topic_pattern(pattern.clone())).await
    };
    let members = [join().await, join().await];
    let admin = cluster.client().admin();
    let names = ["a", "b"].map(|suffix| format!("{prefix}-{suffix}"));
    for name in &names {
        let topic = naru_client::admin::NewTopic::new(&**name).partitions(2).replication_factor(1);
        within("a topic", admin.create_topic(topic)).await.unwrap();
    }
    let topics: Vec<&str> = names.iter().map(String::as_str).collect();
    shared(&members, &topics, 2).await;
    for name in &names {
        send_to_all(&cluster, name, 2, 10).await;
        received.all(name, 2, 10).await;
    }
    assert_eq!(received.count(), 40);
}

#[tokio::test]
async fn new_partitions_are_shared_too() {
    let cluster = Cluster::any().await;
    let (topic, group) = (cluster.topic(2).await, unique("group"));
    let (received, owners) = (Received::default(), Owners::default());
    let join =
        async |name| Member::start(&cluster, &received, |c| owners.see(name, c.group(&*group).topics([&*topic]))).await;
    let members = [join("a").await, join("b").await];
    shared(&members, &[&topic], 2).await;
    let taken = || owners.taken_from("a").len() + owners.taken_from("b").len();
    let taken_before = taken();
    within("more partitions", cluster.client().admin().grow_topic(&*topic, 6)).await.unwrap();
    shared(&members, &[&topic], 6).await;
    send_to_all(&cluster, &topic, 6, 10).await;
    received.all(&topic, 6, 10).await;
    assert_eq!(taken(), taken_before);
    owners.check();
}

#[tokio::test]
async fn two_groups_each_get_everything() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(2).await;
    send_to_all(&cluster, &topic, 2, 20).await;
    let everything = [Received::default(), Received::default()];
    let mut members = Vec::new();
    for received in &everything {
        let group = unique("group");
        members.push(Member::start(&cluster, received, |consumer| consumer.group(group).topics([&*topic])).await);
    }
    for received in &everything {
        received.all(&topic, 2, 20).await;
        assert_eq!(received.count(), 40);
    }
}
