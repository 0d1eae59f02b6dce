//! What is appended is read again, byte for byte, wherever it lies.

use naru_protocol::records::BatchHeader;

use super::setup::*;
use crate::storage::types::{LeaderEpoch, Offset};
use crate::storage::{AppendError, FlushPolicy, LogConfig, ReadError};

#[test]
fn batches_come_back_byte_for_byte_with_their_offsets() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    let sent: Vec<_> = (0..200).map(|i| batch(format!("value-{i}").repeat(i % 40 + 1).as_bytes(), i % 3 + 1)).collect();
    let mut next = 0;
    for batch in &sent {
        let appended = broker.append(batch).unwrap();
        assert_eq!(appended.base_offset, Offset(next));
        next = appended.last_offset.0 + 1;
    }
    assert_eq!(broker.log.log_end(), Offset(next));
    assert!(broker.log.segments.load().0.len() > 3, "the log must have rolled");
    for max_bytes in [1, 700, 5000, 1 << 20] {
        let read = broker.read_all(Offset(0), max_bytes);
        assert_eq!(read.len(), sent.len());
        for (read, sent) in read.iter().zip(&sent) {
            assert_eq!(read.header().partition_leader_epoch, 0);
            assert_eq!(&read.bytes()[16..], &sent.received()[16..], "only base offset and leader epoch may differ");
        }
    }
    broker.shutdown();
}

#[test]
fn a_read_starts_at_the_batch_that_holds_the_offset() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    for i in 0..100u8 {
        broker.append(&batch(&[i; 300], 5)).unwrap();
    }
    for from in [0, 1, 4, 5, 123, 250, 251, 499] {
        let first = broker.read_all(Offset(from), 1).remove(0);
        assert_eq!(first.header().base_offset, from / 5 * 5);
    }
    broker.shutdown();
}

#[test]
fn until_and_max_bytes_hold() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig::default());
    for _ in 0..10 {
        broker.append(&batch(&[7; 1000], 2)).unwrap();
    }
    let read = |from, max_bytes, until, at_least_one| {
        let read = broker.log.read(Offset(from), max_bytes, Offset(until), at_least_one);
        let read = broker.runtime.block_on(read).unwrap();
        let headers =
            read.chunks.into_iter().flat_map(naru_protocol::records::batches).map(|batch| *batch.unwrap().header());
        let headers: Vec<_> = headers.collect();
        assert_eq!(read.next.0, headers.last().map_or(from, BatchHeader::next_offset));
        headers.into_iter().map(|header| header.base_offset).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 1 << 20, 7, true), [0, 2, 4], "the batch of 6 and 7 reaches over offset 7");
    assert_eq!(read(0, 5000, 20, true), [0, 2]);
    assert_eq!(read(0, 10, 20, true), [0]);
    assert_eq!(read(0, 10, 20, false), [0; 0]);
    assert_eq!(read(20, 1 << 20, 20, true), [0; 0]);
    let error = broker.runtime.block_on(broker.log.read(Offset(21), 1, Offset(21), true)).unwrap_err();
    assert!(matches!(error, ReadError::OffsetOutOfRange { log_end: Offset(20), .. }));
    broker.shutdown();
}

#[test]
fn readers_follow_many_writers_over_rolls() {
    const WRITERS: u8 = 4;
    const BATCHES: i64 = 150;
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    let end = Offset(i64::from(WRITERS) * BATCHES);
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            let broker = &broker;
            threads.spawn(move || {
                for _ in 0..BATCHES {
                    broker.append(&batch(&[writer; 900], 1)).unwrap();
                }
            });
        }
        for max_bytes in [1, 4000] {
            let broker = &broker;
            threads.spawn(move || {
                let mut next = Offset(0);
                while next < end {
                    let until = broker.log.durable_end();
                    let chunks = broker.runtime.block_on(broker.log.read(next, max_bytes, until, true)).unwrap().chunks;
                    assert_eq!(chunks.is_empty(), next == until, "at {next}");
                    for batch in chunks.into_iter().flat_map(naru_protocol::records::batches) {
                        let batch = batch.unwrap();
                        assert_eq!(batch.header().base_offset, next.0);
                        assert!(batch.crc_is_valid());
                        next = Offset(batch.header().next_offset());
                    }
                }
            });
        }
        // All of it becomes durable without anybody's asking: every append asks for a flush.
        wait_until("all to be durable", || broker.log.durable_end() == end);
    });
    broker.shutdown();
}

