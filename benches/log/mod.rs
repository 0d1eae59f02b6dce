//! One log in a temporary directory, for the benchmarks of the storage engine.

use std::path::PathBuf;
use std::sync::Arc;

use naru_broker::config::{BrokerConfig, DynamicBrokerConfig, Overrides, TopicConfig};
use naru_broker::partition::{Partition, PartitionConfig};
use naru_broker::storage::clock::SystemClock;
use naru_broker::storage::disk::SystemDisk;
use naru_broker::storage::types::{LeaderEpoch, TopicPartition};
use naru_broker::storage::{DataDirectory, LogConfig, Origin, StorageOptions};
use naru_protocol::records::{BatchBuilder, Codec, PayloadValidation, TimestampType, ValidBatch, Validation, validate};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Time stamp of every record.
pub const NOW_MS: i64 = 1_700_000_000_000;

/// A partition and all it needs.
pub struct OneLog {
    pub runtime: Runtime,
    pub partition: Arc<Partition>,
    data: DataDirectory,
    files: TempDir,
}

impl OneLog {
    /// An empty log below the system's directory for temporary files (`TMPDIR`): its device is what is measured.
    pub fn new(log: LogConfig) -> Self {
        let (overrides, dynamic) = (Overrides::default(), DynamicBrokerConfig::default());
        let topic = TopicConfig::resolve(&overrides, &dynamic, &BrokerConfig::default());
        let config = PartitionConfig { topic: Arc::new(topic), log };
        let files = tempfile::tempdir().expect("a directory");
        let disk_and_clock = (Arc::new(SystemDisk), Arc::new(SystemClock::default()));
        let data = DataDirectory::open(disk_and_clock.0, disk_and_clock.1, files.path(), StorageOptions::default());
        let data = data.expect("an empty data directory");
        let partition = Partition::open(
            &data,
            &TopicPartition::new("orders", 0),
            Uuid::from_u128(1),
            config,
            LeaderEpoch(0),
            Arc::default(),
        );
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: runtime.expect("a runtime"), partition: partition.expect("an empty log"), data, files }
    }

    /// Where the log's files are.
    #[allow(dead_code, reason = "one benchmark of two needs it")]
    pub fn directory(&self) -> PathBuf {
        self.files.path().join("orders-0")
    }

    /// Appends, and waits until acks=all would be answered.
    pub fn append(&self, batch: &ValidBatch) {
        self.runtime.block_on(async {
            let appended = self.partition.append(batch, NOW_MS, Origin::Client).await.expect("the disk has room");
            self.partition.high_watermark().reached(appended.durable_at).await.expect("the log is online");
        });
    }
}

impl Drop for OneLog {
    fn drop(&mut self) {
        self.data.shutdown();
    }
}

/// A batch with one record of so many bytes.
pub fn batch(bytes: usize) -> ValidBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    builder.push(NOW_MS, None, Some(&vec![7; bytes]), &[]).expect("a record fits");
    let rules = Validation {
        max_message_bytes: i32::MAX as usize,
        timestamp_type: TimestampType::CreateTime,
        now_ms: NOW_MS,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: false,
        allow_zstd: true,
        payload: PayloadValidation::Full,
    };
    validate(builder.build().expect("a batch"), &rules).expect("a valid batch")
}
