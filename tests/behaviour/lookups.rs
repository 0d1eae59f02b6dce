//! Positions: by time stamp, by end of the log, by leader epoch.

use naru_protocol::ErrorCode;
use naru_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use naru_protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use naru_protocol::records::Codec;

use crate::client::{Client, EARLIEST, LATEST, MAX_TIMESTAMP, batch, batch_at};
use crate::setup::{LONG_AGO, TestBroker};

const TOPIC: &str = "crossings";

#[tokio::test]
async fn a_time_stamp_is_looked_up_by_record_inside_compressed_batches_unordered_and_rounds_up() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    for (codec, base) in [(Codec::Gzip, 100), (Codec::Zstd, 400)] {
        let at = |delta| LONG_AGO + base + delta;
        client.append(TOPIC, batch_at(&[(at(0), "a"), (at(200), "b"), (at(100), "c")], codec)).await;
    }
    for (time, offset, found) in
        [(0, 0, 100), (100, 0, 100), (101, 1, 300), (300, 1, 300), (301, 3, 400), (500, 4, 600)]
    {
        let got = client.list_offset(TOPIC, LONG_AGO + time).await;
        assert_eq!((got.offset, got.timestamp), (offset, LONG_AGO + found), "{time}");
    }
    let none = client.list_offset(TOPIC, LONG_AGO + 601).await;
    assert_eq!((none.error_code, none.offset, none.timestamp), (ErrorCode::NONE, -1, -1));
}

#[tokio::test]
async fn the_max_timestamp_is_that_of_the_first_of_ties_and_of_the_first_record_of_an_append_time_batch() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let (low, high) = (LONG_AGO, LONG_AGO + 500);
    client.append(TOPIC, batch_at(&[(low, "a"), (high, "b"), (high, "c")], Codec::None)).await;
    client.append(TOPIC, batch_at(&[(high, "d")], Codec::None)).await;
    let got = client.list_offset(TOPIC, MAX_TIMESTAMP).await;
    assert_eq!((got.offset, got.timestamp), (1, high));

    client.create("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let outcome = client.produce("stamped", batch_at(&[(low, "a"), (high, "b")], Codec::None)).await;
    let got = client.list_offset("stamped", MAX_TIMESTAMP).await;
    assert_eq!((got.offset, got.timestamp), (0, outcome.log_append_time_ms));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_stamps_are_found_across_segments_and_after_a_restart() {
    let mut broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("segment.bytes", "1048576")]).await;
    let value = "x".repeat(200_000);
    for number in 0..30 {
        client.append(TOPIC, batch_at(&[(LONG_AGO + number * 1000, &value)], Codec::None)).await;
    }
    assert!(broker.files(TOPIC, 0, ".log").len() >= 6, "{:?}", broker.files(TOPIC, 0, ".log"));
    for _ in 0..2 {
        for number in 0..30 {
            for earlier in [0, 1, 999] {
                let got = client.list_offset(TOPIC, LONG_AGO + number * 1000 - earlier).await;
                assert_eq!((got.offset, got.timestamp), (number, LONG_AGO + number * 1000));
            }
        }
        assert_eq!(client.list_offset(TOPIC, LONG_AGO + 29_001).await.offset, -1);
        assert_eq!(client.list_offset(TOPIC, MAX_TIMESTAMP).await.offset, 29);
        assert_eq!(client.list_offset(TOPIC, EARLIEST).await.offset, 0);
        assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 30);
        drop(client);
        broker = broker.restart().await;
        client = broker.client().await;
    }
}

#[tokio::test]
async fn latest_under_read_committed_is_the_last_stable_offset() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["a", "b"])).await;
    let partition = ListOffsetsPartition { timestamp: LATEST, ..Default::default() };
    let topic = ListOffsetsTopic { name: TOPIC.into(), partitions: vec![partition] };
    let request = ListOffsetsRequest { isolation_level: 1, topics: vec![topic], ..Default::default() };
    let answer = client.send(&request, 7).await.expect("an answer");
    let stable = client.read(TOPIC, 0).await.last_stable_offset;
    assert_eq!((answer.topics[0].partitions[0].offset, stable), (2, 2));
}

async fn end_of_epoch(client: &mut Client, leader_epoch: i32) -> (i32, i64) {
    let partition = OffsetForLeaderPartition { leader_epoch, ..Default::default() };
    let topic = OffsetForLeaderTopic { topic: TOPIC.into(), partitions: vec![partition] };
    let request = OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() };
    let answer = client.send(&request, 4).await.expect("an answer");
    let end = &answer.topics[0].partitions[0];
    assert_eq!(end.error_code, ErrorCode::NONE);
    (end.leader_epoch, end.end_offset)
}

#[tokio::test]
async fn epochs_grow_with_each_start_and_their_ends_and_records_are_told_truly() {
    let mut broker = TestBroker::start("").await;
    broker.client().await.create(TOPIC, 1, &[]).await;
    // Records are written in the starts 0, 1 and 3; nothing is in 2 and 4.
    for (epoch, appends) in [(0, 2), (1, 3), (2, 0), (3, 1), (4, 0)] {
        let mut client = broker.client().await;
        let leader_epoch = client.metadata(&[TOPIC], false).await.topics[0].partitions[0].leader_epoch;
        assert_eq!(leader_epoch, epoch, "it grows with every start");
        for _ in 0..appends {
            client.append(TOPIC, batch_at(&[(LONG_AGO + i64::from(epoch), "x")], Codec::None)).await;
        }
        if epoch < 4 {
            drop(client);
            broker = broker.restart().await;
        }
    }
    let mut client = broker.client().await;
    assert_eq!(end_of_epoch(&mut client, 0).await, (0, 2));
    assert_eq!(end_of_epoch(&mut client, 1).await, (1, 5));
    assert_eq!(end_of_epoch(&mut client, 2).await, (1, 5), "an epoch without records is that before it");
    assert_eq!(end_of_epoch(&mut client, 3).await, (3, 6));
    assert_eq!(end_of_epoch(&mut client, 4).await, (4, 6), "the epoch of now ends at the log end");
    assert_eq!(end_of_epoch(&mut client, 5).await, (-1, -1), "the future is not known");
    // The epoch of a look-up is that of the record, not that of now.
    for (time, offset, epoch) in [(0, 0, 0), (1, 2, 1), (2, 5, 3)] {
        let got = client.list_offset(TOPIC, LONG_AGO + time).await;
        assert_eq!((got.offset, got.leader_epoch), (offset, epoch));
    }
    assert_eq!(client.list_offset(TOPIC, EARLIEST).await.leader_epoch, 0);
}

#[tokio::test]
async fn a_position_with_an_old_or_future_leader_epoch_is_fenced() {
    let broker = TestBroker::start("").await.restart().await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["x"])).await;
    for (epoch, expected) in
        [(0, ErrorCode::FENCED_LEADER_EPOCH), (1, ErrorCode::NONE), (2, ErrorCode::UNKNOWN_LEADER_EPOCH)]
    {
        let mut request = crate::client::fetch_request(&[(TOPIC, 0, 0)], 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let got = crate::client::fetched(client.send(&request, 11).await.expect("an answer"));
        assert_eq!(got.error_code, expected);
    }
}
