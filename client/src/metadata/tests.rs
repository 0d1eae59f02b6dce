//! Looking up topics, and calls that are tried again, against a broker that misbehaves on request.

use std::sync::Arc;
use std::time::Duration;

use naru_protocol::messages::create_topics::{CreateTopicsRequest, CreateTopicsResponse};
use naru_protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use naru_protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use naru_protocol::{ApiKey, ErrorCode, RequestHeader};

use crate::call::Target;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::fake_broker::{FakeBroker, Reply, body};

fn client(broker: &FakeBroker) -> Client {
    Client::builder().bootstrap(&broker.address).build().unwrap()
}

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// The answer to a Metadata request in which every topic asked for is well, or has this error.
fn metadata(header: &RequestHeader, request: MetadataRequest, code: ErrorCode) -> Reply {
    let topics = request.topics.into_iter().flatten().map(|asked| MetadataResponseTopic {
        error_code: code,
        name: asked.name,
        partitions: vec![MetadataResponsePartition { leader_id: 1, ..Default::default() }],
        ..Default::default()
    });
    let answer = MetadataResponse { topics: topics.collect(), controller_id: -1, ..Default::default() };
    Reply::answer(header, &answer)
}

#[tokio::test]
async fn who_asks_at_once_shares_one_request() {
    let broker = FakeBroker::start(|header, bytes| metadata(&header, body(&header, bytes), ErrorCode::NONE)).await;
    let client = client(&broker);
    let name = "orders".into();
    let (one, other) =
        tokio::join!(client.metadata().topic(&name, deadline()), client.metadata().topic(&name, deadline()));
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    client.metadata().topic(&name, deadline()).await.unwrap();
    assert_eq!(*broker.seen.lock().unwrap(), [ApiKey::Metadata]);
}

#[tokio::test]
async fn a_topic_that_is_being_made_is_waited_for() {
    let mut codes = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::LEADER_NOT_AVAILABLE].into_iter();
    let broker = FakeBroker::start(move |header, bytes| {
        let request: MetadataRequest = body(&header, bytes);
        assert!(request.allow_auto_topic_creation);
        metadata(&header, request, codes.next().unwrap_or(ErrorCode::NONE))
    });
    let topic = client(&broker.await).metadata().topic(&"orders".into(), deadline()).await.unwrap();
    assert_eq!(topic.partitions[0].leader, 1);
}

#[tokio::test]
async fn a_topic_that_no_broker_knows_is_an_error_soon() {
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let broker = FakeBroker::start(move |header, bytes| metadata(&header, body(&header, bytes), unknown)).await;
    let error = client(&broker).metadata().topic(&"order".into(), deadline()).await.unwrap_err();
    assert_eq!(error.code(), Some(unknown));
    assert!(error.to_string().starts_with("topic \"order\": it does not exist"), "{error}");
    assert_eq!(broker.seen.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_refusal_that_will_not_change_is_an_error_at_once() {
    let refused = ErrorCode::INVALID_TOPIC_EXCEPTION;
    let broker = FakeBroker::start(move |header, bytes| metadata(&header, body(&header, bytes), refused)).await;
    let error = client(&broker).metadata().topic(&"a b".into(), deadline()).await.unwrap_err();
    assert_eq!(error.code(), Some(refused));
    assert_eq!(broker.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refresh_makes_no_topic() {
    let mut requests = 0;
    let broker = FakeBroker::start(move |header, bytes| {
        let request: MetadataRequest = body(&header, bytes);
        requests += 1;
        assert_eq!(request.allow_auto_topic_creation, requests == 1);
        assert_eq!(request.topics.as_ref().map(Vec::len), Some(1));
        metadata(&header, request, ErrorCode::NONE)
    });
    let client = client(&broker.await);
    client.metadata().topic(&"orders".into(), deadline()).await.unwrap();
    let version = client.metadata().cluster().version;
    let refreshed = client.metadata().refreshed_since(version, deadline()).await.unwrap();
    assert!(refreshed.version > version && refreshed.topics.contains_key("orders"));
}

#[tokio::test]
async fn a_call_is_tried_again_where_that_is_safe() {
    let mut calls = 0;
    let broker = FakeBroker::start(move |header, _| {
        calls += 1;
        match header.api().unwrap() {
            ApiKey::ListGroups if calls < 3 => Reply::answer(&header, &ListGroupsResponse::default()).cut(2),
            ApiKey::ListGroups => Reply::answer(&header, &ListGroupsResponse::default()),
            _ => Reply::answer(&header, &CreateTopicsResponse::default()).cut(2),
        }
    });
    let broker = broker.await;
    let client = client(&broker);
    client.call(Target::Any, &ListGroupsRequest::default(), deadline()).await.unwrap();
    let error = client.call(Target::Any, &CreateTopicsRequest::default(), deadline()).await.unwrap_err();
    assert!(error.may_have_been_written(), "{error:?}");
    let called = broker.seen.lock().unwrap().iter().filter(|api| **api != ApiKey::Metadata).count();
    assert_eq!(called, 4);
}
