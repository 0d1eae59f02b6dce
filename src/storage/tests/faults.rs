//! What survives when calls fail, the disk is full, the process is killed, or the power is cut.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::setup::*;
use crate::storage::faulty_disk::{FaultyDisk, Operation};
use crate::storage::segment::file_name;
use crate::storage::types::{LeaderEpoch, Offset, TopicPartition};
use crate::storage::{AppendAs, AppendError, DataDirectory, LogConfig, Origin, StorageOptions};

fn open_faulty(disk: &FaultyDisk, path: &Path, config: LogConfig) -> Broker {
    open_on(Arc::new(disk.clone()), path, config, StorageOptions::default())
}

#[test]
fn a_data_directory_made_by_the_start_survives_a_power_cut() {
    for seed in 0..8 {
        let place = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(place.path());
        let path = place.path().join("data");
        let broker = open_faulty(&disk, &path, LogConfig::default());
        broker.append_durably(&batch(b"safe", 1)).unwrap();
        broker.kill();
        disk.cut_power(seed).unwrap();
        let again = open_faulty(&disk, &path, LogConfig::default());
        assert_eq!(again.read_all(Offset(0), 100).len(), 1, "seed {seed}");
        again.kill();
    }
}

#[test]
fn a_failed_flush_is_final() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let broker = open_faulty(&disk, place.path(), LogConfig::default());
    broker.append_durably(&batch(b"safe", 1)).unwrap();
    disk.fail(Operation::Flush, 0, ErrorKind::Other);
    let appended = broker.append(&batch(b"lost", 1)).unwrap();
    assert_eq!(broker.runtime.block_on(broker.log.flush()), Err(AppendError::Offline));
    wait_until("the observer to hear", || broker.observer.offline.load(Ordering::SeqCst));
    assert_eq!(broker.append(&batch(b"refused", 1)), Err(AppendError::Offline));
    // The disk works again, but a second flush would lie: nobody is told that the batch is safe.
    assert_eq!(broker.runtime.block_on(broker.log.flush()), Err(AppendError::Offline));
    assert!(broker.log.durable_end() < appended.durable_at);
    assert_eq!(broker.read_all(Offset(0), 100).len(), 2, "reads go on");
    assert!(broker.log.offline_reason().unwrap().contains("flush"));
    broker.shutdown();
    let again = open_faulty(&disk, place.path(), LogConfig::default());
    again.append_durably(&batch(b"on again", 1)).unwrap();
    again.shutdown();
}

#[test]
fn what_a_failed_flush_lost_is_stored_again_by_the_next_start() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let broker = open_faulty(&disk, place.path(), LogConfig::default());
    broker.append_durably(&batch(b"safe", 1)).unwrap();
    disk.fail(Operation::Flush, 0, ErrorKind::Other);
    broker.append(&batch(b"only in the page cache", 1)).unwrap();
    broker.runtime.block_on(broker.log.flush()).unwrap_err();
    broker.kill();
    // The start finds the batch in the page cache and shows it: it must be on the disk by then.
    let broker = open_faulty(&disk, place.path(), LogConfig::default());
    assert_eq!(broker.log.durable_end(), Offset(2));
    broker.kill();
    for seed in 0..8 {
        let (place, disk) = (&place, &disk);
        disk.cut_power(seed).unwrap();
        let broker = open_faulty(disk, place.path(), LogConfig::default());
        assert_eq!(broker.read_all(Offset(0), 100).len(), 2);
        broker.kill();
    }
}

#[test]
fn a_full_disk_refuses_appends_and_the_log_goes_on_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let broker = open_faulty(&disk, place.path(), small_segments());
    broker.append_durably(&batch(b"before", 1)).unwrap();
    disk.set_full(true);
    let mut refused = 0;
    while refused < 3 {
        match broker.append(&batch(&[1; 4000], 1)) {
            Ok(_) => assert!(broker.log.log_end() < Offset(50), "the disk is full, but appends go on"),
            Err(error) => {
                assert_eq!(error, AppendError::NoSpace, "{:?}", broker.log.offline_reason());
                refused += 1;
            }
        }
    }
    let end = broker.log.log_end();
    assert_eq!(broker.read_all(Offset(0), 100).len() as i64, end.0, "reads go on");
    assert!(!broker.observer.offline.load(Ordering::SeqCst));
    disk.set_full(false);
    assert_eq!(broker.append(&batch(&[2; 4000], 1)), Err(AppendError::NoSpace), "it is not tried for each append");
    broker.clock.advance(Duration::from_secs(2));
    broker.append_durably(&batch(&[2; 4000], 1)).unwrap();
    assert_eq!(broker.read_all(Offset(0), 100).len() as i64, end.0 + 1);
    broker.shutdown();
}

