//! Opening a log whose files are not what a broker left.

use std::fs;
use std::path::{Path, PathBuf};

use super::setup::*;
use crate::storage::AppendError;
use crate::storage::producer_state::ProducerError;
use crate::storage::types::{LeaderEpoch, Offset, ProducerId};
use crate::storage::{LogConfig, ReadError};

/// Fills a log over several segments and stops in order.
fn filled(path: &Path, batches: i64) {
    let broker = open(path, small_segments());
    for i in 0..batches {
        broker.append(&batch_at(&[i as u8; 700], &[NOW + i * 10])).unwrap();
    }
    broker.shutdown();
}

/// Files of the log with this suffix, by name.
fn files(path: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(path.join("orders-0"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    files.sort();
    files
}

fn append_bytes(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut contents = fs::read(path).unwrap();
    contents[at] ^= 0x10;
    fs::write(path, contents).unwrap();
}

#[test]
fn a_torn_tail_is_cut_and_kept() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60);
    let whole = batch(b"the batch that was being written", 1);
    let torn = &whole.received()[..50];
    append_bytes(files(place.path(), ".log").last().unwrap(), torn);
    let broker = open(place.path(), small_segments());
    assert_eq!(broker.log.log_end(), Offset(60));
    let cut = broker.log.recovery_report().cut.clone().unwrap();
    assert_eq!((cut.offset, cut.bytes, cut.valid_behind), (Offset(60), 50, false));
    assert_eq!(fs::read(&files(place.path(), ".cut")[0]).unwrap(), torn);
    broker.append_durably(&batch(b"next", 1)).unwrap();
    assert_eq!(broker.read_all(Offset(0), 4000).len(), 61);
    broker.shutdown();
}

#[test]
fn what_an_earlier_start_cut_off_is_never_replaced() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 3);
    for torn in [b"torn once", b"torn twic", b"and again"] {
        append_bytes(files(place.path(), ".log").last().unwrap(), torn);
        open(place.path(), small_segments()).shutdown();
    }
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let kept: Vec<_> = files(place.path(), ".cut").iter().map(|path| (name(path), fs::read(path).unwrap())).collect();
    let expected = [
        ("00000000000000000003.1.cut".to_owned(), b"torn twic".to_vec()),
        ("00000000000000000003.2.cut".to_owned(), b"and again".to_vec()),
        ("00000000000000000003.cut".to_owned(), b"torn once".to_vec()),
    ];
    assert_eq!(kept, expected);
}

#[test]
fn a_valid_batch_is_found_wherever_it_begins_in_a_long_tail() {
    for garbage in [1, 256 * 1024 - 30, 256 * 1024, 600_000] {
        let place = tempfile::tempdir().unwrap();
        filled(place.path(), 3);
        let tail = [vec![0xff; garbage], batch(b"behind", 1).received().to_vec(), vec![0xff; 40]].concat();
        append_bytes(files(place.path(), ".log").last().unwrap(), &tail);
        let broker = open(place.path(), small_segments());
        let cut = broker.log.recovery_report().cut.clone().unwrap();
        assert_eq!((cut.bytes, cut.valid_behind), (tail.len() as u64, true), "behind {garbage} bytes");
        assert_eq!(fs::read(&files(place.path(), ".cut")[0]).unwrap(), tail);
        broker.shutdown();
    }
}

/// Each of a quarter of a million headers promises a batch of 8 MiB: to check them all is to read two terabytes.
#[test]
fn a_tail_of_lying_headers_does_not_keep_a_start_from_ending() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 3);
    let mut header = batch(b"", 1).received()[..61].to_vec();
    header[8..12].copy_from_slice(&(8_i32 << 20).to_be_bytes());
    let tail = header.repeat((16 << 20) / header.len());
    append_bytes(files(place.path(), ".log").last().unwrap(), &tail);
    let broker = open(place.path(), small_segments());
    let cut = broker.log.recovery_report().cut.clone().unwrap();
    assert_eq!((cut.offset, cut.bytes, cut.valid_behind), (Offset(3), tail.len() as u64, false));
    broker.shutdown();
}

#[test]
fn a_batch_that_does_not_follow_is_cut_although_it_is_valid() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 5);
    // Base offset 0 where 5 is next.
    append_bytes(files(place.path(), ".log").last().unwrap(), batch(b"stale", 1).received());
    let broker = open(place.path(), small_segments());
    assert_eq!(broker.log.log_end(), Offset(5));
    assert!(broker.log.recovery_report().cut.as_ref().unwrap().valid_behind);
    broker.shutdown();
}

