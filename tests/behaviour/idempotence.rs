//! Idempotent producers: nothing twice, nothing out of order.

use naru_protocol::ErrorCode;

use crate::client::{Client, LATEST, sequenced};
use crate::setup::TestBroker;

const TOPIC: &str = "crossings";

/// A broker whose partition has seen the sequences 0 to 5 of producer 700, epoch 0.
async fn six_batches() -> (TestBroker, Client) {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    for sequence in 0..6 {
        assert_eq!(client.append(TOPIC, sequenced((700, 0, sequence), &["x"])).await, i64::from(sequence));
    }
    (broker, client)
}

#[tokio::test]
async fn a_duplicate_batch_gets_its_original_offset_five_deep_and_no_further() {
    let (_broker, mut client) = six_batches().await;
    for sequence in 1..6 {
        let again = client.produce(TOPIC, sequenced((700, 0, sequence), &["x"])).await;
        assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, i64::from(sequence)));
    }
    let sixth = client.produce(TOPIC, sequenced((700, 0, 0), &["x"])).await;
    assert_eq!(sixth.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 6);
}

#[tokio::test]
async fn an_out_of_order_batch_is_refused_and_not_appended() {
    let (_broker, mut client) = six_batches().await;
    let gap = client.produce(TOPIC, sequenced((700, 0, 9), &["x"])).await;
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 6);
    assert_eq!(client.append(TOPIC, sequenced((700, 0, 6), &["x"])).await, 6);
}

#[tokio::test]
async fn the_first_batch_of_an_unknown_producer_is_accepted_at_any_sequence() {
    let (_broker, mut client) = six_batches().await;
    assert_eq!(client.append(TOPIC, sequenced((701, 3, 77), &["x"])).await, 6);
    assert_eq!(client.append(TOPIC, sequenced((701, 3, 78), &["x"])).await, 7);
}

#[tokio::test]
async fn a_new_epoch_begins_at_sequence_0_and_the_old_one_is_refused() {
    let (_broker, mut client) = six_batches().await;
    let late = client.produce(TOPIC, sequenced((700, 1, 6), &["x"])).await;
    assert_eq!(late.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(client.append(TOPIC, sequenced((700, 1, 0), &["x"])).await, 6);
    let old = client.produce(TOPIC, sequenced((700, 0, 6), &["x"])).await;
    assert_eq!(old.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 7);
}

#[tokio::test]
async fn sequences_wrap_around_between_batches_and_inside_one() {
    let (_broker, mut client) = six_batches().await;
    assert_eq!(client.append(TOPIC, sequenced((702, 0, i32::MAX - 1), &["a", "b"])).await, 6);
    assert_eq!(client.append(TOPIC, sequenced((702, 0, 0), &["c"])).await, 8);
    assert_eq!(client.append(TOPIC, sequenced((703, 0, i32::MAX), &["a", "b", "c"])).await, 9);
    assert_eq!(client.append(TOPIC, sequenced((703, 0, 2), &["d"])).await, 12);
    // Duplicates across the wrap are found too.
    assert_eq!(client.append(TOPIC, sequenced((703, 0, i32::MAX), &["a", "b", "c"])).await, 9);
}

#[tokio::test]
async fn producer_ids_are_never_given_out_twice_not_even_after_a_restart() {
    let mut broker = TestBroker::start("").await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..3 {
        let mut client = broker.client().await;
        for _ in 0..20 {
            let id = client.producer_id().await;
            assert!(ids.insert(id), "{id} was given out before");
        }
        drop(client);
        broker = broker.restart().await;
    }
}
