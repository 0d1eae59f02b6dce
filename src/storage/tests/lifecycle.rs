//! Logs that sleep, shrink, and go.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::setup::*;
use crate::storage::checkpoint::Checkpoint;
use crate::storage::types::{Offset, TopicPartition};
use crate::storage::{LogConfig, OpenError, ReadError};

/// Bytes that a directory occupies on the disk.
fn occupied(path: &std::path::Path) -> u64 {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512).sum()
}

#[test]
fn a_log_that_is_not_used_reserves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig::default());
    let log = place.path().join("orders-0");
    assert!(occupied(&log) <= 8192);
    assert_eq!(broker.read_all(Offset(0), 100).len(), 0);
    assert!(occupied(&log) <= 8192, "a read of an empty log changes nothing");
    broker.append_durably(&batch(b"x", 1)).unwrap();
    assert!(occupied(&log) >= 1 << 20, "an append reserves ahead");
    broker.shutdown();
    assert!(occupied(&log) <= 64 * 1024, "a stopped log reserves nothing");
}

#[test]
fn an_idle_log_goes_to_sleep_and_wakes_up_with_an_append() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig::default());
    broker.append_durably(&batch(b"one", 1)).unwrap();
    broker.clock.advance(Duration::from_secs(299));
    broker.directory.shared().close_idle();
    assert!(broker.log.active().is_some());
    broker.clock.advance(Duration::from_secs(2));
    broker.directory.shared().close_idle();
    wait_until("the log to sleep", || broker.log.active().is_none() && broker.log.is_quiet());
    assert!(occupied(&place.path().join("orders-0")) <= 64 * 1024);
    assert_eq!(broker.read_all(Offset(0), 100).len(), 1);
    assert_eq!(broker.append_durably(&batch(b"two", 1)).unwrap().base_offset, Offset(1));
    assert_eq!(broker.read_all(Offset(0), 1 << 20).len(), 2);
    assert_eq!(broker.log.segments.load().0.len(), 1, "it goes on in the same segment");
    broker.kill();
    let again = open(place.path(), LogConfig::default());
    assert_eq!(again.read_all(Offset(0), 1 << 20).len(), 2);
    again.shutdown();
}

#[test]
fn retention_by_size_removes_the_oldest_segments() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig { retention_bytes: Some(40_000), ..small_segments() };
    let broker = open(place.path(), config);
    for i in 0..100u8 {
        broker.append(&batch(&[i; 1000], 1)).unwrap();
    }
    broker.runtime.block_on(broker.log.flush()).unwrap();
    let size = broker.log.size_bytes();
    wait_until("full segments to be sealed", || broker.log.is_quiet());
    broker.directory.apply_retention();
    assert!(broker.log.size_bytes() < size && broker.log.size_bytes() >= 40_000);
    let start = broker.log.log_start();
    assert!(start > Offset(0));
    assert_eq!(broker.observer.log_start.load(Ordering::SeqCst), start.0);
    let error = broker.runtime.block_on(broker.log.read(Offset(0), 100, broker.log.log_end(), true)).unwrap_err();
    assert!(matches!(error, ReadError::OffsetOutOfRange { log_start, .. } if log_start == start));
    assert_eq!(broker.read_all(start, 5000).len() as i64, 100 - start.0);
    broker.kill();
    let again = open(place.path(), small_segments());
    assert_eq!(again.log.log_start(), start, "what was deleted does not come back");
    again.shutdown();
}

#[test]
fn retention_by_time_removes_even_the_last_segment_and_keeps_the_offsets() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig { retention_ms: Some(60_000), ..small_segments() };
    let broker = open(place.path(), config);
    for i in 0..50u8 {
        broker.append(&batch(&[i; 1000], 1)).unwrap();
    }
    broker.append_durably(&batch(b"x", 1)).unwrap();
    broker.directory.apply_retention();
    assert_eq!(broker.log.log_start(), Offset(0), "nothing is old yet");
    broker.clock.advance(Duration::from_secs(61));
    wait_until("all to be removed", || {
        broker.directory.apply_retention();
        broker.log.log_start() == Offset(51)
    });
    assert_eq!(broker.log.size_bytes(), 0);
    broker.kill();
    fs::remove_file(place.path().join("checkpoint")).unwrap();
    let again = open(place.path(), small_segments());
    assert_eq!((again.log.log_start(), again.log.log_end()), (Offset(51), Offset(51)));
    assert_eq!(again.append_durably(&batch(b"y", 1)).unwrap().base_offset, Offset(51));
    again.shutdown();
}

#[test]
fn a_compacted_log_is_not_cut_by_retention() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig { delete: false, retention_ms: Some(1), retention_bytes: Some(1), ..small_segments() };
    let broker = open(place.path(), config);
    for i in 0..50u8 {
        broker.append(&batch(&[i; 1000], 1)).unwrap();
    }
    broker.clock.advance(Duration::from_hours(1));
    broker.directory.apply_retention();
    assert_eq!(broker.log.log_start(), Offset(0));
    assert_eq!(broker.read_all(Offset(0), 5000).len(), 50);
    broker.shutdown();
}