#[test]
fn rot_below_the_recovery_point_is_reported_where_it_is_read_and_never_cut() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60);
    let first = &files(place.path(), ".log")[0];
    let before = fs::read(first).unwrap();
    flip(first, 3 * before.len() / 4);
    let broker = open(place.path(), small_segments());
    assert_eq!(broker.log.log_end(), Offset(60));
    let (mut readable, mut damaged) = (0, 0);
    for offset in 0..60 {
        let read = broker.runtime.block_on(broker.log.read(Offset(offset), 1, Offset(60), true));
        match read {
            Ok(read) => readable += read.chunks.len(),
            Err(ReadError::Damaged { .. }) => damaged += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((readable, damaged), (59, 1), "one batch is lost, all others are there");
    assert_eq!(fs::read(first).unwrap().len(), before.len());
    broker.append_durably(&batch(b"next", 1)).unwrap();
    broker.shutdown();
}

#[test]
fn a_log_that_lost_durable_records_never_gives_their_offsets_out_again() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60);
    let last = files(place.path(), ".log").pop().unwrap();
    let len = fs::metadata(&last).unwrap().len();
    fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(len / 2).unwrap();
    let broker = open(place.path(), small_segments());
    assert_eq!(broker.log.log_end(), Offset(60));
    assert_eq!(broker.log.recovery_report().rot.len(), 1);
    assert_eq!(broker.append_durably(&batch(b"next", 1)).unwrap().base_offset, Offset(60));
    assert_eq!(broker.read_all(Offset(60), 100).len(), 1);
    broker.kill();
    let again = open(place.path(), small_segments());
    assert_eq!(again.log.log_end(), Offset(61));
    again.shutdown();
}

#[test]
fn a_missing_or_damaged_checkpoint_costs_a_scan_and_nothing_else() {
    for damage in [true, false] {
        let place = tempfile::tempdir().unwrap();
        filled(place.path(), 60);
        let checkpoint = place.path().join("checkpoint");
        if damage {
            flip(&checkpoint, 20);
        } else {
            fs::remove_file(&checkpoint).unwrap();
        }
        let broker = open(place.path(), small_segments());
        assert_eq!(broker.log.log_end(), Offset(60));
        assert!(broker.log.recovery_report().stored_again > 60 * 700);
        assert_eq!(broker.read_all(Offset(0), 5000).len(), 60);
        broker.shutdown();
    }
}

/// Everything that a client can ask about a log.
fn answers(broker: &Broker) -> Vec<String> {
    let end = broker.log.log_end();
    let mut answers = Vec::new();
    for offset in 0..end.0 {
        let chunks = broker.runtime.block_on(broker.log.read(Offset(offset), 1, end, true)).unwrap().chunks;
        answers.push(format!("{:?}", chunks.concat()));
    }
    for timestamp in (NOW - 5..NOW + end.0 * 10 + 5).step_by(5) {
        let found = broker.runtime.block_on(broker.log.offset_for_timestamp(timestamp, end)).unwrap();
        answers.push(format!("{found:?}"));
    }
    answers.push(format!("{:?}", broker.runtime.block_on(broker.log.max_timestamp(end)).unwrap()));
    answers
}

#[test]
fn damaged_indexes_change_no_answer() {
    let place = place_in_memory();
    filled(place.path(), 60);
    let broker = open(place.path(), small_segments());
    let expected = answers(&broker);
    broker.shutdown();
    let damages: [fn(&Path); 6] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, []).unwrap(),
        |path| fs::write(path, &fs::read(path).unwrap()[..13]).unwrap(),
        |path| flip(path, 3),
        |path| flip(path, 7),
        |path| flip(path, fs::metadata(path).unwrap().len() as usize - 1),
    ];
    for suffix in [".index", ".timeindex"] {
        for (i, damage) in damages.iter().enumerate() {
            for file in files(place.path(), suffix) {
                if fs::metadata(&file).unwrap().len() > 13 {
                    damage(&file);
                }
            }
            let broker = open(place.path(), small_segments());
            assert_eq!(answers(&broker), expected, "{suffix}, damage {i}");
            broker.shutdown();
        }
    }
    // Every single bit of one index.
    let file = files(place.path(), ".timeindex").remove(0);
    let contents = fs::read(&file).unwrap();
    for bit in (0..contents.len() * 8).step_by(7) {
        let mut flipped = contents.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, flipped).unwrap();
        let broker = open(place.path(), small_segments());
        let found =
            |timestamp| broker.runtime.block_on(broker.log.offset_for_timestamp(timestamp, Offset(60))).unwrap();
        for i in 0..22 {
            assert_eq!(found(NOW + i * 10).unwrap().offset, Offset(i), "bit {bit}");
        }
        broker.shutdown();
    }
}

