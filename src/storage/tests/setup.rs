//! A data directory in a temporary place, and batches to put into it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use naru_protocol::records::{
    Batch, BatchBuilder, Codec, PayloadValidation, Record, TimestampType, ValidBatch, Validation, batches, validate,
};
use uuid::Uuid;

use crate::storage::clock::ManualClock;
use crate::storage::disk::{Disk, SystemDisk};
use crate::storage::types::{LeaderEpoch, Offset, TopicPartition};
use crate::storage::{
    AppendAs, AppendError, Appended, DataDirectory, Log, LogConfig, LogObserver, OpenError, Origin, StorageOptions,
};

/// The wall clock of tests.
pub const NOW: i64 = 1_700_000_000_000;

/// The topic of tests.
pub const TOPIC_ID: Uuid = Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0);

/// A running storage engine with one log.
pub struct Broker {
    pub directory: DataDirectory,
    pub clock: Arc<ManualClock>,
    pub log: Arc<Log>,
    pub observer: Arc<Ends>,
    pub runtime: tokio::runtime::Runtime,
}

/// Remembers what an observer hears.
#[derive(Default)]
pub struct Ends {
    pub log_end: AtomicI64,
    pub durable_end: AtomicI64,
    pub log_start: AtomicI64,
    pub offline: AtomicBool,
}

impl LogObserver for Ends {
    fn log_end_advanced(&self, end: Offset) {
        self.log_end.fetch_max(end.0, Ordering::SeqCst);
    }
    fn durable_end_advanced(&self, end: Offset) {
        self.durable_end.fetch_max(end.0, Ordering::SeqCst);
    }
    fn log_start_advanced(&self, start: Offset) {
        self.log_start.fetch_max(start.0, Ordering::SeqCst);
    }
    fn offline(&self, _: &str) {
        self.offline.store(true, Ordering::SeqCst);
    }
}

/// A place in memory, where there is one: for tests that flush thousands of times.
pub fn place_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn partition() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

/// Segments so small that a handful of batches rolls them.
pub fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 16 * 1024, index_interval_bytes: 512, file_delete_delay_ms: 0, ..LogConfig::default() }
}

pub fn open(path: &Path, config: LogConfig) -> Broker {
    open_on(Arc::new(SystemDisk), path, config, StorageOptions::default())
}

pub fn open_on(disk: Arc<dyn Disk>, path: &Path, config: LogConfig, options: StorageOptions) -> Broker {
    try_open(disk, path, config, options).unwrap()
}

/// A data directory without its log.
pub fn open_directory(path: &Path) -> DataDirectory {
    DataDirectory::open(Arc::new(SystemDisk), Arc::new(ManualClock::new(NOW)), path, StorageOptions::default()).unwrap()
}

pub fn try_open(
    disk: Arc<dyn Disk>,
    path: &Path,
    config: LogConfig,
    options: StorageOptions,
) -> Result<Broker, OpenError> {
    let clock = Arc::new(ManualClock::new(NOW));
    let directory = DataDirectory::open(disk, clock.clone(), path, options)?;
    let observer = Arc::new(Ends::default());
    let log = directory.open_log(&partition(), TOPIC_ID, config, observer.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    Ok(Broker { directory, clock, log, observer, runtime })
}

impl Broker {
    pub fn append(&self, batch: &ValidBatch) -> Result<Appended, AppendError> {
        let how = AppendAs {
            leader_epoch: LeaderEpoch(self.directory.meta().incarnation),
            now_ms: NOW,
            origin: Origin::Client,
        };
        self.runtime.block_on(self.log.append(batch, how))
    }

    /// Appends and waits until it is durable.
    pub fn append_durably(&self, batch: &ValidBatch) -> Result<Appended, AppendError> {
        let appended = self.append(batch)?;
        self.runtime.block_on(self.log.flush())?;
        assert!(self.log.durable_end() >= appended.durable_at);
        Ok(appended)
    }

    pub fn advance_log_start(&self, to: Offset) -> std::io::Result<Offset> {
        self.directory.advance_log_starts(&[(self.log.clone(), to)]).remove(0)
    }

    /// Everything from `from` to the log end, in reads of `max_bytes`.
    pub fn read_all(&self, from: Offset, max_bytes: usize) -> Vec<Batch> {
        let mut read = Vec::new();
        let mut next = from;
        while next < self.log.log_end() {
            let chunks =
                self.runtime.block_on(self.log.read(next, max_bytes, self.log.log_end(), true)).unwrap().chunks;
            assert!(!chunks.is_empty(), "nothing at {next} of {}", self.log.log_end());
            for batch in chunks.into_iter().flat_map(batches) {
                let batch = batch.unwrap();
                assert!(batch.crc_is_valid());
                assert!(batch.header().last_offset() >= next.0);
                next = Offset(batch.header().next_offset());
                read.push(batch);
            }
        }
        read
    }

    /// Stops as a killed process does: nothing is flushed or written any more, and the lock is free.
    pub fn kill(self) {
        let Self { directory, runtime, log, .. } = self;
        log.go_offline("killed by the test");
        wait_until("helper and flusher to stop", || log.is_quiet());
        drop(directory);
        drop(runtime);
    }

    pub fn shutdown(self) {
        self.directory.shutdown();
    }
}

/// Waits for a condition.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A batch of records with this value and these time stamps.
pub fn batch_at(value: &[u8], timestamps: &[i64]) -> ValidBatch {
    build(value, timestamps, BatchBuilder::new(Codec::None))
}

/// A batch of `count` records with this value.
pub fn batch(value: &[u8], count: usize) -> ValidBatch {
    batch_at(value, &vec![NOW; count])
}

/// A batch of an idempotent producer.
pub fn batch_of(producer_id: i64, sequence: i32, value: &[u8]) -> ValidBatch {
    build(value, &[NOW], BatchBuilder::new(Codec::None).producer(producer_id, 0, sequence))
}

fn build(value: &[u8], timestamps: &[i64], mut builder: BatchBuilder) -> ValidBatch {
    for timestamp in timestamps {
        builder.push(*timestamp, None, Some(value), &[]).unwrap();
    }
    let bytes: Bytes = builder.build().unwrap();
    let rules = Validation {
        max_message_bytes: 1 << 20,
        timestamp_type: TimestampType::CreateTime,
        now_ms: NOW,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: false,
        allow_zstd: true,
        payload: PayloadValidation::Full,
    };
    validate(bytes, &rules).unwrap()
}

/// The values of a batch's records.
pub fn values(batch: &Batch) -> Vec<Bytes> {
    batch.records().map(|record: Result<Record, _>| record.unwrap().value.unwrap()).collect()
}