#[test]
fn deleted_records_stay_deleted() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    for i in 0..50u8 {
        broker.append(&batch(&[i; 1000], 2)).unwrap();
    }
    broker.runtime.block_on(broker.log.flush()).unwrap();
    assert_eq!(broker.advance_log_start(Offset(33)).unwrap(), Offset(33));
    assert_eq!(broker.advance_log_start(Offset(20)).unwrap(), Offset(33), "it never goes back");
    broker.kill();
    let again = open(place.path(), small_segments());
    assert_eq!(again.log.log_start(), Offset(33));
    let first = again.read_all(Offset(33), 1).remove(0);
    assert_eq!(first.header().base_offset, 32, "a batch is given out whole");
    assert_eq!(again.advance_log_start(Offset(1000)).unwrap(), Offset(100));
    again.shutdown();
}

#[test]
fn a_deleted_log_is_gone_and_its_name_is_free() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    broker.append_durably(&batch(b"x", 1)).unwrap();
    broker.directory.delete_log(&partition()).unwrap();
    assert!(!place.path().join("orders-0").exists());
    assert_eq!(broker.append(&batch(b"y", 1)), Err(crate::storage::AppendError::Deleted));
    let other = Uuid::from_u128(99);
    let log = broker.directory.open_log(&partition(), other, small_segments(), Arc::new(Ends::default())).unwrap();
    assert_eq!(log.log_end(), Offset(0));
    broker.directory.shared().unlink_doomed();
    assert!(
        fs::read_dir(place.path()).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".deleted"))
    );
    broker.directory.shutdown();
}

#[test]
fn reconciling_sets_aside_what_no_topic_claims() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    let opened = |name: &str, id: u128| {
        broker
            .directory
            .open_log(&TopicPartition::new(name, 0), Uuid::from_u128(id), small_segments(), Arc::new(Ends::default()))
            .map(drop)
    };
    opened("unknown", 1).unwrap();
    opened("recreated", 2).unwrap();
    broker.shutdown();
    fs::create_dir(place.path().join("gone-0.0123.deleted")).unwrap();
    let broker = open_directory(place.path());
    let expected = [
        (partition(), TOPIC_ID),
        (TopicPartition::new("recreated", 0), Uuid::from_u128(3)),
        (TopicPartition::new("new", 0), Uuid::from_u128(4)),
    ];
    let mut report = broker.reconcile(&expected).unwrap();
    report.set_aside.sort();
    assert_eq!(report.set_aside, ["recreated-0", "unknown-0"]);
    assert_eq!(report.missing, [TopicPartition::new("new", 0), TopicPartition::new("recreated", 0)]);
    assert!(!place.path().join("gone-0.0123.deleted").exists());
    let wrong = broker.open_log(&partition(), Uuid::from_u128(5), small_segments(), Arc::new(Ends::default()));
    assert!(matches!(wrong, Err(OpenError::WrongTopic { .. })));
    broker.shutdown();
}

#[test]
fn the_checkpoint_forgets_logs_that_no_topic_claims() {
    let place = tempfile::tempdir().unwrap();
    open(place.path(), small_segments()).shutdown();
    let known = || Checkpoint::decode(&fs::read(place.path().join("checkpoint")).unwrap()).unwrap();
    let broker = open_directory(place.path());
    broker.checkpoint().unwrap();
    assert_eq!(known().0.len(), 1, "a log that was not opened keeps its recovery point");
    // As after a kill between the topic's deletion and the next checkpoint.
    fs::remove_dir_all(place.path().join("orders-0")).unwrap();
    broker.reconcile(&[]).unwrap();
    broker.checkpoint().unwrap();
    assert_eq!(known().0, []);
    broker.shutdown();
}

#[test]
fn time_look_ups_find_records_inside_batches() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    for i in 0..40 {
        broker.append(&batch_at(&[1; 500], &[NOW + i * 100, NOW + i * 100 + 50])).unwrap();
    }
    let find = |timestamp, until| {
        broker
            .runtime
            .block_on(broker.log.offset_for_timestamp(timestamp, Offset(until)))
            .unwrap()
            .map(|found| (found.offset.0, found.timestamp))
    };
    for i in [0, 1, 7, 23, 39] {
        assert_eq!(find(NOW + i * 100, 80), Some((i * 2, NOW + i * 100)));
        assert_eq!(find(NOW + i * 100 + 1, 80), Some((i * 2 + 1, NOW + i * 100 + 50)));
    }
    assert_eq!(find(0, 80), Some((0, NOW)));
    assert_eq!(find(NOW + 39 * 100 + 51, 80), None);
    assert_eq!(find(NOW + 39 * 100, 78), None, "not beyond the high watermark");
    let youngest =
        |until| broker.runtime.block_on(broker.log.max_timestamp(Offset(until))).unwrap().map(|found| found.offset.0);
    assert_eq!((youngest(80), youngest(40), youngest(0)), (Some(79), Some(39), None));
    broker.shutdown();
}
