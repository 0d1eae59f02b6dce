//! Connections: addresses, limits, and clients that do not behave.

use std::time::Duration;

use naru_client::raw::{Connection, Error};
use naru_protocol::ErrorCode;
use naru_protocol::messages::api_versions::ApiVersionsRequest;
use naru_protocol::messages::describe_cluster::DescribeClusterRequest;
use naru_protocol::messages::find_coordinator::FindCoordinatorRequest;

use crate::client::{Client, batch};
use crate::setup::{PATIENCE, TestBroker};

const TOPIC: &str = "crossings";

#[tokio::test]
async fn api_versions_from_the_future_are_answered_in_version_0_with_error_35() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    let client_id = 0_i16.to_be_bytes();
    let request = [&18_i16.to_be_bytes()[..], &99_i16.to_be_bytes(), &7_i32.to_be_bytes(), &client_id, &[0]].concat();
    client.send_raw(&[&(request.len() as i32).to_be_bytes()[..], &request].concat()).await.expect("sent");
    let answer = client.receive_raw().await.expect("an answer");
    assert_eq!(&answer[..6], [0, 0, 0, 7, 0, 35]);
    // The connection goes on.
    let all = client.send(&ApiVersionsRequest::default(), 0).await.expect("an answer");
    assert_eq!(all.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn lying_frames_and_counts_close_their_connection_and_no_other() {
    let broker = TestBroker::start("").await;
    let mut good = broker.client().await;
    good.create(TOPIC, 1, &[]).await;
    // Metadata version 1 with two thousand million topics.
    let huge_count: &[u8] = &[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff];
    for lie in [&[0x7f, 0xff, 0xff, 0xff][..], &[0xff; 4], &[0x80, 0, 0, 0], huge_count, &[0, 0, 0, 2, 0, 3]] {
        let mut bad = broker.client().await;
        bad.send_raw(lie).await.expect("sent");
        assert!(matches!(bad.receive_raw().await, Err(Error::Closed | Error::Io(_))), "{lie:?}");
        good.append(TOPIC, batch(&["served"])).await;
    }
}

#[tokio::test]
async fn each_listener_advertises_its_own_address_in_every_answer_that_has_one() {
    let broker = TestBroker::start(
        "node.id=7 listeners=IN=127.0.0.1:0,OUT=127.0.0.1:0 advertised.listeners=OUT=kafka.example:443",
    )
    .await;
    for (listener, expected) in broker.running().listeners().iter().zip([None, Some("kafka.example:443".to_owned())]) {
        let bound = listener.bound[0].to_string();
        let expected = expected.unwrap_or_else(|| bound.clone());
        let mut client = Client::connect(&bound).await;
        let metadata = client.metadata(&[], false).await;
        assert_eq!(format!("{}:{}", metadata.brokers[0].host, metadata.brokers[0].port), expected);
        assert_eq!((metadata.brokers[0].node_id, metadata.controller_id), (7, 7));
        assert_eq!(metadata.cluster_id.as_ref().map(|id| id.len()), Some(22));
        let cluster = client.send(&DescribeClusterRequest::default(), 1).await.expect("an answer");
        assert_eq!(format!("{}:{}", cluster.brokers[0].host, cluster.brokers[0].port), expected);
        assert_eq!(Some(cluster.cluster_id), metadata.cluster_id);
        let request = FindCoordinatorRequest { coordinator_keys: vec!["group".into()], ..Default::default() };
        let found = client.send(&request, 4).await.expect("an answer");
        assert_eq!(format!("{}:{}", found.coordinators[0].host, found.coordinators[0].port), expected);
        assert_eq!(found.coordinators[0].node_id, 7);
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_that_waits_for_records_is_not() {
    let broker = TestBroker::start("connections.max.idle.ms=300").await;
    let mut waiting = broker.client().await;
    waiting.create(TOPIC, 1, &[]).await;
    waiting.submit(&crate::client::fetch_request(&[(TOPIC, 0, 0)], 1500), 11).await.expect("sent");
    let mut idle = broker.client().await;
    tokio::time::timeout(PATIENCE, idle.closed()).await.expect("in time").expect("closed");
    let answer = waiting.receive::<naru_protocol::messages::fetch::FetchRequest>().await.expect("an answer");
    assert_eq!(crate::client::fetched(answer).error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn a_half_closed_client_gets_its_answers_and_is_closed_then() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    for number in 0..10 {
        let batch = batch(&[&format!("{number}")]);
        client.submit(&crate::client::produce_request(TOPIC, 0, batch, -1), 11).await.expect("sent");
    }
    client.finish().await.expect("half closed");
    for number in 0..10 {
        let answer = client.receive::<naru_protocol::messages::produce::ProduceRequest>().await.expect("an answer");
        assert_eq!(crate::client::produced(answer).base_offset, number);
    }
    tokio::time::timeout(PATIENCE, client.closed()).await.expect("in time").expect("closed");
}

#[tokio::test]
async fn max_connections_per_ip_refuses_one_more_until_one_leaves() {
    let broker = TestBroker::start("max.connections.per.ip=2").await;
    let (mut first, mut second) = (broker.client().await, broker.client().await);
    let request = ApiVersionsRequest::default();
    first.send(&request, 0).await.expect("an answer");
    second.send(&request, 0).await.expect("an answer");
    let refused = async || {
        let Ok(mut third) = Connection::connect(&broker.address()).await else { return true };
        third.send(&ApiVersionsRequest::default(), 0).await.is_err()
    };
    assert!(refused().await);
    drop(first);
    let admitted = async {
        while refused().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, admitted).await.expect("the place is free again");
}
