//! The directories in which brokers keep their logs, and how much is in them.

use std::collections::HashMap;

use bytestring::ByteString;
use naru_protocol::ApiKey;
use naru_protocol::messages::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResult};

use super::call::{Twice, check, in_order};
use super::{Admin, Each};
use crate::call::Target;
use crate::error::Error;
use crate::record::TopicPartition;

/// A directory of a broker with the logs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogDir {
    /// Bytes of the file system that it lies on, if the broker tells (Kafka 3.3 and newer).
    pub total_bytes: Option<u64>,
    /// Bytes of them that the broker can still use.
    pub usable_bytes: Option<u64>,
    /// Whether no new logs are put into it.
    pub cordoned: bool,
    /// The logs, by topic and partition.
    pub logs: Vec<LogSize>,
}

/// How large a partition's log is on one broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogSize {
    /// The partition.
    pub partition: TopicPartition,
    /// Bytes of record batches in all its segments.
    pub size_bytes: u64,
    /// How many offsets it is behind: the high watermark, or where it is a copy for another directory, the log itself.
    pub offset_lag: u64,
    /// Whether it is a copy that will replace the log, when the log moves to another directory.
    pub is_future: bool,
}

impl Admin {
    /// The log directories of all brokers, by the broker's id and the directory's path.
    ///
    /// ```no_run
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for (broker, directories) in admin.describe_log_dirs().await? {
    ///     for (path, directory) in directories? {
    ///         let bytes: u64 = directory?.logs.iter().map(|log| log.size_bytes).sum();
    ///         println!("broker {broker}: {bytes} bytes in {path}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn describe_log_dirs(&self) -> Result<Each<i32, Each<ByteString, LogDir>>, Error> {
        let brokers = self.one(self.deadline(), Twice::Harmless, || self.broker_ids()).await?;
        let attempt = |brokers: Vec<i32>| async move {
            let mut answers = HashMap::new();
            for broker in &brokers {
                answers.insert(*broker, self.log_dirs_once(*broker).await);
            }
            Ok(in_order(ApiKey::DescribeLogDirs, &brokers, &answers))
        };
        self.each(self.deadline(), Twice::Harmless, brokers, attempt).await
    }

    /// The log directories of one broker, by path.
    pub async fn describe_log_dirs_of(&self, broker: i32) -> Result<Each<ByteString, LogDir>, Error> {
        self.one(self.deadline(), Twice::Harmless, || self.log_dirs_once(broker)).await
    }

    async fn log_dirs_once(&self, broker: i32) -> Result<Each<ByteString, LogDir>, Error> {
        let request = DescribeLogDirsRequest { topics: None };
        let answer = self.ask(Target::Node(broker), 1..=5, |_| request).await?;
        check(ApiKey::DescribeLogDirs, answer.error_code, None)?;
        let directory = |found: DescribeLogDirsResult| {
            let checked = check(ApiKey::DescribeLogDirs, found.error_code, None);
            (found.log_dir.clone(), checked.map(|()| log_dir(found)))
        };
        Ok(answer.results.into_iter().map(directory).collect())
    }
}

fn log_dir(found: DescribeLogDirsResult) -> LogDir {
    let topics = found.topics.into_iter().flat_map(|topic| {
        let name = topic.name;
        topic.partitions.into_iter().map(move |log| LogSize {
            partition: TopicPartition { topic: name.clone(), partition: log.partition_index },
            size_bytes: log.partition_size.try_into().unwrap_or_default(),
            offset_lag: log.offset_lag.try_into().unwrap_or_default(),
            is_future: log.is_future_key,
        })
    });
    let mut logs: Vec<LogSize> = topics.collect();
    logs.sort_by(|a, b| a.partition.cmp(&b.partition));
    LogDir {
        total_bytes: found.total_bytes.try_into().ok(),
        usable_bytes: found.usable_bytes.try_into().ok(),
        cordoned: found.is_cordoned,
        logs,
    }
}
