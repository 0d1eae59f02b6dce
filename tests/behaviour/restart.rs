//! What a clean restart keeps, and what `kill -9` cannot take.

use naru_protocol::ErrorCode;

use crate::client::{Client, EARLIEST, LATEST, batch, sequenced};
use crate::process::BrokerProcess;
use crate::setup::TestBroker;

const TOPIC: &str = "crossings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_are_known_after_kill_9_five_deep() {
    let mut broker = BrokerProcess::start("");
    let mut client = Client::connect(broker.address()).await;
    client.create(TOPIC, 1, &[]).await;
    let id = client.producer_id().await;
    let mut next = 0;
    for _ in 0..2 {
        for sequence in next..next + 6 {
            assert_eq!(client.append(TOPIC, sequenced((id, 0, sequence), &["x"])).await, i64::from(sequence));
        }
        next += 6;
        broker.kill_and_start_again();
        client = Client::connect(broker.address()).await;
        for sequence in next - 5..next {
            assert_eq!(client.append(TOPIC, sequenced((id, 0, sequence), &["x"])).await, i64::from(sequence));
        }
        let gap = client.produce(TOPIC, sequenced((id, 0, next + 1), &["x"])).await;
        assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, i64::from(next));
    }
    assert_eq!(client.list_offset(TOPIC, EARLIEST).await.offset, 0);
}

#[tokio::test]
async fn duplicates_are_known_after_a_clean_restart_five_deep() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    for sequence in 0..6 {
        client.append(TOPIC, sequenced((700, 2, sequence), &["x"])).await;
    }
    drop(client);
    let broker = broker.restart().await;
    let mut client = broker.client().await;
    for sequence in 1..6 {
        assert_eq!(client.append(TOPIC, sequenced((700, 2, sequence), &["x"])).await, i64::from(sequence));
    }
    assert_eq!(
        client.produce(TOPIC, sequenced((700, 2, 0), &["x"])).await.error_code,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(
        client.produce(TOPIC, sequenced((700, 1, 6), &["x"])).await.error_code,
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    assert_eq!(client.append(TOPIC, sequenced((700, 2, 6), &["x"])).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_kill_9_in_the_middle_of_writes() {
    let mut broker = BrokerProcess::start("");
    Client::connect(broker.address()).await.create(TOPIC, 1, &[]).await;
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let mut writers = tokio::task::JoinSet::new();
        let (enough, mut heard) = tokio::sync::mpsc::channel(1000);
        for writer in 0..3 {
            let (address, enough) = (broker.address().to_owned(), enough.clone());
            writers.spawn(async move {
                let mut written = Vec::new();
                let mut client = Client::connect(&address).await;
                for number in 0..10_000 {
                    let value = format!("{round}:{writer}:{number}");
                    let request = crate::client::produce_request(TOPIC, 0, batch(&[&value]), -1);
                    let Ok(answer) = client.send(&request, 11).await else { break };
                    let outcome = crate::client::produced(answer);
                    assert_eq!(outcome.error_code, ErrorCode::NONE);
                    written.push((outcome.base_offset, value));
                    // Nobody listens any more once there was enough.
                    let _ = enough.try_send(());
                }
                written
            });
        }
        for _ in 0..60 {
            heard.recv().await.expect("the writers write");
        }
        broker.kill_and_start_again();
        acknowledged.extend(writers.join_all().await.into_iter().flatten());
        let got = Client::connect(broker.address()).await.values(TOPIC, 0).await;
        for (offset, value) in &acknowledged {
            assert_eq!(got.get(*offset as usize), Some(value), "acknowledged at {offset}");
        }
    }
}
