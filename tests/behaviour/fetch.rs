//! Consumers: what a fetch returns, how much of it, and when.

use std::time::{Duration, Instant};

use naru_protocol::ErrorCode;
use naru_protocol::messages::fetch::{FetchRequest, FetchResponse, PartitionData};

use crate::client::{batch, bytes, fetch_request, fetched, fetched_batches, produce_request, values};
use crate::setup::{PATIENCE, TestBroker};

const TOPIC: &str = "crossings";

fn positions(partition: &PartitionData) -> (ErrorCode, i64, i64, i64) {
    (partition.error_code, partition.high_watermark, partition.last_stable_offset, partition.log_start_offset)
}

fn sizes(answer: &FetchResponse) -> Vec<usize> {
    answer.responses.iter().flat_map(|topic| &topic.partitions).map(|partition| bytes(partition).len()).collect()
}

#[tokio::test]
async fn a_fetch_inside_a_batch_returns_the_whole_batch() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["0"])).await;
    client.append(TOPIC, batch(&["1", "2", "3"])).await;
    client.append(TOPIC, batch(&["4"])).await;
    assert_eq!(client.values(TOPIC, 2).await, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn at_the_high_watermark_a_fetch_is_empty_and_outside_the_log_it_is_out_of_range() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["0", "1"])).await;
    let end = client.read(TOPIC, 2).await;
    assert_eq!(positions(&end), (ErrorCode::NONE, 2, 2, 0));
    assert!(bytes(&end).is_empty());
    // Kafka 4.4 tells no positions beside the error.
    for outside in [3, -1, i64::MAX] {
        let got = client.read(TOPIC, outside).await;
        assert_eq!(positions(&got), (ErrorCode::OFFSET_OUT_OF_RANGE, -1, -1, -1), "{outside}");
    }
}

#[tokio::test]
async fn an_oversized_first_batch_is_returned_and_the_limits_hold_for_the_rest() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create("a", 1, &[]).await;
    client.create("b", 1, &[]).await;
    let one = batch(&[&"x".repeat(1000)]);
    for _ in 0..4 {
        client.append("a", one.clone()).await;
        client.append("b", one.clone()).await;
    }
    let size = one.len();
    let both = |max_bytes: usize, partition_max_bytes: usize, from_a: i64| {
        let mut request = fetch_request(&[("a", 0, from_a), ("b", 0, 0)], 0);
        request.max_bytes = max_bytes as i32;
        for partition in request.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.partition_max_bytes = partition_max_bytes as i32;
        }
        request
    };
    for (request, expected, why) in [
        (both(1 << 20, 1, 0), [size, 0], "one byte a partition: the first batch of the first partition alone"),
        (both(1, 1 << 20, 0), [size, 0], "one byte in all"),
        (both(0, 1 << 20, 0), [size, 0], "not even one byte"),
        (both(1, 1, 4), [0, size], "the first partition has nothing"),
        (both(1 << 20, 2 * size, 0), [2 * size, 2 * size], "two batches a partition"),
        (both(1 << 20, 2 * size + size / 2, 0), [2 * size, 2 * size], "no part of a batch"),
        (both(5 * size, 1 << 20, 0), [4 * size, size], "five batches in all"),
        (both(4 * size, 1 << 20, 0), [4 * size, 0], "nothing left for the second"),
    ] {
        assert_eq!(sizes(&client.send(&request, 11).await.expect("an answer")), expected, "{why}");
    }
}

#[tokio::test]
async fn fetch_max_bytes_of_the_broker_bounds_every_answer() {
    let broker = TestBroker::start("fetch.max.bytes=5000").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let one = batch(&[&"x".repeat(1000)]);
    for _ in 0..10 {
        client.append(TOPIC, one.clone()).await;
    }
    let got = client.read(TOPIC, 0).await;
    assert_eq!(bytes(&got).len(), 5000 / one.len() * one.len());
}

#[tokio::test]
async fn a_long_poll_waits_for_min_bytes_or_its_time() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["early"])).await;
    let mut request = fetch_request(&[(TOPIC, 0, 0)], 150);
    request.min_bytes = 1 << 20;
    let begun = Instant::now();
    let got = fetched(client.send(&request, 11).await.expect("an answer"));
    assert!(begun.elapsed() >= Duration::from_millis(150));
    assert_eq!(values(&got), ["early"]);
    request.min_bytes = 1;
    request.max_wait_ms = 60_000;
    let begun = Instant::now();
    client.send(&request, 11).await.expect("an answer");
    assert!(begun.elapsed() < PATIENCE, "there was enough at once");
}

