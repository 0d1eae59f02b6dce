//! What was answered is there after failures of the disk.

use std::io::ErrorKind;
use std::path::Path;

use naru_protocol::ErrorCode;

use super::*;
use crate::storage::clock::{Clock, SystemClock};
use crate::storage::faulty_disk::{FaultyDisk, Operation};
use crate::storage::{DataDirectory, StorageOptions};

/// A place in memory, where there is one: the disk that counts is the faulty one.
fn place_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

struct Running {
    directory: DataDirectory,
    log: Arc<StorageMetadataLog>,
    store: Arc<MetadataStore>,
}

async fn start(disk: &FaultyDisk, path: &Path) -> Option<Running> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let options = StorageOptions::default();
    let directory = DataDirectory::open(Arc::new(disk.clone()), Arc::clone(&clock), path, options).ok()?;
    let log = Arc::new(StorageMetadataLog::open(&directory, clock).ok()?);
    let epoch = i64::from(directory.meta().incarnation);
    let store = MetadataStore::open(Arc::clone(&log) as Arc<dyn MetadataLog>, Arc::default(), epoch).await.ok()?;
    Some(Running { directory, log, store })
}

/// Creates topics and deletes every third one, until the disk dies. Returns the names of those that were answered:
/// whether they exist.
async fn scenario(disk: &FaultyDisk, path: &Path) -> Vec<(String, bool)> {
    let mut answered = Vec::new();
    for run in 0..2 {
        let Some(running) = start(disk, path).await else { return answered };
        for number in 0..4 {
            let name = format!("topic-{run}-{number}");
            if running.store.ensure_topic(&name).await.is_err() {
                break;
            }
            let delete = number == 2;
            if delete && running.store.delete_topics(vec![named(&name)], None).await.is_err() {
                break;
            }
            answered.push((name, !delete));
        }
        drop((running.store, running.log));
        running.directory.shutdown();
    }
    answered
}

async fn check(disk: &FaultyDisk, path: &Path, answered: &[(String, bool)], what: &str) {
    let running = start(disk, path).await.unwrap_or_else(|| panic!("{what}: the broker does not start"));
    let image = running.store.image();
    for (name, exists) in answered {
        assert_eq!(image.topic(name).is_some(), *exists, "{what}: {name}");
        assert!(image.topic(name).is_none_or(|topic| topic.partitions == 1), "{what}: {name}");
    }
    running.store.ensure_topic("life-goes-on").await.unwrap_or_else(|error| panic!("{what}: {error}"));
    drop((running.store, running.log));
    running.directory.shutdown();
}

#[tokio::test]
async fn what_was_answered_survives_a_power_cut_at_any_change() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let answered = scenario(&disk, place.path()).await;
    assert_eq!(answered.len(), 8);
    check(&disk, place.path(), &answered, "no fault").await;
    // Housekeeping makes changes too, so their number is not the same each time; every n is a fair moment all the same.
    for n in 0..disk.changes() {
        let place = place_in_memory();
        let disk = FaultyDisk::new(place.path());
        disk.stop_after(n);
        let answered = scenario(&disk, place.path()).await;
        disk.cut_power(n).unwrap();
        check(&disk, place.path(), &answered, &format!("power cut at change {n}")).await;
    }
}

#[tokio::test]
async fn a_failed_flush_is_told_and_ends_all_changes() {
    let place = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(place.path());
    let running = start(&disk, place.path()).await.unwrap();
    running.store.ensure_topic("orders").await.unwrap();
    disk.fail(Operation::Flush, 0, ErrorKind::Other);
    let error = running.store.ensure_topic("lost").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KAFKA_STORAGE_ERROR);
    assert!(!running.log.failed().await.is_empty());
    assert!(running.store.image().topic("lost").is_none());
    running.store.ensure_topic("refused").await.unwrap_err();
}
