use std::time::{Duration, Instant};

use naru_protocol::encode_request;
use naru_testing::TestBroker;

use crate::exchange::{
    FETCH, PATIENCE, PRODUCE, connect, connect_with_topic, fetch, is_broken, offset, produce, stored, try_connect,
};

#[tokio::test]
async fn what_was_acknowledged_survives_kills_and_stops_on_the_same_port() {
    let broker = TestBroker::start().await;
    let address = broker.address().to_owned();
    let mut client = connect_with_topic(&address).await;
    for round in 0..4 {
        assert_eq!(offset(&client.send(&produce(format!("{round}").as_bytes()), PRODUCE).await.unwrap()), round);
        if round % 2 == 0 {
            broker.kill().await;
        } else {
            broker.stop().await;
        }
        client.closed().await.expect("the broker is gone");
        assert!(try_connect(&address).await.is_err(), "nobody listens");
        broker.restart().await;
        assert_eq!(broker.address(), address);
        client = connect(&address).await;
    }
    assert_eq!(stored(&address).await, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_killed_broker_answers_nobody_and_a_stopped_one_answers_who_waits() {
    for orderly in [false, true] {
        let broker = TestBroker::start().await;
        let mut client = connect_with_topic(broker.address()).await;
        // Both in one packet: whoever has answered the first request has read the second.
        let requests = [
            encode_request(1, None, &produce(b"x"), PRODUCE).unwrap(),
            encode_request(2, None, &fetch(1, 15_000), FETCH).unwrap(),
        ];
        client.send_raw(&requests.concat().concat()).await.unwrap();
        client.receive_raw().await.expect("the answer of the produce request");
        if orderly {
            broker.stop().await;
            client.receive_raw().await.expect("an answer at the stop");
        } else {
            broker.kill().await;
        }
        assert!(is_broken(&client.receive_raw().await));
    }
}

#[tokio::test]
async fn a_broker_is_killed_in_the_middle_of_appends_and_its_log_is_whole() {
    let broker = TestBroker::start().await;
    connect_with_topic(broker.address()).await;
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let mut client = connect(broker.address()).await;
        for n in 0..200 {
            client.submit(&produce(format!("{round}-{n}").as_bytes()), PRODUCE).await.unwrap();
        }
        let first = client.receive::<naru_protocol::messages::produce::ProduceRequest>().await.unwrap();
        acknowledged.push((offset(&first), format!("{round}-0")));
        broker.kill().await;
        broker.restart().await;
    }
    let mut client = connect(broker.address()).await;
    let mut all: Vec<String> = Vec::new();
    loop {
        let answer = client.send(&fetch(all.len() as i64, 0), FETCH).await.unwrap();
        let more = crate::exchange::values(&answer);
        if more.is_empty() {
            break;
        }
        all.extend(more);
    }
    for (offset, value) in acknowledged {
        assert_eq!(all[offset as usize], value);
    }
}

#[tokio::test]
async fn settings_are_kafkas() {
    let broker = TestBroker::builder().set("auto.create.topics.enable", "false").start().await;
    let answer = connect(broker.address()).await.send(&produce(b"x"), PRODUCE).await.unwrap();
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, naru_protocol::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
#[should_panic(expected = "did you mean num.partitions?")]
async fn a_setting_that_does_not_exist_is_told() {
    TestBroker::builder().set("num.partition", "3").start().await;
}

#[tokio::test]
#[should_panic(expected = "listeners cannot be set")]
async fn the_port_is_the_test_brokers_own_business() {
    TestBroker::builder().set("listeners", "127.0.0.1:9092").start().await;
}

#[test]
fn a_drop_inside_a_runtime_of_one_thread_ends_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let data = runtime.block_on(async {
        let broker = TestBroker::start().await;
        let mut client = connect_with_topic(broker.address()).await;
        client.submit(&fetch(0, 15_000), FETCH).await.unwrap();
        let (data, address) = (broker.data_dir().to_owned(), broker.address().to_owned());
        assert!(data.join("naru.lock").exists());
        let begun = Instant::now();
        drop(broker);
        assert!(begun.elapsed() < PATIENCE);
        assert!(is_broken(&client.receive_raw().await));
        assert!(try_connect(&address).await.is_err());
        data
    });
    assert!(!data.exists());
}

#[tokio::test]
async fn a_kill_that_nobody_waits_for_happens_all_the_same() {
    let broker = TestBroker::start().await;
    let mut client = connect(broker.address()).await;
    let mut kill = Box::pin(broker.kill());
    // Polled once, and dropped.
    let _ = tokio::time::timeout(Duration::ZERO, &mut kill).await;
    drop(kill);
    client.closed().await.expect("the broker is gone");
    broker.restart().await;
    connect(broker.address()).await;
}

#[tokio::test]
async fn brokers_run_side_by_side() {
    let (one, other) = tokio::join!(TestBroker::start(), TestBroker::start());
    connect_with_topic(one.address()).await.send(&produce(b"one"), PRODUCE).await.unwrap();
    connect_with_topic(other.address()).await.send(&produce(b"other"), PRODUCE).await.unwrap();
    one.kill().await;
    assert_eq!(stored(other.address()).await, ["other"]);
}

#[tokio::test(start_paused = true)]
async fn paused_time_of_the_caller_is_not_the_brokers() {
    let broker = TestBroker::start().await;
    let stream = tokio::net::TcpStream::connect(broker.address()).await.unwrap();
    drop(stream);
    broker.stop().await;
}