#[tokio::test]
async fn a_fetch_that_can_get_no_more_does_not_wait_for_the_rest_of_a_batch() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 2, &[]).await;
    let one = batch(&[&"x".repeat(1000)]);
    for partition in [0, 0, 0, 0, 1, 1, 1, 1] {
        client.send(&produce_request(TOPIC, partition, one.clone(), -1), 11).await.expect("an answer");
    }
    let (size, plenty) = (one.len(), 1 << 20);
    let (half, first) = (size / 2, vec![(TOPIC, 0, 0)]);
    let both = vec![(TOPIC, 0, 0), (TOPIC, 1, 0)];
    for (from, partition_max_bytes, max_bytes, min_bytes, expected, why) in [
        (&first, 2 * size + half, plenty, 2 * size + half, vec![2 * size], "the partition's limit"),
        (&first, plenty, 2 * size + half, 2 * size + half, vec![2 * size], "the request's limit"),
        (&first, plenty, 2 * size + half, plenty, vec![2 * size], "a minimum above the request's limit is that limit"),
        (&both, size + half, plenty, 3 * size, vec![size, size], "the limits of both partitions together"),
        (
            &both,
            plenty,
            4 * size + half,
            4 * size + half,
            vec![4 * size, 0],
            "the request's limit in the second partition",
        ),
    ] {
        let mut request = fetch_request(from, 60_000);
        (request.max_bytes, request.min_bytes) = (max_bytes as i32, min_bytes as i32);
        for partition in request.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.partition_max_bytes = partition_max_bytes as i32;
        }
        let answer = tokio::time::timeout(PATIENCE, client.send(&request, 11)).await.expect(why).expect("an answer");
        assert_eq!(sizes(&answer), expected, "{why}");
    }
}

#[tokio::test]
async fn a_long_poll_wakes_when_the_high_watermark_moves_enough() {
    let broker = TestBroker::start("").await;
    let (mut reader, mut writer) = (broker.client().await, broker.client().await);
    writer.create(TOPIC, 2, &[]).await;
    let one = batch(&["x"]);
    let mut request = fetch_request(&[(TOPIC, 0, 0), (TOPIC, 1, 0)], 60_000);
    request.min_bytes = (one.len() * 3) as i32;
    reader.submit(&request, 11).await.expect("sent");
    for partition in [0, 1, 0] {
        assert_eq!(reader.pending(), 1);
        writer.send(&produce_request(TOPIC, partition, one.clone(), -1), 11).await.expect("an answer");
    }
    let answer = reader.receive::<FetchRequest>().await.expect("an answer");
    assert_eq!(sizes(&answer), [2 * one.len(), one.len()], "it came with the third batch and not before");
}

#[tokio::test]
async fn a_partition_with_an_error_ends_a_long_poll_at_once() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 2, &[]).await;
    let begun = Instant::now();
    let request = fetch_request(&[(TOPIC, 0, 0), (TOPIC, 1, 99)], 60_000);
    let answer = client.send(&request, 11).await.expect("an answer");
    assert!(begun.elapsed() < PATIENCE);
    let codes: Vec<_> =
        answer.responses.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::OFFSET_OUT_OF_RANGE]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_above_the_high_watermark_is_served_and_what_is_served_stays() {
    let broker = TestBroker::start("").await;
    let mut writer = broker.client().await;
    writer.create(TOPIC, 1, &[]).await;
    let mut reader = broker.client().await;
    let reading = tokio::spawn(async move {
        let mut next = 0;
        while next < 300 {
            let request = fetch_request(&[(TOPIC, 0, next)], 10_000);
            let got = fetched(reader.send(&request, 11).await.expect("an answer"));
            assert_eq!(got.error_code, ErrorCode::NONE);
            for batch in fetched_batches(&got) {
                assert_eq!(batch.header().base_offset, next, "in order, without gaps");
                next = batch.header().next_offset();
            }
            assert!(next <= got.high_watermark, "{next} is above {}", got.high_watermark);
        }
    });
    // acks=1 is answered at append: what is not flushed yet exists and must not be seen.
    for _ in 0..300 {
        writer.submit(&produce_request(TOPIC, 0, batch(&["x"]), 1), 11).await.expect("sent");
    }
    for _ in 0..300 {
        writer.receive::<naru_protocol::messages::produce::ProduceRequest>().await.expect("an answer");
    }
    reading.await.expect("the reader saw what it should");
}
