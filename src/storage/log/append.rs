//! Appending: everything between a validated batch and its place in the map.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use naru_protocol::records::ValidBatch;

use super::{DELETED, Log, OFFLINE, Phase, Writer};
use crate::storage::config::{FlushPolicy, LogConfig};
use crate::storage::producer_state::{Origin, ProducerError, Verdict};
use crate::storage::segment::RollLimits;
use crate::storage::types::{LeaderEpoch, Offset};

/// With `durability = os`, a flush is started after so many bytes: it bounds what a start after a kill has to scan
/// and to store again. Write-back was started long before, so it holds nothing up.
const OS_FLUSH_BYTES: u64 = 64 << 20;

/// How a batch is appended.
#[derive(Debug, Clone, Copy)]
pub struct AppendAs {
    /// The epoch of this leadership; written into the batch.
    pub leader_epoch: LeaderEpoch,
    /// Wall clock, milliseconds since 1970.
    pub now_ms: i64,
    /// On whose behalf; a coordinator needs no sequence.
    pub origin: Origin,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// The log start offset at that moment.
    pub log_start_offset: Offset,
    /// The largest time stamp of the stored batch. Of a duplicate, Kafka answers it as the log append time.
    pub max_timestamp: i64,
    /// The batch was there already: this is where.
    pub duplicate: bool,
    /// The batch is durable when the durable end reaches this offset.
    pub durable_at: Offset,
}

/// Why a batch was not appended. Nothing of it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The producer's sequence or epoch is not the one expected.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// Larger than `segment.bytes`, so it fits no segment.
    #[error("a batch of {size} bytes is larger than segment.bytes ({segment_bytes})")]
    TooLarge {
        /// Size of the batch.
        size: usize,
        /// The limit.
        segment_bytes: u32,
    },
    /// The disk is full, or the process has no descriptors or maps left. Reads go on; appends are taken again as soon as
    /// there is room.
    #[error(
        "no room for the batch: the disk is full, or files or maps are used up; make room and the log goes on by itself"
    )]
    NoSpace,
    /// A flush or another final operation failed before.
    #[error("the log is offline after a disk error; see the broker's log, then restart it")]
    Offline,
    /// The topic was deleted.
    #[error("the topic was deleted")]
    Deleted,
    /// The offsets of the partition are used up.
    #[error("no offsets are left in this partition")]
    OffsetsUsedUp,
}

enum Attempt {
    Done(Appended),
    /// The helper makes room; try again when it says so.
    Wait,
}

impl Log {
    /// Appends one batch. Readers can see it when this returns, and with `durability = fsync` a flush is under way.
    ///
    /// Waits, without any lock, only while the helper makes room. A caller that stops waiting has appended nothing.
    pub async fn append(self: &Arc<Self>, batch: &ValidBatch, how: AppendAs) -> Result<Appended, AppendError> {
        loop {
            // Made before the attempt, so that no wake-up between attempt and wait is lost.
            let room = self.room.notified();
            match self.try_append(batch, &how)? {
                Attempt::Done(appended) => return Ok(appended),
                Attempt::Wait => room.await,
            }
        }
    }

    fn try_append(self: &Arc<Self>, batch: &ValidBatch, how: &AppendAs) -> Result<Attempt, AppendError> {
        let config = self.config.load();
        let mut writer = self.writer.lock();
        match self.state.load(Ordering::Acquire) {
            OFFLINE => return Err(AppendError::Offline),
            DELETED => return Err(AppendError::Deleted),
            _ => {}
        }
        if let Verdict::Duplicate { base_offset, last_offset, timestamp } =
            writer.producers.check(&batch.header, how.origin)?
        {
            return Ok(Attempt::Done(Appended {
                duplicate: true,
                ..self.appended(base_offset, last_offset, timestamp)
            }));
        }
        if !self.has_room(&mut writer, batch, how, &config)? {
            drop(writer);
            self.request_tending();
            return Ok(Attempt::Wait);
        }
        let appended = match self.store(&mut writer, batch, how, &config) {
            Ok(appended) => appended,
            Err(error) => {
                // Room was checked: the map and the file disagree about it, and nothing can be trusted any more.
                drop(writer);
                self.go_offline(&format!("cannot store to the active segment: {error}"));
                return Err(AppendError::Offline);
            }
        };
        let flush = writer.note_unflushed(&appended, batch.header.size(), self.flush.covered(), config.flush);
        let tend = matches!(&writer.phase, Phase::Open(segment) if segment.segment.end().0 >= writer.tend_at);
        drop(writer);

        self.observer.log_end_advanced(appended.durable_at);
        if flush {
            self.request_flush();
        }
        if tend {
            self.request_tending();
        }
        Ok(Attempt::Done(appended))
    }

