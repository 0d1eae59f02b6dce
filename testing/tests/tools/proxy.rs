use std::time::{Duration, Instant};

use naru_protocol::messages::fetch::FetchRequest;
use naru_protocol::messages::metadata::MetadataRequest;
use naru_protocol::messages::produce::ProduceRequest;
use naru_testing::{ApiKey, TestBroker};

use crate::exchange::{
    FETCH, PRODUCE, connect, connect_with_topic, fetch, is_broken, offset, produce, stored, try_connect,
};

async fn broker() -> TestBroker {
    TestBroker::builder().through_proxy().start().await
}

#[tokio::test]
async fn the_broker_tells_clients_the_proxys_address() {
    let broker = broker().await;
    let answer = connect(broker.address()).await.send(&MetadataRequest::default(), 9).await.unwrap();
    let told = &answer.brokers[0];
    assert_eq!(format!("{}:{}", told.host, told.port), broker.proxy().address());
    assert_eq!(broker.address(), broker.proxy().address());
}

#[tokio::test]
async fn a_lost_answer_leaves_the_record_and_breaks_the_connection() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    let lost = broker.proxy().lose_answer(ApiKey::Produce);
    assert!(!lost.has_happened());
    assert!(is_broken(&client.send(&produce(b"unheard"), PRODUCE).await));
    lost.happened().await;
    assert_eq!(stored(broker.address()).await, ["unheard"]);
    // Once only.
    let answer = connect(broker.address()).await.send(&produce(b"heard"), PRODUCE).await.unwrap();
    assert_eq!(offset(&answer), 1);
}

#[tokio::test]
async fn a_lost_request_leaves_nothing_and_breaks_the_connection() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    let lost = broker.proxy().lose_request(ApiKey::Produce);
    assert!(is_broken(&client.send(&produce(b"unheard"), PRODUCE).await));
    lost.happened().await;
    assert_eq!(stored(broker.address()).await, [""; 0]);
}

#[tokio::test]
async fn answers_before_the_lost_one_arrive() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    client.submit(&produce(b"0"), PRODUCE).await.unwrap();
    client.submit(&fetch(0, 5_000), FETCH).await.unwrap();
    let _lost = broker.proxy().lose_answer(ApiKey::Fetch);
    assert_eq!(offset(&client.receive::<ProduceRequest>().await.unwrap()), 0);
    assert!(is_broken(&client.receive::<FetchRequest>().await));
}

#[tokio::test]
async fn a_request_without_an_answer_does_not_confuse_the_proxy() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    let unanswered = ProduceRequest { acks: 0, ..produce(b"0") };
    client.submit_unanswered(&unanswered, PRODUCE).await.unwrap();
    let _lost = broker.proxy().lose_answer(ApiKey::Produce);
    client.send(&MetadataRequest::default(), 9).await.expect("not the answer that is to be lost");
    assert!(is_broken(&client.send(&produce(b"1"), PRODUCE).await));
    assert_eq!(stored(broker.address()).await, ["0", "1"]);
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_bytes() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    client.send(&produce(&[b'x'; 1000]), PRODUCE).await.unwrap();
    let cut = broker.proxy().cut_answer(ApiKey::Fetch, 500);
    assert!(is_broken(&client.send(&fetch(0, 0), FETCH).await));
    cut.happened().await;
    assert_eq!(stored(broker.address()).await.len(), 1);
}

#[tokio::test]
async fn held_answers_arrive_when_they_are_let_go() {
    let broker = broker().await;
    let (mut client, mut other) = (connect_with_topic(broker.address()).await, connect(broker.address()).await);
    let hold = broker.proxy().hold_answers(ApiKey::Produce);
    client.submit(&produce(b"0"), PRODUCE).await.unwrap();
    client.submit(&produce(b"1"), PRODUCE).await.unwrap();
    hold.held(2).await;
    // The records are there, other APIs go on.
    assert_eq!(crate::exchange::values(&other.send(&fetch(0, 0), FETCH).await.unwrap()), ["0", "1"]);
    assert_eq!(client.pending(), 2);
    drop(hold);
    for n in 0..2 {
        assert_eq!(offset(&client.receive::<ProduceRequest>().await.unwrap()), n);
    }
}