#[test]
fn a_retry_after_a_kill_is_a_duplicate() {
    let place = tempfile::tempdir().unwrap();
    let broker = open(place.path(), small_segments());
    for sequence in 0..30 {
        broker.append(&batch_of(4001, sequence, &[1; 900])).unwrap();
    }
    broker.append_durably(&batch_of(4001, 30, b"last")).unwrap();
    broker.kill();
    let broker = open(place.path(), small_segments());
    let again = broker.append(&batch_of(4001, 30, b"last")).unwrap();
    assert!(again.duplicate);
    assert_eq!((again.base_offset, again.durable_at), (Offset(30), Offset(31)));
    let error = broker.append(&batch_of(4001, 32, b"gap")).unwrap_err();
    let expected = ProducerError::OutOfOrderSequence { producer_id: ProducerId(4001), expected: 31, found: 32 };
    assert_eq!(error, AppendError::Producer(expected));
    broker.append(&batch_of(4001, 31, b"next")).unwrap();
    broker.shutdown();
}

#[test]
fn damaged_producer_snapshots_are_made_again_from_the_log() {
    let damages: [fn(&Path); 3] =
        [|path| fs::remove_file(path).unwrap(), |path| fs::write(path, []).unwrap(), |path| flip(path, 9)];
    for damage in damages {
        let place = tempfile::tempdir().unwrap();
        let broker = open(place.path(), small_segments());
        for sequence in 0..40 {
            broker.append(&batch_of(4001, sequence, &[1; 900])).unwrap();
        }
        broker.shutdown();
        let snapshots = files(place.path(), ".snapshot");
        assert!(!snapshots.is_empty());
        for path in &snapshots {
            damage(path);
        }
        let broker = open(place.path(), small_segments());
        assert!(broker.append(&batch_of(4001, 39, &[1; 900])).unwrap().duplicate);
        assert!(!broker.append(&batch_of(4001, 40, &[1; 900])).unwrap().duplicate);
        broker.shutdown();
    }
}

#[test]
fn a_snapshot_beyond_the_end_is_not_believed() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 10);
    let broker = open(place.path(), small_segments());
    for sequence in 0..3 {
        broker.append(&batch_of(7, sequence, b"x")).unwrap();
    }
    broker.shutdown();
    let newest = files(place.path(), ".snapshot").pop().unwrap();
    fs::copy(&newest, newest.with_file_name("00000000000000000099.snapshot")).unwrap();
    let broker = open(place.path(), small_segments());
    assert_eq!(broker.log.log_end(), Offset(13));
    assert!(files(place.path(), "99.snapshot").is_empty());
    assert!(broker.append(&batch_of(7, 2, b"x")).unwrap().duplicate);
    broker.shutdown();
}

#[test]
fn epochs_survive_a_lost_table() {
    let place = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let broker = open(place.path(), LogConfig::default());
        broker.append(&batch(b"x", 5)).unwrap();
        broker.shutdown();
    }
    fs::remove_file(place.path().join("orders-0/leader-epoch-checkpoint")).unwrap();
    let broker = open(place.path(), LogConfig::default());
    for (offset, epoch) in [(0, 0), (4, 0), (5, 1), (14, 2)] {
        assert_eq!(broker.log.epoch_at(Offset(offset)), Some(LeaderEpoch(epoch)), "offset {offset}");
    }
    assert_eq!(broker.log.end_offset_for_epoch(LeaderEpoch(1)), Some((LeaderEpoch(1), Offset(10))));
    broker.shutdown();
}

#[test]
fn leftovers_of_unfinished_work_are_removed() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 3);
    let log = place.path().join("orders-0");
    for name in ["next.tmp", "00000000000000000000.log.deleted", "00000000000000000777.index"] {
        fs::write(log.join(name), b"left over").unwrap();
    }
    let broker = open(place.path(), small_segments());
    for name in ["next.tmp", "00000000000000000000.log.deleted", "00000000000000000777.index"] {
        assert!(!log.join(name).exists(), "{name}");
    }
    assert_eq!(broker.read_all(Offset(0), 100).len(), 3);
    broker.shutdown();
}
