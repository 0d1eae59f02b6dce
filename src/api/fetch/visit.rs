//! One look at one partition.

use std::sync::Arc;

use bytes::Bytes;
use naru_protocol::messages::fetch::{EpochEndOffset, PartitionData};
use naru_protocol::{ErrorCode, Records};

use crate::fetch::{Asked, Due};
use crate::partition::{Divergence, Fetched, HighWatermark, Partition};
use crate::storage::types::Offset;

use super::lookup::Missing;

/// What a look has found.
pub(super) struct Visit {
    pub(super) due: Due,
    partition: Option<Arc<Partition>>,
    found: Found,
    available: usize,
    /// Whether nothing could follow when it was read: its log is offline or its topic deleted.
    was_closed: bool,
}

enum Found {
    Records(Fetched),
    Diverged(Divergence, Fetched),
    Unknown(ErrorCode),
    Failed(ErrorCode),
}

impl Found {
    fn bytes(&self) -> usize {
        match self {
            Self::Records(fetched) => fetched.records.iter().map(Bytes::len).sum(),
            Self::Diverged(..) | Self::Unknown(_) | Self::Failed(_) => 0,
        }
    }

    /// See [`Visit::available`]. Where nothing was found though anything would have done, there were no buffers: the reader
    /// is not to ask again at once.
    fn available(&self, max_bytes: usize, at_least_one: bool) -> usize {
        let bytes = self.bytes();
        match self {
            Self::Records(fetched) if fetched.is_cut && (bytes > 0 || !at_least_one) => bytes.max(max_bytes),
            _ => bytes,
        }
    }
}

impl Visit {
    /// Reads a partition. With `at_least_one` the first batch may exceed `max_bytes`.
    pub(super) async fn pay(
        due: Due,
        partition: Result<Arc<Partition>, Missing>,
        asked: Asked,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Self {
        let partition = match partition {
            Ok(partition) => partition,
            Err(missing) => {
                let found = match missing {
                    Missing::Unknown(error_code) => Found::Unknown(error_code),
                    Missing::Failed(error_code) => Found::Failed(error_code),
                };
                return Self { due, partition: None, found, available: 0, was_closed: false };
            }
        };
        let was_closed = partition.high_watermark().closed().is_some();
        let found = read(&partition, asked, max_bytes, at_least_one).await.unwrap_or_else(Found::Failed);
        let available = found.available(max_bytes, at_least_one);
        Self { due, partition: Some(partition), found, available, was_closed }
    }

    /// How many bytes of records were found.
    pub(super) fn bytes(&self) -> usize {
        self.found.bytes()
    }

    /// How many bytes count towards what the reader waits for: Kafka's answers may end within a batch, so that there is as much
    /// as fits.
    pub(super) fn available(&self) -> usize {
        self.available
    }

    /// Whether the partition does not exist.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.found, Found::Unknown(_))
    }

    /// Whether the reader's log and this one went different ways.
    pub(super) fn is_divergence(&self) -> bool {
        matches!(self.found, Found::Diverged(..))
    }

    /// Whether the reader should know at once, however much it asked for.
    pub(super) fn is_final(&self) -> bool {
        self.was_closed || matches!(self.found, Found::Diverged(..) | Found::Failed(_))
    }

    /// Whether records that were found may have been deleted since.
    pub(super) fn is_outdated(&self) -> bool {
        match (&self.found, &self.partition) {
            (Found::Records(fetched), Some(partition)) => partition.log().log_start() > fetched.log_start,
            _ => false,
        }
    }

    /// Whether the topic was deleted under the eyes of a reader who waited for it. That is answered in the same way whether the
    /// metadata or the log is seen to be gone first.
    pub(super) fn note_deletion(&mut self) -> bool {
        let Found::Unknown(error_code) = self.found else { return false };
        self.found = Found::Failed(error_code);
        true
    }

    /// The high watermark at which there is more than was found.
    pub(super) fn next(&self) -> Option<(&Arc<HighWatermark>, Offset)> {
        match (&self.found, &self.partition) {
            (Found::Records(fetched), Some(partition)) => {
                Some((partition.high_watermark(), Offset(fetched.high_watermark.0.saturating_add(1))))
            }
            _ => None,
        }
    }

    /// The same, if until then there is nothing for a reader at `offset`.
    pub(super) fn quiet_until(&self, offset: i64) -> Option<(Arc<HighWatermark>, Offset)> {
        let Found::Records(fetched) = &self.found else { return None };
        let (high_watermark, target) = self.next()?;
        (fetched.high_watermark.0 <= offset).then(|| (Arc::clone(high_watermark), target))
    }

    /// What the reader is told.
    pub(super) fn answer(self, partition_index: i32, read_committed: bool) -> PartitionData {
        let nothing = PartitionData {
            partition_index,
            high_watermark: -1,
            aborted_transactions: None,
            records: Some(Records::default()),
            ..Default::default()
        };
        match self.found {
            // An empty list where others have none: so Kafka answers about what does not exist.
            Found::Unknown(error_code) => {
                PartitionData { error_code, aborted_transactions: Some(Vec::new()), ..nothing }
            }
            Found::Failed(error_code) => PartitionData { error_code, ..nothing },
            Found::Diverged(divergence, place) => PartitionData {
                high_watermark: place.high_watermark.0,
                last_stable_offset: place.last_stable_offset.0,
                log_start_offset: place.log_start.0,
                diverging_epoch: EpochEndOffset { epoch: divergence.epoch.0, end_offset: divergence.end.0 },
                ..nothing
            },
            Found::Records(fetched) => PartitionData {
                high_watermark: fetched.high_watermark.0,
                last_stable_offset: fetched.last_stable_offset.0,
                log_start_offset: fetched.log_start.0,
                aborted_transactions: read_committed.then(Vec::new),
                records: Some(fetched.records.into()),
                ..nothing
            },
        }
    }
}

async fn read(partition: &Partition, asked: Asked, max_bytes: usize, at_least_one: bool) -> Result<Found, ErrorCode> {
    // Every negative epoch is none here, while other APIs take those below -1 for old ones.
    let [current, last_fetched] = [asked.current_leader_epoch, asked.last_fetched_epoch].map(|epoch| epoch.max(-1));
    partition.check_leader_epoch(current).map_err(|error| ErrorCode::from(&error))?;
    let from = Offset(asked.offset);
    let divergence = partition.divergence(from, last_fetched).map_err(|error| ErrorCode::from(&error))?;
    if let Some(divergence) = divergence {
        return Ok(Found::Diverged(divergence, partition.place()));
    }
    let fetched = partition.read(from, max_bytes, at_least_one).await;
    fetched.map(Found::Records).map_err(|error| ErrorCode::from(&error))
}
