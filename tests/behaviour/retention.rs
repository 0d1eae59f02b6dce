//! Retention: old segments go, the log start moves, and consumers are told.

use naru_protocol::ErrorCode;
use naru_protocol::records::Codec;

use crate::client::{Client, EARLIEST, LATEST, batch, batch_at};
use crate::setup::{LONG_AGO, TestBroker, now_ms, wait_until};

const TOPIC: &str = "crossings";
const SMALL_SEGMENTS: (&str, &str) = ("segment.bytes", "1048576");
const UNLINK_AT_ONCE: (&str, &str) = ("file.delete.delay.ms", "0");
const OFTEN: &str = "log.retention.check.interval.ms=20";

/// Appends records of 200 kB, five to a segment.
async fn fill(client: &mut Client, count: usize, timestamp: i64) {
    let value = "x".repeat(200_000);
    for _ in 0..count {
        client.append(TOPIC, batch_at(&[(timestamp, &value)], Codec::None)).await;
    }
}

/// Below the log start a consumer is told so, wherever it asks.
async fn check_start(client: &mut Client, start: i64, end: i64) {
    assert_eq!(client.read(TOPIC, start - 1).await.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    let at_start = client.read(TOPIC, start).await;
    assert_eq!((at_start.error_code, at_start.log_start_offset), (ErrorCode::NONE, start));
    assert_eq!(at_start.high_watermark, end);
    assert_eq!(client.list_offset(TOPIC, EARLIEST).await.offset, start);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, end);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_by_size_removes_segments_and_below_the_new_start_is_out_of_range() {
    let broker = TestBroker::start(OFTEN).await;
    let mut client = broker.client().await;
    let configs = [SMALL_SEGMENTS, UNLINK_AT_ONCE, ("retention.bytes", "2500000")];
    client.create(TOPIC, 1, &configs).await;
    fill(&mut client, 30, now_ms()).await;
    wait_until("the start moves", async || client.list_offset(TOPIC, EARLIEST).await.offset >= 15).await;
    wait_until("the files go", async || broker.files(TOPIC, 0, ".log").len() <= 4).await;
    let start = client.list_offset(TOPIC, EARLIEST).await.offset;
    assert!(start <= 30 - 12, "{start}: what retention.bytes keeps is gone too");
    check_start(&mut client, start, 30).await;
    // The start is durable before anything goes.
    drop(client);
    let broker = broker.restart().await;
    check_start(&mut broker.client().await, start, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_by_time_uses_the_largest_time_stamp_of_a_segment_and_takes_the_active_one_too() {
    let broker = TestBroker::start(OFTEN).await;
    let mut client = broker.client().await;
    client.create("kept", 1, &[("retention.ms", "3600000")]).await;
    // One young record keeps its whole segment.
    client.append("kept", batch_at(&[(LONG_AGO, "old"), (now_ms(), "young")], Codec::None)).await;
    client.create(TOPIC, 1, &[SMALL_SEGMENTS, UNLINK_AT_ONCE, ("retention.ms", "3600000")]).await;
    fill(&mut client, 12, LONG_AGO).await;
    wait_until("all segments go", async || client.list_offset(TOPIC, EARLIEST).await.offset == 12).await;
    check_start(&mut client, 12, 12).await;
    wait_until("the files go", async || broker.files(TOPIC, 0, ".log").len() <= 1).await;
    assert_eq!(client.values("kept", 0).await, ["old", "young"]);
    drop(client);

    let broker = broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!(client.append(TOPIC, batch_at(&[(now_ms(), "next")], Codec::None)).await, 12, "offsets go on");
    assert_eq!(client.values(TOPIC, 12).await, ["next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_of_minus_one_keeps_everything() {
    let broker = TestBroker::start(OFTEN).await;
    let mut client = broker.client().await;
    let forever = [SMALL_SEGMENTS, UNLINK_AT_ONCE, ("retention.ms", "-1"), ("retention.bytes", "-1")];
    client.create(TOPIC, 1, &forever).await;
    fill(&mut client, 12, LONG_AGO).await;
    // Where another topic has lost its records, retention has been here too.
    client.create("lost", 1, &[("retention.ms", "3600000")]).await;
    client.append("lost", batch(&["old"])).await;
    wait_until("retention runs", async || client.list_offset("lost", EARLIEST).await.offset == 1).await;
    assert_eq!(client.list_offset(TOPIC, EARLIEST).await.offset, 0);
    assert_eq!(client.read(TOPIC, 0).await.error_code, ErrorCode::NONE);
}
