//! What the settings of a log do to its files, from its start and when they change while it is written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::setup::*;
use crate::storage::types::Offset;
use crate::storage::{FlushPolicy, LogConfig};

const HOUR_MS: i64 = 3_600_000;

fn base_offsets(broker: &Broker) -> Vec<i64> {
    broker.log.segments.load().0.iter().map(|segment| segment.base_offset().0).collect()
}

/// Lengths of the files of the log that end with `suffix`, by name.
fn lengths(place: &Path, suffix: &str) -> Vec<u64> {
    let mut files: Vec<_> = fs::read_dir(place.join("orders-0")).unwrap().map(Result::unwrap).collect();
    files.retain(|file| file.file_name().to_string_lossy().ends_with(suffix));
    files.sort_by_key(fs::DirEntry::file_name);
    files.iter().map(|file| file.metadata().unwrap().len()).collect()
}

fn append_of_size(broker: &Broker, bytes: usize) {
    broker.append(&batch(&vec![b'x'; bytes], 1)).unwrap();
}

#[test]
fn segment_bytes_ends_a_segment_and_may_change() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig { segment_bytes: 10_000, ..LogConfig::default() });
    for _ in 0..4 {
        append_of_size(&broker, 4000);
    }
    assert_eq!(base_offsets(&broker), [0, 2]);
    broker.log.set_config(LogConfig { segment_bytes: 5000, ..LogConfig::default() });
    append_of_size(&broker, 4000);
    append_of_size(&broker, 4000);
    assert_eq!(base_offsets(&broker), [0, 2, 4, 5]);
    broker.shutdown();
}

#[test]
fn segment_ms_ends_a_segment_by_the_records_time_stamps_and_may_change() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig { segment_ms: HOUR_MS, ..LogConfig::default() });
    for timestamp in [NOW, NOW + HOUR_MS, NOW + HOUR_MS + 1, NOW + HOUR_MS + 2] {
        broker.append(&batch_at(b"x", &[timestamp])).unwrap();
    }
    assert_eq!(base_offsets(&broker), [0, 2], "an hour is not too old, a millisecond more is");
    broker.log.set_config(LogConfig { segment_ms: 1, ..LogConfig::default() });
    broker.append(&batch_at(b"x", &[NOW + HOUR_MS + 9])).unwrap();
    assert_eq!(base_offsets(&broker), [0, 2, 4]);
    broker.shutdown();
}

#[test]
fn segment_jitter_ms_makes_a_segment_end_earlier_and_never_later() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_ms: HOUR_MS, segment_jitter_ms: HOUR_MS, ..LogConfig::default() };
    let broker = open(place.path(), config);
    // A record a minute, for ten hours.
    for minute in 0..600 {
        broker.append(&batch_at(b"x", &[NOW + minute * 60_000])).unwrap();
    }
    let starts = base_offsets(&broker);
    let minutes: Vec<i64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(minutes.iter().all(|minutes| (1..=61).contains(minutes)), "{minutes:?}");
    assert!(minutes.iter().any(|minutes| *minutes < 60), "{minutes:?}");
    broker.shutdown();
}

#[test]
fn index_interval_bytes_spaces_the_entries_and_segment_index_bytes_bounds_them() {
    let sealed_indexes = |config: LogConfig| {
        let place = tempfile::tempdir().unwrap();
        let broker = open(place.path(), config);
        for _ in 0..20 {
            append_of_size(&broker, 1000);
        }
        let segments = base_offsets(&broker).len();
        broker.shutdown();
        let entries = lengths(place.path(), ".index").iter().map(|bytes| bytes / 8).sum::<u64>();
        (segments, entries)
    };
    let config = |interval, bytes| LogConfig {
        index_interval_bytes: interval,
        segment_index_bytes: bytes,
        ..LogConfig::default()
    };
    assert_eq!(sealed_indexes(config(0, 10 << 20)), (1, 19), "one for each batch but the first");
    let (_, few) = sealed_indexes(config(4096, 10 << 20));
    assert!((2..=5).contains(&few), "{few}");
    assert_eq!(sealed_indexes(config(1 << 20, 10 << 20)), (1, 0));
    let (segments, _) = sealed_indexes(config(0, 100));
    assert_eq!(segments, 2, "twelve entries by offset, and a batch before them; all have one time stamp");
}

#[test]
fn file_delete_delay_ms_keeps_the_files_of_deleted_segments_for_so_long() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig { file_delete_delay_ms: 60_000, ..small_segments() });
    for _ in 0..8 {
        append_of_size(&broker, 8000);
    }
    broker.runtime.block_on(broker.log.flush()).unwrap();
    wait_until("full segments to be sealed", || broker.log.is_quiet());
    assert_eq!(broker.advance_log_start(Offset(7)).unwrap(), Offset(7));
    let waiting = lengths(place.path(), ".log.deleted").len();
    assert!(waiting > 1);
    broker.clock.advance(Duration::from_secs(59));
    broker.directory.shared().unlink_doomed();
    assert_eq!(lengths(place.path(), ".log.deleted").len(), waiting);
    broker.clock.advance(Duration::from_secs(1));
    broker.directory.shared().unlink_doomed();
    assert_eq!(lengths(place.path(), ".deleted").len(), 0);
    broker.shutdown();
}