    /// Whether the active segment can take the batch now. If not, notes what the helper has to do for it.
    fn has_room(
        &self,
        writer: &mut Writer,
        batch: &ValidBatch,
        how: &AppendAs,
        config: &LogConfig,
    ) -> Result<bool, AppendError> {
        let size = batch.header.size();
        if size > config.segment_bytes as usize {
            return Err(AppendError::TooLarge { size, segment_bytes: config.segment_bytes });
        }
        let Some(last_offset) =
            self.log_end().0.checked_add(i64::from(batch.header.last_offset_delta)).filter(|last| *last < i64::MAX)
        else {
            return Err(AppendError::OffsetsUsedUp);
        };
        let end = match &writer.phase {
            Phase::Open(segment) => {
                let limits = self.roll_limits(config, segment.segment.base_offset);
                let full = segment.is_full(size, Offset(last_offset), batch.header.max_timestamp, how.now_ms, &limits);
                let wanted = segment.segment.end().0 as usize + size;
                if !full && wanted <= segment.segment.map.reserved() {
                    return Ok(true);
                }
                (!full).then_some(wanted)
            }
            Phase::Dormant { .. } => None,
            Phase::Rolling(_) | Phase::Closing(_) | Phase::Changing => return Ok(false),
        };
        if writer.refused_until.is_some_and(|until| self.engine.clock.monotonic() < until) {
            return Err(AppendError::NoSpace);
        }
        match (end, std::mem::replace(&mut writer.phase, Phase::Changing)) {
            (Some(wanted), open) => {
                writer.wanted = writer.wanted.max(wanted);
                writer.phase = open;
            }
            (None, Phase::Open(segment)) => writer.phase = Phase::Rolling(segment),
            (None, Phase::Dormant { .. }) => writer.phase = Phase::Dormant { wanted: true },
            (None, busy) => writer.phase = busy,
        }
        Ok(false)
    }

    /// Copies the batch behind the log end, publishes it, and updates what is derived from it.
    fn store(
        &self,
        writer: &mut Writer,
        batch: &ValidBatch,
        how: &AppendAs,
        config: &LogConfig,
    ) -> io::Result<Appended> {
        let base_offset = self.log_end();
        let mut header = batch.header;
        header.base_offset = base_offset.0;
        header.partition_leader_epoch = how.leader_epoch.0;
        let last_offset = Offset(header.last_offset());
        let Phase::Open(segment) = &mut writer.phase else { return Err(io::ErrorKind::NotConnected.into()) };
        segment.append(&header, batch.body(), config.index_interval_bytes as usize)?;
        if writer.epoch != Some(how.leader_epoch) {
            writer.epoch = Some(how.leader_epoch);
            if self.epochs.write().assign(how.leader_epoch, base_offset) {
                self.epochs_dirty.store(true, Ordering::Release);
            }
        }
        writer.producers.append(&header, base_offset, how.now_ms);
        self.last_append.store(self.engine.now(), Ordering::Relaxed);
        self.log_end.store(last_offset.0 + 1, Ordering::Release);
        Ok(self.appended(base_offset, last_offset, header.max_timestamp))
    }

    fn appended(&self, base_offset: Offset, last_offset: Offset, max_timestamp: i64) -> Appended {
        let (log_start_offset, durable_at) = (self.log_start(), Offset(last_offset.0.saturating_add(1)));
        Appended { base_offset, last_offset, log_start_offset, max_timestamp, duplicate: false, durable_at }
    }

    pub(super) fn roll_limits(&self, config: &LogConfig, base_offset: Offset) -> RollLimits {
        // The same for one segment at any time, and different from that of its neighbours.
        let spread = base_offset.0.wrapping_mul(0x9E37_79B9).wrapping_add(i64::from(self.partition.partition))
            & i64::from(i32::MAX);
        let jitter = if config.segment_jitter_ms > 0 { spread % config.segment_jitter_ms } else { 0 };
        RollLimits {
            segment_bytes: config.segment_bytes as usize,
            segment_ms: config.segment_ms.saturating_sub(jitter),
            segment_index_bytes: config.segment_index_bytes as usize,
        }
    }
}

impl Writer {
    /// Notes a batch of so many bytes and says whether a flush is due. What is below `covered` needs none, whatever the
    /// reason was for the flush that took it.
    fn note_unflushed(&mut self, appended: &Appended, bytes: usize, covered: Offset, policy: FlushPolicy) -> bool {
        let FlushPolicy::Os { every_messages, .. } = policy else { return true };
        if std::mem::replace(&mut self.covered, covered) != covered {
            self.unflushed_bytes = 0;
        }
        self.unflushed_bytes += bytes as u64;
        let records = u64::try_from(appended.durable_at.0 - covered.0).unwrap_or(0);
        self.unflushed_bytes >= OS_FLUSH_BYTES || every_messages.is_some_and(|limit| records >= limit)
    }
}
