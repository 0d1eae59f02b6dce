//! Calls with one answer: they are tried again where that does no harm, and end at their deadline.

use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{ApiKey, Client, ErrorKind};

use crate::support::cluster::{Cluster, unique};
use crate::support::within;

#[tokio::test]
async fn connecting_fails_at_once_where_nobody_listens() {
    let cluster = Cluster::with_proxy().await;
    cluster.broker().proxy().refuse(true).await;
    let error = within("a refusal", Client::connect(cluster.address())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_retriable() && !error.may_have_been_written());
    assert!(error.to_string().contains(cluster.address()), "{error}");
}

#[tokio::test]
async fn a_broker_that_never_answers_is_given_up_at_the_deadline() {
    let cluster = Cluster::with_proxy().await;
    cluster.broker().proxy().stall(true);
    let settings =
        cluster.settings().request_timeout(Duration::from_millis(100)).api_timeout(Duration::from_millis(400));
    let admin = settings.build().unwrap().admin();
    let error = within("the deadline", admin.list_topics()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(error.is_retriable());
    // The same client works when the broker answers again.
    cluster.broker().proxy().stall(false);
    within("topics", admin.timeout(Duration::from_secs(20)).list_topics()).await.unwrap();
}

#[tokio::test]
async fn looking_is_tried_again_whatever_breaks() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let (client, proxy) = (cluster.client(), cluster.broker().proxy());
    within("topics", client.admin().list_topics()).await.unwrap();
    let fault = proxy.lose_answer(ApiKey::DescribeTopicPartitions);
    within("a description", client.admin().describe_topic(&*topic)).await.unwrap();
    assert!(fault.has_happened());
    let fault = proxy.cut_answer(ApiKey::DescribeCluster, 9);
    within("a description", client.admin().describe_cluster()).await.unwrap();
    assert!(fault.has_happened());
    let fault = proxy.lose_request(ApiKey::ListGroups);
    within("groups", client.admin().list_groups(naru_client::admin::GroupFilter::default())).await.unwrap();
    assert!(fault.has_happened());
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_says_that_it_may_have_been_made() {
    let cluster = Cluster::with_proxy().await;
    let (client, proxy) = (cluster.client(), cluster.broker().proxy());
    within("topics", client.admin().list_topics()).await.unwrap();
    let name = unique("maybe");
    let fault = proxy.lose_answer(ApiKey::CreateTopics);
    let topic = NewTopic::new(&*name).partitions(1).replication_factor(1);
    let error = within("an outcome", client.admin().create_topic(topic)).await.unwrap_err();
    assert!(fault.has_happened());
    assert!(error.may_have_been_written(), "{error:?}");
    within("the topic", client.admin().describe_topic(&*name)).await.expect("it was made");
}

#[tokio::test]
async fn a_killed_broker_is_waited_for() {
    let cluster = Cluster::with_broker().await;
    let topic = cluster.topic(1).await;
    let client = cluster.client();
    within("topics", client.admin().list_topics()).await.unwrap();
    cluster.broker().kill().await;
    let describing = tokio::spawn(async move { client.admin().describe_topic(&*topic).await });
    tokio::task::yield_now().await;
    cluster.broker().restart().await;
    within("a description", describing).await.unwrap().unwrap();
}