#[test]
fn preallocate_reserves_a_whole_segment_and_may_change() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 4 << 20, preallocate: true, ..LogConfig::default() };
    let broker = open(place.path(), config.clone());
    append_of_size(&broker, 1000);
    assert_eq!(lengths(place.path(), ".log"), [4 << 20]);
    broker.shutdown();
    assert!(lengths(place.path(), ".log")[0] < 2000, "a segment that is finished has its own length");

    let broker = open(place.path(), LogConfig { preallocate: false, ..config.clone() });
    append_of_size(&broker, 1000);
    let in_steps = lengths(place.path(), ".log")[0];
    assert!(in_steps < 4 << 20, "{in_steps}");
    broker.log.set_config(config);
    for _ in 0..5 {
        append_of_size(&broker, 1 << 20 >> 1);
    }
    broker.clock.advance(Duration::from_hours(1));
    broker.directory.shared().close_idle();
    wait_until("the log to sleep", || broker.log.active().is_none() && broker.log.is_quiet());
    append_of_size(&broker, 1000);
    assert_eq!(lengths(place.path(), ".log"), [4 << 20]);
    broker.shutdown();
}

#[test]
fn flush_ms_and_flush_messages_start_flushes_and_may_change() {
    let place = tempfile::tempdir().unwrap();
    let flushed = |every_messages, every_ms| LogConfig {
        flush: FlushPolicy::Os { every_messages, every_ms },
        ..LogConfig::default()
    };
    let broker = open(place.path(), flushed(None, Some(5000)));
    append_of_size(&broker, 100);
    broker.log.flush_if_due();
    assert_eq!(broker.log.durable_end(), Offset(0), "it is not that old");
    broker.clock.advance(Duration::from_secs(6));
    broker.log.flush_if_due();
    wait_until("the flush by age", || broker.log.durable_end() == Offset(1));

    broker.log.set_config(flushed(Some(2), None));
    append_of_size(&broker, 100);
    append_of_size(&broker, 100);
    wait_until("the flush by count", || broker.log.durable_end() >= Offset(2));
    broker.log.set_config(flushed(None, None));
    append_of_size(&broker, 100);
    broker.log.set_config(LogConfig::default());
    wait_until("the flush for durability", || broker.log.durable_end() == Offset(4));
    broker.shutdown();
}

#[test]
fn a_flush_for_whatever_reason_starts_the_count_of_flush_messages_and_the_age_of_flush_ms_anew() {
    let place = tempfile::tempdir().unwrap();
    let flushed = |every_messages, every_ms| LogConfig {
        flush: FlushPolicy::Os { every_messages, every_ms },
        ..LogConfig::default()
    };
    // A flush that an append asks for is queued or done when the append is.
    let durable_end = |broker: &Broker| {
        wait_until("flushes to be over", || broker.log.is_quiet());
        broker.log.durable_end().0
    };
    let broker = open(place.path(), flushed(Some(4), None));
    for _ in 0..3 {
        append_of_size(&broker, 100);
    }
    broker.runtime.block_on(broker.log.flush()).unwrap();
    for _ in 0..3 {
        append_of_size(&broker, 100);
    }
    assert_eq!(durable_end(&broker), 3, "three were flushed, three are too few");
    append_of_size(&broker, 100);
    assert_eq!(durable_end(&broker), 7);
    broker.shutdown();

    let broker = open(place.path(), flushed(Some(4), Some(5000)));
    append_of_size(&broker, 100);
    assert_eq!(durable_end(&broker), 7, "what a start finds is flushed");
    broker.clock.advance(Duration::from_secs(6));
    broker.log.flush_if_due();
    assert_eq!(durable_end(&broker), 8);
    append_of_size(&broker, 100);
    broker.log.flush_if_due();
    assert_eq!(durable_end(&broker), 8, "the one that is left is young");
    broker.clock.advance(Duration::from_secs(5));
    broker.log.flush_if_due();
    assert_eq!(durable_end(&broker), 9);
    broker.shutdown();
}

#[test]
fn retention_bytes_of_0_empties_a_log_and_another_limit_leaves_the_last_segment() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig { retention_bytes: Some(1), ..small_segments() });
    for _ in 0..5 {
        append_of_size(&broker, 8000);
    }
    broker.runtime.block_on(broker.log.flush()).unwrap();
    wait_until("all but one to be removed", || {
        broker.directory.apply_retention();
        base_offsets(&broker).len() == 1
    });
    assert_eq!(broker.log.log_start(), Offset(4), "one batch to a segment, since two do not fit");
    broker.log.set_config(LogConfig { retention_bytes: Some(0), ..small_segments() });
    wait_until("all to be removed", || {
        broker.directory.apply_retention();
        broker.log.log_start() == Offset(5)
    });
    assert_eq!(broker.append_durably(&batch(b"next", 1)).unwrap().base_offset, Offset(5));
    broker.shutdown();
}
