//! Retention: segments that are too old, too many, or below the log start offset are removed.
//!
//! The new log start offset is durable in the checkpoint before a file is unlinked, so no start can find a log that begins
//! with a hole. Logs whose `cleanup.policy` lacks `delete` lose nothing but what lies below their log start offset.

use std::io;
use std::sync::Arc;

use super::config::LogConfig;
use super::data_directory::Shared;
use super::disk::Disk;
use super::log::Log;
use super::segment::{DELETED, INDEX, LOG, SealedSegment, Segment, Segments, TIME_INDEX, file_name};
use super::segment_index::SegmentIndex;
use super::types::{Offset, Position};

impl Shared {
    /// Applies the retention of every log.
    pub(super) fn apply_retention(&self) {
        for log in self.all_logs() {
            if let Err(error) = self.retain(&log) {
                tracing::warn!(log = %log.partition(), %error, "cannot apply retention; it is tried again");
            }
        }
    }

    /// Raises log start offsets, durably: one write of the checkpoint for all of them.
    pub(super) fn advance_log_starts(&self, wanted: &[(Arc<Log>, Offset)]) -> Vec<io::Result<Offset>> {
        let mut unwritten = false;
        for (log, to) in wanted {
            if *to > log.durable_end() {
                log.flush_or_go_offline();
            }
            let to = (*to).min(log.durable_end());
            // Somebody else may have raised it, and not have written that yet.
            unwritten |= log.raise_log_start(to) || self.written_log_start(log) < Some(to);
        }
        if unwritten && let Err(error) = self.write_checkpoint() {
            return wanted.iter().map(|_| Err(io::Error::new(error.kind(), error.to_string()))).collect();
        }
        let outcome = |(log, to): &(Arc<Log>, Offset)| {
            // Of a log that was deleted meanwhile, or whose epochs could not be written, the checkpoint has nothing new.
            if self.written_log_start(log) < Some((*to).min(log.durable_end())) {
                return Err(io::Error::other("the log start offset could not be written"));
            }
            self.remove_below_start(log);
            Ok(log.log_start())
        };
        wanted.iter().map(outcome).collect()
    }

    fn retain(&self, log: &Arc<Log>) -> io::Result<()> {
        let config = log.config();
        if config.delete {
            let now_ms = self.engine.clock.now_ms();
            let segments = log.segments.load_full();
            if let Some(start) = retained_from(&*self.engine.disk, &segments, &config, now_ms, log.log_end()) {
                if start >= log.log_end() {
                    let mut begun = Ok(false);
                    log.in_directory(|| begun = log.begin_empty_segment());
                    if !begun? {
                        return Ok(());
                    }
                }
                log.raise_log_start(start.min(log.durable_end()));
                self.write_checkpoint()?;
            }
            // The active segment is sealed when all of it is to go; the next run removes it.
            let limit_ms = config.retention_ms.map(|limit| now_ms.saturating_sub(limit));
            let active = log.active().filter(|active| active.end() > Position(0));
            let largest = active.as_ref().and_then(|active| active.index.read().largest_timestamp());
            let too_old = largest.zip(limit_ms).is_some_and(|(largest, limit)| (0..limit).contains(&largest.timestamp));
            if too_old || (active.is_some() && config.retention_bytes == Some(0)) {
                log.close();
            }
        }
        self.remove_below_start(log);
        Ok(())
    }

    /// Removes the segments of which every record is below the log start offset. It must be durable.
    fn remove_below_start(&self, log: &Arc<Log>) {
        log.in_directory(|| self.remove_segments(log));
    }

    fn remove_segments(&self, log: &Arc<Log>) {
        let start = log.log_start();
        let mut removed = Vec::new();
        log.change_segments(|segments| {
            // The one that holds the start, or the log end, stays.
            let holding = segments.partition_point(|segment| segment.base_offset() <= start).saturating_sub(1);
            let sealed = segments.iter().take_while(|segment| matches!(segment, Segment::Sealed(_))).count();
            removed.extend(segments.drain(..holding.min(sealed)));
        });
        let delay_ms = log.config().file_delete_delay_ms;
        for segment in removed {
            for suffix in [INDEX, TIME_INDEX, LOG] {
                let path = log.directory.join(file_name(segment.base_offset(), suffix));
                let doomed = log.directory.join(file_name(segment.base_offset(), &format!("{suffix}{DELETED}")));
                match self.engine.disk.rename(&path, &doomed) {
                    Ok(()) => self.unlink_later(doomed, delay_ms),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        tracing::warn!(%error, path = %path.display(), "cannot remove a segment; the next start does");
                    }
                }
            }
        }
    }
}

/// The base offset of the first segment that retention keeps, when it removes any.
fn retained_from(
    disk: &dyn Disk,
    segments: &Segments,
    config: &LogConfig,
    now_ms: i64,
    log_end: Offset,
) -> Option<Offset> {
    let mut excess = config.retention_bytes.map_or(0, |limit| segments.size().saturating_sub(limit.max(0) as u64));
    let mut retained = None;
    for (i, segment) in segments.0.iter().enumerate() {
        let Segment::Sealed(sealed) = segment else { break };
        let next = segments.0.get(i + 1).map(Segment::base_offset);
        // Only a limit of 0 empties a log: what exceeds another one is less than the log.
        let too_large = excess >= u64::from(sealed.size) && sealed.size > 0;
        let too_old = sealed.size > 0
            && config.retention_ms.is_some_and(|limit| is_older(disk, sealed, now_ms.saturating_sub(limit)));
        if !too_large && !too_old {
            break;
        }
        excess = excess.saturating_sub(u64::from(sealed.size));
        retained = Some(next.unwrap_or(log_end));
    }
    retained
}

/// Whether every record of the segment is older. A segment without time stamps, or one that cannot be read, is kept.
fn is_older(disk: &dyn Disk, segment: &SealedSegment, than_ms: i64) -> bool {
    let mut largest = segment.largest_timestamp.lock();
    if largest.is_none() {
        *largest =
            SegmentIndex::load(disk, segment).ok().and_then(|index| index.certain_largest_timestamp(disk, segment));
        segment.close();
    }
    largest.is_some_and(|largest| largest.timestamp >= 0 && largest.timestamp < than_ms)
}
