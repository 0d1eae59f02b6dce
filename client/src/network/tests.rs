//! Channels and lanes against a broker that misbehaves on request.

use std::sync::Arc;
use std::time::Duration;

use naru_protocol::messages::create_topics::CreateTopicsRequest;
use naru_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use naru_protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};
use naru_protocol::{ApiKey, RequestHeader};

use super::{Channel, Pool};
use crate::ErrorKind;
use crate::config::ClientConfig;
use crate::fake_broker::{FakeBroker, Reply};
use crate::raw::Options;

const LIMIT: Duration = Duration::from_secs(20);

async fn connect(broker: &FakeBroker) -> Arc<Channel> {
    Channel::connect(&broker.address, Options::default()).await.unwrap()
}

fn throttled(ms: i32) -> HeartbeatResponse {
    HeartbeatResponse { throttle_time_ms: ms, ..Default::default() }
}

#[tokio::test]
async fn a_dropped_future_does_not_disturb_the_others() {
    let mut count = 0;
    let broker = FakeBroker::start(move |header, _| {
        count += 1;
        Reply::answer(&header, &throttled(count))
    });
    let channel = connect(&broker.await).await;
    let first = channel.submit(&HeartbeatRequest::default(), 4, LIMIT).unwrap();
    drop(channel.submit(&HeartbeatRequest::default(), 4, LIMIT).unwrap());
    let third = channel.submit(&HeartbeatRequest::default(), 4, LIMIT).unwrap();
    assert_eq!(third.await.unwrap().throttle_time_ms, 3);
    assert_eq!(first.await.unwrap().throttle_time_ms, 1);
    assert!(!channel.is_closed());
}

#[tokio::test]
async fn a_connection_that_breaks_within_an_answer_fails_all_who_wait() {
    let broker = FakeBroker::start(|header, _| {
        let groups = vec![ListedGroup { group_id: "billing".into(), ..Default::default() }];
        Reply::answer(&header, &ListGroupsResponse { groups, ..Default::default() }).cut(9)
    });
    let channel = connect(&broker.await).await;
    let read = channel.submit(&ListGroupsRequest::default(), 4, LIMIT).unwrap();
    let write = channel.submit(&CreateTopicsRequest::default(), 5, LIMIT).unwrap();
    let (read, write) = (read.await.unwrap_err(), write.await.unwrap_err());
    assert_eq!((read.kind(), write.kind()), (ErrorKind::Disconnected, ErrorKind::Disconnected));
    assert_eq!((read.api(), write.api()), (Some(ApiKey::ListGroups), Some(ApiKey::CreateTopics)));
    assert!(!read.may_have_been_written() && write.may_have_been_written());
    assert!(channel.is_closed());
    let later = channel.submit(&ListGroupsRequest::default(), 4, LIMIT).map(drop).unwrap_err();
    assert!(later.is_retriable() && !later.may_have_been_written());
}

#[tokio::test]
async fn what_was_not_sent_was_not_written() {
    let broker = FakeBroker::start(|header, _| Reply::answer(&header, &throttled(i32::MAX))).await;
    let channel = connect(&broker).await;
    channel.submit(&HeartbeatRequest::default(), 4, LIMIT).unwrap().await.unwrap();
    let held_back = channel.submit(&CreateTopicsRequest::default(), 5, LIMIT).unwrap();
    tokio::task::yield_now().await;
    channel.close();
    assert!(!held_back.await.unwrap_err().may_have_been_written());
    assert_eq!(broker.seen.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_gives_up_the_connection() {
    let broker = FakeBroker::start(|_, _| Reply::Silence).await;
    let channel = connect(&broker).await;
    let slow = channel.submit(&CreateTopicsRequest::default(), 5, Duration::from_secs(1)).unwrap();
    let behind = channel.submit(&ListGroupsRequest::default(), 4, LIMIT).unwrap();
    let error = slow.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.may_have_been_written());
    assert_eq!(behind.await.unwrap_err().kind(), ErrorKind::Disconnected);
    channel.closed().await;
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_ends_the_connection() {
    let broker = FakeBroker::start(|mut header: RequestHeader, _| {
        header.correlation_id += 1;
        Reply::answer(&header, &throttled(0))
    });
    let channel = connect(&broker.await).await;
    let error = channel.submit(&HeartbeatRequest::default(), 4, LIMIT).unwrap().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(channel.is_closed());
}

#[tokio::test]
async fn an_old_broker_is_asked_again_in_its_own_version() {
    let broker = FakeBroker::start(|header, _| Reply::answer(&header, &throttled(7))).await;
    for newest in [3, 0] {
        *broker.newest_api_versions.lock().unwrap() = newest;
        let channel = connect(&broker).await;
        let version = channel.newest::<HeartbeatRequest>(0..=4).unwrap();
        let answer = channel.submit(&HeartbeatRequest::default(), version, LIMIT).unwrap().await.unwrap();
        assert_eq!(answer.throttle_time_ms, 7);
    }
}

#[tokio::test]
async fn lanes_have_connections_of_their_own_and_close_them() {
    let broker = FakeBroker::start(|header, _| Reply::answer(&header, &throttled(0))).await;
    let pool = Pool::new(Arc::new(ClientConfig::default()));
    let shared = pool.channel(&broker.address).await.unwrap();
    let lane = pool.lane();
    let own = lane.channel(&broker.address).await.unwrap();
    assert!(!Arc::ptr_eq(&shared, &own));
    assert!(Arc::ptr_eq(&own, &lane.channel(&broker.address).await.unwrap()));
    drop(lane);
    assert!(own.is_closed() && !shared.is_closed());
    while broker.connections() > 1 {
        tokio::task::yield_now().await;
    }
    pool.close();
    assert!(shared.is_closed());
}

#[tokio::test]
async fn those_who_come_at_once_share_one_connection() {
    let broker = FakeBroker::start(|header, _| Reply::answer(&header, &throttled(0))).await;
    let pool = Pool::new(Arc::new(ClientConfig::default()));
    let (one, other) = tokio::join!(pool.channel(&broker.address), pool.channel(&broker.address));
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    assert_eq!(broker.connections(), 1);
}
