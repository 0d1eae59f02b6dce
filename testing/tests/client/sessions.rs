//! Many partitions of which few get records: what a broker is asked and tells is the news alone, and nothing is missed.

use std::collections::BTreeMap;
use std::time::Duration;

use naru_client::{Consumer, OffsetReset, TopicPartition};
use tokio::time::timeout;

use crate::support::cluster::{Cluster, unique};
use crate::support::members::{recv, value, values};
use crate::support::{numbered, until, within};

fn partitions(topic: &str, count: i32) -> Vec<TopicPartition> {
    (0..count).map(|partition| TopicPartition::new(topic, partition)).collect()
}

/// A consumer of all partitions that has its place in each.
async fn placed(cluster: &Cluster, topic: &str, count: i32) -> Consumer {
    let all = partitions(topic, count);
    let consumer = cluster.client().consumer().assign(all.clone()).offset_reset(OffsetReset::Earliest).build();
    let consumer = within("a consumer", consumer).await.unwrap();
    until("a place in each", async || all.iter().all(|partition| consumer.position(partition).is_some())).await;
    consumer
}

/// Receives so many records and sorts them by partition.
async fn by_partition(consumer: &mut Consumer, count: usize) -> BTreeMap<i32, Vec<String>> {
    let mut received: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for _ in 0..count {
        let record = recv(consumer).await;
        received.entry(record.partition).or_default().push(value(&record));
    }
    received
}

#[tokio::test]
async fn of_a_hundred_partitions_those_with_records_are_heard() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(100).await;
    // Some records are there before, some come while the broker is asked, also of a partition that had none.
    for partition in [3, 50] {
        cluster.send(&topic, partition, numbered(0..3)).await;
    }
    let mut consumer = placed(&cluster, &topic, 100).await;
    let first = by_partition(&mut consumer, 6).await;
    assert_eq!(first, BTreeMap::from([(3, numbered(0..3)), (50, numbered(0..3))]));
    for round in 3..10 {
        for partition in [50, 99] {
            cluster.send(&topic, partition, numbered(round..round + 1)).await;
        }
        let next = by_partition(&mut consumer, 2).await;
        assert_eq!(next, BTreeMap::from([50, 99].map(|partition| (partition, numbered(round..round + 1)))));
    }
    let known = |partition| consumer.lag(&TopicPartition::new(&*topic, partition));
    assert!((0..100).all(|partition| known(partition) == Some(0)), "every partition was told about once");
}

#[tokio::test]
async fn seeks_and_pauses_among_quiet_partitions_change_what_comes_next() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(20).await;
    let mut logs = vec![numbered(0..5); 20];
    for partition in 0..20 {
        cluster.send(&topic, partition, numbered(0..5)).await;
    }
    let mut consumer = placed(&cluster, &topic, 20).await;
    assert_eq!(by_partition(&mut consumer, 100).await.len(), 20);
    let all = partitions(&topic, 20);
    for round in 0..20 {
        let (sought, paused) = (round, (round + 7) % 20);
        consumer.pause(&all[paused]).unwrap();
        let from = round % 5;
        consumer.seek(&all[sought], from as i64).unwrap();
        let again = by_partition(&mut consumer, logs[sought].len() - from).await;
        assert_eq!(again, BTreeMap::from([(all[sought].partition, logs[sought][from..].to_vec())]));
        for (partition, value) in [(paused, "kept"), (sought, "next")] {
            cluster.send(&topic, all[partition].partition, [value]).await;
            logs[partition].push(value.to_owned());
        }
        let next = by_partition(&mut consumer, 1).await;
        assert_eq!(next, BTreeMap::from([(all[sought].partition, vec!["next".to_owned()])]));
        consumer.resume(&all[paused]).unwrap();
        let kept = by_partition(&mut consumer, 1).await;
        assert_eq!(kept, BTreeMap::from([(all[paused].partition, vec!["kept".to_owned()])]));
    }
}

#[tokio::test]
async fn topics_that_come_and_go_are_heard_while_they_are_wanted() {
    let cluster = Cluster::any().await;
    let topics = [cluster.topic(10).await, cluster.topic(10).await];
    for topic in &topics {
        cluster.send(topic, 4, ["0"]).await;
    }
    let consumer = cluster.client().consumer().group(unique("group")).topics([&*topics[0]]).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    let mut received = Vec::new();
    for round in 1..5 {
        let wanted = if round % 2 == 1 { &topics[..] } else { &topics[..1] };
        consumer.subscribe(wanted.iter().map(String::as_str)).unwrap();
        within("the partitions", async {
            while consumer.assignment().len() != wanted.len() * 10 {
                // A rebalance needs somebody who receives.
                let next = timeout(Duration::from_millis(5), consumer.recv()).await;
                received.extend(next.map(|record| value(&record.unwrap())));
            }
        })
        .await;
        cluster.send(&topics[0], round, [round.to_string()]).await;
        while received.last() != Some(&round.to_string()) {
            received.push(value(&recv(&mut consumer).await));
        }
        let quiet = TopicPartition::new(&*topics[0], 9);
        until("it is known that nothing is left", async || consumer.lag(&quiet) == Some(0)).await;
    }
    received.sort();
    assert_eq!(received, ["0", "0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn consumers_of_one_client_do_not_disturb_each_other() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(30).await;
    let client = cluster.client();
    let mut consumers = Vec::new();
    for _ in 0..2 {
        let consumer = client.consumer().assign(partitions(&topic, 30)).offset_reset(OffsetReset::Earliest).build();
        consumers.push(within("a consumer", consumer).await.unwrap());
    }
    for round in 0..10 {
        cluster.send(&topic, round * 7 % 30, [round.to_string()]).await;
        for consumer in &mut consumers {
            assert_eq!(values(consumer, 1).await, [round.to_string()]);
        }
    }
}