#[test]
fn an_internal_log_lives_on_the_reserve_of_a_full_disk() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let broker = open_faulty(&disk, place.path(), small_segments());
    broker.directory.shared().engine.ballast.refill(&disk);
    let offsets = TopicPartition::new("__consumer_offsets", 0);
    let log = broker.directory.open_log(&offsets, TOPIC_ID, small_segments(), Arc::new(Ends::default())).unwrap();
    // The first reservation fails, those after the reserve was given do not.
    for _ in 0..4 {
        disk.fail(Operation::Allocate, 0, ErrorKind::StorageFull);
        let how = AppendAs { leader_epoch: LeaderEpoch(0), now_ms: NOW, origin: Origin::Coordinator };
        broker.runtime.block_on(log.append(&batch(&[1; 10_000], 1), how)).unwrap();
    }
    assert!(std::fs::metadata(place.path().join("reserve")).unwrap().len() < 8 << 20);
    disk.restart();
    broker.directory.shared().engine.ballast.refill(&disk);
    assert_eq!(std::fs::metadata(place.path().join("reserve")).unwrap().len(), 8 << 20);
    broker.shutdown();
}

#[test]
fn a_second_process_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), LogConfig::default());
    let second = DataDirectory::open(
        Arc::new(crate::storage::disk::SystemDisk),
        broker.clock.clone(),
        place.path(),
        StorageOptions::default(),
    );
    assert!(matches!(second, Err(crate::storage::OpenError::Locked(_))));
    broker.shutdown();
    open(place.path(), LogConfig::default()).shutdown();
}

/// What a client knows: what it sent, and up to where it was told that all is durable.
#[derive(Default)]
struct Known {
    sent: Vec<Bytes>,
    durable: i64,
}

/// Appends and flushes over several rolls and restarts in order, until the disk dies.
fn scenario(disk: &FaultyDisk, path: &Path, known: &mut Known) {
    for run in 0..2 {
        let Ok(broker) = try_open(Arc::new(disk.clone()), path, small_segments(), StorageOptions::default()) else {
            return;
        };
        for i in 0..9 {
            let value = Bytes::from(format!("run {run} batch {i} ").repeat(200 + 10 * i));
            if broker.append(&batch(&value, 1)).is_err() {
                // Half of it may be there, but not as a batch.
                broker.kill();
                return;
            }
            known.sent.push(value);
            if i % 2 == 0 && broker.runtime.block_on(broker.log.flush()).is_ok() {
                known.durable = broker.log.log_end().0;
            }
            if i == 5 {
                let _ = broker.directory.checkpoint();
            }
            known.durable = known.durable.max(broker.observer.durable_end.load(Ordering::SeqCst));
        }
        if run == 0 {
            broker.shutdown();
        } else {
            broker.kill();
        }
    }
}

fn check_survivors(disk: &FaultyDisk, path: &Path, known: &Known, what: &str) {
    let broker = open_faulty(disk, path, small_segments());
    let read = broker.read_all(Offset(0), 3000);
    assert!(read.len() as i64 >= known.durable, "{what}: {} of {} durable batches are left", read.len(), known.durable);
    for (i, read) in read.iter().enumerate() {
        assert_eq!(read.header().base_offset, i as i64, "{what}");
        // The batch at which the process died may be there although nobody was told.
        if let Some(sent) = known.sent.get(i) {
            assert_eq!(&values(read)[0], sent, "{what}");
        }
    }
    assert!(read.len() <= known.sent.len() + 1, "{what}: phantoms");
    broker.append_durably(&batch(b"life goes on", 1)).unwrap();
    broker.shutdown();
    let again = open_faulty(disk, path, small_segments());
    assert_eq!(again.read_all(Offset(0), 1 << 20).len(), read.len() + 1, "{what}: a second start changes nothing");
    again.shutdown();
}

fn count_changes() -> u64 {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let mut known = Known::default();
    scenario(&disk, place.path(), &mut known);
    assert_eq!(known.sent.len(), 18);
    check_survivors(&disk, place.path(), &known, "no fault");
    disk.changes()
}