#[test]
fn what_left_the_hot_tail_of_a_segment_is_read_from_its_file() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig { flush: FlushPolicy::Os { every_messages: None, every_ms: None }, ..LogConfig::default() };
    let broker = open(place.path(), config);
    let large = batch(&vec![9; 900_000], 1);
    for _ in 0..80 {
        broker.append(&large).unwrap();
    }
    assert_eq!(broker.log.segments.load().0.len(), 1);
    assert_eq!(broker.read_all(Offset(0), 1 << 20).len(), 80);
    assert_eq!(broker.read_all(Offset(3), 1)[0].header().base_offset, 3);
    broker.shutdown();
}

#[test]
fn a_durable_append_tells_the_observer() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig::default());
    let appended = broker.append_durably(&batch(b"x", 3)).unwrap();
    assert_eq!(appended.durable_at, Offset(3));
    wait_until("the observer", || broker.observer.durable_end.load(std::sync::atomic::Ordering::SeqCst) == 3);
    assert_eq!(broker.observer.log_end.load(std::sync::atomic::Ordering::SeqCst), 3);
    broker.shutdown();
}

#[test]
fn durability_os_flushes_by_count_and_holds_nothing_back() {
    let place = tempfile::tempdir().unwrap();
    let config =
        LogConfig { flush: FlushPolicy::Os { every_messages: Some(10), every_ms: None }, ..LogConfig::default() };
    let broker = open(place.path(), config);
    broker.append(&batch(b"x", 9)).unwrap();
    assert_eq!((broker.log.log_end(), broker.log.durable_end()), (Offset(9), Offset(0)));
    broker.append(&batch(b"x", 1)).unwrap();
    wait_until("the flush after ten records", || broker.log.durable_end() == Offset(10));
    broker.shutdown();
}

#[test]
fn a_batch_larger_than_a_segment_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    let error = broker.append(&batch(&vec![1; 17 * 1024], 1)).unwrap_err();
    assert!(matches!(error, AppendError::TooLarge { segment_bytes: 16384, .. }));
    broker.append(&batch(&vec![1; 15 * 1024], 1)).unwrap();
    broker.shutdown();
}

#[test]
fn a_log_goes_on_after_an_orderly_restart() {
    let place = tempfile::tempdir().unwrap();
    for run in 0..4 {
        let broker = open(place.path(), small_segments());
        assert_eq!(broker.log.log_end(), Offset(run * 30));
        assert_eq!(broker.log.recovery_report().stored_again, 0);
        for i in 0..30 {
            broker.append(&batch(&[run as u8; 900], 1)).unwrap();
            assert_eq!(broker.log.log_end(), Offset(run * 30 + i + 1));
        }
        assert_eq!(broker.read_all(Offset(0), 3000).len() as i64, (run + 1) * 30);
        assert_eq!(broker.log.epoch_at(Offset(run * 30)), Some(LeaderEpoch(run as i32)));
        assert_eq!(broker.log.latest_epoch(), Some(LeaderEpoch(run as i32)));
        broker.shutdown();
    }
}

#[test]
fn a_log_goes_on_after_a_kill() {
    let place = tempfile::tempdir().unwrap();
    for run in 0..4 {
        let broker = open(place.path(), small_segments());
        assert_eq!(broker.log.log_end(), Offset(run * 30), "what was durable is there");
        for _ in 0..29 {
            broker.append(&batch(&[run as u8; 900], 1)).unwrap();
        }
        broker.append_durably(&batch(&[run as u8; 900], 1)).unwrap();
        assert_eq!(broker.read_all(Offset(0), 3000).len() as i64, (run + 1) * 30);
        broker.kill();
    }
}