#[tokio::test]
async fn delays_count_in_each_direction_and_do_not_add_up_over_requests() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    let delay = Duration::from_millis(60);
    broker.proxy().delay_requests(delay);
    broker.proxy().delay_answers(delay);
    let begun = Instant::now();
    for _ in 0..20 {
        client.submit(&MetadataRequest::default(), 9).await.unwrap();
    }
    client.receive::<MetadataRequest>().await.unwrap();
    assert!(begun.elapsed() >= 2 * delay);
    for _ in 1..20 {
        client.receive::<MetadataRequest>().await.unwrap();
    }
    assert!(begun.elapsed() < 20 * delay, "requests in flight wait side by side");
    broker.proxy().heal().await;
}

#[tokio::test]
async fn the_rate_is_limited() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    broker.proxy().limit_rate(100_000);
    let begun = Instant::now();
    client.send(&produce(&vec![b'x'; 20_000]), PRODUCE).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(180));
}

#[tokio::test]
async fn nothing_moves_through_a_stalled_proxy_and_nothing_is_lost() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    broker.proxy().stall(true);
    let mut late = connect(broker.address()).await;
    for client in [&mut client, &mut late] {
        client.submit(&MetadataRequest::default(), 9).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(50), client.receive::<MetadataRequest>()).await;
        assert!(answer.is_err(), "stalled");
    }
    broker.proxy().stall(false);
    for client in [&mut client, &mut late] {
        client.receive::<MetadataRequest>().await.expect("the answer");
    }
}

#[tokio::test]
async fn new_connections_are_refused_while_open_ones_go_on() {
    let broker = broker().await;
    let mut client = connect(broker.address()).await;
    broker.proxy().refuse(true).await;
    assert!(try_connect(broker.address()).await.is_err());
    client.send(&MetadataRequest::default(), 9).await.expect("an open connection goes on");
    broker.proxy().refuse(false).await;
    connect(broker.address()).await.send(&MetadataRequest::default(), 9).await.expect("accepted again");
}

#[tokio::test]
async fn a_cut_resets_every_open_connection_and_no_later_one() {
    let broker = broker().await;
    let mut clients = [connect(broker.address()).await, connect(broker.address()).await];
    for client in &mut clients {
        client.send(&MetadataRequest::default(), 9).await.unwrap();
    }
    assert_eq!(broker.proxy().connections(), 2);
    broker.proxy().cut().await;
    assert_eq!(broker.proxy().connections(), 0);
    for client in &mut clients {
        assert!(is_broken(&client.receive_raw().await));
    }
    connect(broker.address()).await.send(&MetadataRequest::default(), 9).await.expect("a good connection");
    assert_eq!(broker.proxy().accepted(), 3);
}

#[tokio::test]
async fn a_half_closed_connection_still_carries_requests() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    broker.proxy().half_close();
    client.closed().await.expect("the end of the stream");
    client.submit(&produce(b"one way"), PRODUCE).await.expect("the other direction is open");
    let mut other = connect(broker.address()).await;
    let answer = other.send(&fetch(0, 15_000), FETCH).await.unwrap();
    assert_eq!(crate::exchange::values(&answer), ["one way"]);
}

#[tokio::test]
async fn a_killed_broker_is_seen_through_the_proxy() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    broker.kill().await;
    assert!(is_broken(&client.receive_raw().await));
    if let Ok(mut in_vain) = try_connect(broker.address()).await {
        assert!(is_broken(&in_vain.receive_raw().await));
    }
    broker.restart().await;
    connect(broker.address()).await.send(&MetadataRequest::default(), 9).await.expect("the broker is back");
}

#[tokio::test]
async fn requests_are_counted_by_api() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    for _ in 0..3 {
        client.send(&MetadataRequest::default(), 9).await.unwrap();
    }
    assert_eq!(broker.proxy().requests(ApiKey::Metadata), 3);
    assert_eq!(broker.proxy().requests(ApiKey::CreateTopics), 1);
    assert_eq!(broker.proxy().requests(ApiKey::Produce), 0);
}

#[tokio::test]
async fn faults_that_did_not_happen_are_forgotten_when_it_heals() {
    let broker = broker().await;
    let mut client = connect_with_topic(broker.address()).await;
    let lost = broker.proxy().lose_answer(ApiKey::Produce);
    broker.proxy().stall(true);
    broker.proxy().refuse(true).await;
    broker.proxy().heal().await;
    assert_eq!(offset(&client.send(&produce(b"0"), PRODUCE).await.unwrap()), 0);
    connect(broker.address()).await;
    assert!(!lost.has_happened());
}