#[test]
fn a_kill_at_any_change_loses_nothing_durable() {
    let changes = count_changes();
    assert!(changes > 60, "the scenario must be worth it, but makes {changes} changes");
    for n in 0..changes {
        let place = place_in_memory();
        let disk = FaultyDisk::new(place.path());
        let mut known = Known::default();
        disk.stop_after(n);
        scenario(&disk, place.path(), &mut known);
        disk.restart();
        check_survivors(&disk, place.path(), &known, &format!("killed at change {n}"));
    }
}

#[test]
fn records_are_not_said_to_be_deleted_before_that_is_written() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let broker = open_faulty(&disk, place.path(), small_segments());
    for i in 0..8 {
        broker.append(&batch(&[i; 4000], 1)).unwrap();
    }
    broker.runtime.block_on(broker.log.flush()).unwrap();
    wait_until("full segments to be sealed", || broker.log.is_quiet());
    disk.fail(Operation::Rename, 0, ErrorKind::StorageFull);
    // The checkpoint, or the epochs before it: whichever is replaced first.
    assert!(broker.advance_log_start(Offset(6)).is_err());
    assert!(place.path().join("orders-0").join(file_name(Offset(0), ".log")).exists(), "nothing is removed");
    // Nothing has to move any more, and still it has to be written.
    assert_eq!(broker.advance_log_start(Offset(6)).unwrap(), Offset(6));
    assert!(!place.path().join("orders-0").join(file_name(Offset(0), ".log")).exists());
    broker.kill();
    disk.cut_power(1).unwrap();
    let again = open_faulty(&disk, place.path(), small_segments());
    assert_eq!(again.log.log_start(), Offset(6));
    again.shutdown();
}

/// Lets retention remove segments, until the disk dies. Answers what was durable.
fn retention_scenario(disk: &FaultyDisk, path: &Path) -> i64 {
    let config = LogConfig { retention_bytes: Some(20_000), ..small_segments() };
    let Ok(broker) = try_open(Arc::new(disk.clone()), path, config, StorageOptions::default()) else { return 0 };
    for i in 0..16 {
        let _ = broker.append(&batch(&[i; 4000], 1));
    }
    let _ = broker.runtime.block_on(broker.log.flush());
    let durable = broker.log.durable_end().0;
    wait_until("full segments to be sealed", || broker.log.is_quiet());
    broker.directory.apply_retention();
    let _ = broker.advance_log_start(Offset(13));
    broker.directory.shared().unlink_doomed();
    broker.kill();
    durable
}

#[test]
fn a_power_cut_at_any_change_of_retention_leaves_no_hole() {
    let place = place_in_memory();
    let disk = FaultyDisk::new(place.path());
    assert_eq!(retention_scenario(&disk, place.path()), 16);
    for n in 0..disk.changes() {
        let place = place_in_memory();
        let disk = FaultyDisk::new(place.path());
        disk.stop_after(n);
        let durable = retention_scenario(&disk, place.path());
        disk.cut_power(n).unwrap();
        let broker = open_faulty(&disk, place.path(), small_segments());
        let (start, end) = (broker.log.log_start(), broker.log.log_end());
        assert!(start <= Offset(13) && end >= Offset(durable), "power cut at change {n}: {start} to {end}");
        let offsets: Vec<_> = broker.read_all(start, 5000).iter().map(|batch| batch.header().base_offset).collect();
        assert_eq!(offsets, (start.0..end.0).collect::<Vec<_>>(), "power cut at change {n}");
        broker.append_durably(&batch(b"life goes on", 1)).unwrap();
        broker.shutdown();
    }
}

#[test]
fn an_error_of_any_change_loses_nothing_durable() {
    let changes = count_changes();
    for n in 0..changes {
        let place = place_in_memory();
        let disk = FaultyDisk::new(place.path());
        let mut known = Known::default();
        disk.fail_change(n);
        scenario(&disk, place.path(), &mut known);
        disk.restart();
        if n % 2 == 0 {
            disk.cut_power(n + 1).unwrap();
        }
        check_survivors(&disk, place.path(), &known, &format!("error at change {n}"));
    }
}

#[test]
fn a_power_cut_at_any_change_loses_nothing_durable() {
    let changes = count_changes();
    for n in 0..changes {
        for seed in [3, 0x9E37_79B9_7F4A_7C15] {
            let place = place_in_memory();
            let disk = FaultyDisk::new(place.path());
            let mut known = Known::default();
            disk.stop_after(n);
            scenario(&disk, place.path(), &mut known);
            disk.cut_power(seed + n).unwrap();
            check_survivors(&disk, place.path(), &known, &format!("power cut at change {n}, seed {seed}"));
        }
    }
}
