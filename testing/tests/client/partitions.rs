//! Topics change while they are produced to.

use std::collections::BTreeSet;

use naru_client::Record;
use naru_client::admin::NewTopic;

use crate::support::cluster::Cluster;
use crate::support::{until, within};

#[tokio::test]
async fn new_partitions_are_used_when_they_are_known() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let client = cluster.settings().set("metadata.max.age.ms", "200").build().unwrap();
    let producer = client.producer().build().unwrap();
    let written = within("an outcome", producer.send(Record::to(&*topic).key("k").value("x"))).await.unwrap();
    assert_eq!(written.partition, 0);
    within("more partitions", client.admin().grow_topic(&*topic, 4)).await.unwrap();
    let mut seen = BTreeSet::new();
    let mut key = 0;
    until("records in every partition", async || {
        key += 1;
        let record = Record::to(&*topic).key(format!("key {key}")).value("x");
        seen.insert(within("an outcome", producer.send(record)).await.unwrap().partition);
        seen.len() == 4
    })
    .await;
}

#[tokio::test]
async fn a_topic_that_is_deleted_and_made_again_is_written_to_from_its_start() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    let admin = cluster.client().admin();
    for round in 0..3 {
        for n in 0..10 {
            let record = Record::to(&*topic).value(format!("{round}-{n}"));
            let written = within("an outcome", producer.send(record)).await.unwrap();
            assert_eq!(written.offset, n, "round {round}");
        }
        within("the end of the topic", admin.delete_topic(&*topic)).await.unwrap();
        let again = NewTopic::new(&*topic).partitions(1).replication_factor(1);
        until("the topic again", async || admin.create_topic(again.clone()).await.is_ok()).await;
    }
}

#[tokio::test]
async fn a_topic_that_is_missing_is_an_error_that_says_so() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.set("max.block.ms", "1000"));
    within("the end of the topic", cluster.client().admin().delete_topic(&*topic)).await.unwrap();
    // A broker may make the topic when it is asked for; this one names a partition that then is not there.
    let record = Record::to(&*topic).partition(7).value("x");
    let error = within("an outcome", producer.send(record)).await.unwrap_err();
    assert!(error.is_not_found() || error.is_retriable() || error.to_string().contains('7'), "{error:?}");
    assert!(!error.may_have_been_written());
}
