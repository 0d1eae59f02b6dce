//! Look-ups by time: the first record that is not older than a time stamp, and the record with the largest one.
//!
//! As in Kafka they look at records, inside compressed batches too. They run on a blocking thread: they read files.

use std::ops::ControlFlow;
use std::sync::Arc;

use naru_protocol::records::{Batch, RecordPosition};

use super::disk::DiskFile;
use super::log::{Log, ReadError};
use super::scan::{ScanError, Scanner};
use super::segment::{Segment, Segments};
use super::segment_index::SegmentIndex;
use super::types::{LeaderEpoch, Offset, Position, TimestampOffset};

/// The answer of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordByTime {
    /// The record's offset.
    pub offset: Offset,
    /// Its time stamp, milliseconds since 1970.
    pub timestamp: i64,
    /// The leader epoch under which it was appended.
    pub leader_epoch: LeaderEpoch,
}

/// A segment opened for look-ups.
struct Opened {
    file: Arc<dyn DiskFile>,
    index: SegmentIndex,
    end: Position,
}

impl Log {
    /// The first record below `until` with at least this time stamp.
    pub async fn offset_for_timestamp(
        self: &Arc<Self>,
        timestamp: i64,
        until: Offset,
    ) -> Result<Option<RecordByTime>, ReadError> {
        self.look_up(move |log, segments| log.first_not_older(segments, timestamp, until)).await
    }

    /// The first of the records below `until` that have the largest time stamp.
    pub async fn max_timestamp(self: &Arc<Self>, until: Offset) -> Result<Option<RecordByTime>, ReadError> {
        self.look_up(move |log, segments| log.youngest(segments, until)).await
    }

    async fn look_up(
        self: &Arc<Self>,
        look: impl FnOnce(&Self, &Segments) -> Result<Option<RecordByTime>, ScanError> + Send + 'static,
    ) -> Result<Option<RecordByTime>, ReadError> {
        let log = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let segments = log.segments.load_full();
            look(&log, &segments)
        });
        match looked.await {
            Ok(found) => found.map_err(|error| self.damaged(self.log_start(), &error)),
            Err(stopped) => Err(self.damaged(self.log_start(), &stopped)),
        }
    }

    fn first_not_older(
        &self,
        segments: &Segments,
        timestamp: i64,
        until: Offset,
    ) -> Result<Option<RecordByTime>, ScanError> {
        for segment in segments.from(self.log_start()) {
            if segment.base_offset() >= until {
                break;
            }
            let opened = self.open_for_look_up(segment)?;
            if opened.index.largest_timestamp().is_none_or(|largest| largest.timestamp < timestamp) {
                continue;
            }
            let from = opened.start_for(timestamp);
            let mut scanner = Scanner::new(&*opened.file, from, opened.end);
            while let Some(batch) = scanner.next_header()? {
                if batch.header.base_offset >= until.0 {
                    return Ok(None);
                }
                if batch.header.max_timestamp < timestamp || batch.last_offset() < self.log_start() {
                    continue;
                }
                let found = self.first_record(&opened, batch.position, |record| record.timestamp >= timestamp)?;
                if found.is_some() {
                    return Ok(found.filter(|found| found.offset < until));
                }
            }
        }
        Ok(None)
    }

    fn youngest(&self, segments: &Segments, until: Offset) -> Result<Option<RecordByTime>, ScanError> {
        let mut first = None;
        let mut youngest: Option<(TimestampOffset, Opened)> = None;
        for segment in segments.from(self.log_start()) {
            if segment.base_offset() >= until {
                break;
            }
            let opened = self.open_for_look_up(segment)?;
            let largest = match opened.index.largest_timestamp() {
                Some(largest) if largest.offset < until && largest.offset >= self.log_start() => Some(largest),
                // It does not count: the others have to be looked at one by one.
                Some(_) => opened.largest_between(self.log_start(), until)?,
                None => None,
            };
            if let Some(largest) = largest.filter(|largest| largest.timestamp >= 0)
                && youngest.as_ref().is_none_or(|(so_far, _)| largest.timestamp > so_far.timestamp)
            {
                youngest = Some((largest, opened));
            } else if first.is_none() {
                first = Some(opened);
            }
        }
        let Some((largest, opened)) = youngest else {
            // Where no record has a time stamp, Kafka takes the first one.
            return first.map_or(Ok(None), |first| self.first_record(&first, Position(0), |r| r.offset < until.0));
        };
        let Some(batch) = opened.index.batch_with(&*opened.file, opened.end.0, largest.offset) else { return Ok(None) };
        self.first_record(&opened, batch.position, |record| record.timestamp == largest.timestamp)
    }

    /// The first record of the batch at `position` that fits and is not below the log start.
    fn first_record(
        &self,
        opened: &Opened,
        position: Position,
        fits: impl Fn(&RecordPosition) -> bool,
    ) -> Result<Option<RecordByTime>, ScanError> {
        let mut scanner = Scanner::new(&*opened.file, position, opened.end);
        let Some((batch, bytes)) = scanner.next_batch()? else { return Ok(None) };
        let invalid = |_| ScanError::Invalid { position, reason: "the records of the batch cannot be read" };
        let contents = Batch::parse(bytes::Bytes::copy_from_slice(bytes)).map_err(invalid)?;
        let log_start = self.log_start().0;
        let found = contents.skim(|record| {
            if record.offset >= log_start && fits(&record) {
                ControlFlow::Break(record)
            } else {
                ControlFlow::Continue(())
            }
        });
        let leader_epoch = LeaderEpoch(batch.header.partition_leader_epoch);
        Ok(found.map_err(invalid)?.map(|record| RecordByTime {
            offset: Offset(record.offset),
            timestamp: record.timestamp,
            leader_epoch,
        }))
    }

    fn open_for_look_up(&self, segment: &Segment) -> Result<Opened, ScanError> {
        match segment {
            Segment::Active(segment) => {
                // The end after the index: whatever the index points to lies below it.
                let index = segment.index.read().clone();
                Ok(Opened { file: segment.file.clone(), index, end: segment.end() })
            }
            Segment::Sealed(segment) => {
                segment.touch(self.engine.now());
                let disk = &*self.engine.disk;
                let file = segment.open(disk).map_err(|source| ScanError::Io { position: Position(0), source })?;
                let index = SegmentIndex::load(disk, segment)?;
                Ok(Opened { file, index, end: Position(segment.size) })
            }
        }
    }
}

impl Opened {
    /// Where to start looking for records with at least this time stamp. An entry that does not say what its batch says is not used.
    fn start_for(&self, timestamp: i64) -> Position {
        let before = self.index.times.lookup(timestamp);
        match self.index.batch_with(&*self.file, self.end.0, before) {
            Some(batch)
                if self.index.points_right(&*self.file, self.end.0, before)
                    && batch.header.max_timestamp <= timestamp =>
            {
                batch.position
            }
            _ => Position(0),
        }
    }

    fn largest_between(&self, from: Offset, until: Offset) -> Result<Option<TimestampOffset>, ScanError> {
        let mut largest: Option<TimestampOffset> = None;
        let mut scanner = Scanner::new(&*self.file, Position(0), self.end);
        while let Some(batch) = scanner.next_header()? {
            let counts = batch.last_offset() >= from && batch.last_offset() < until;
            if counts && largest.is_none_or(|largest| batch.header.max_timestamp > largest.timestamp) {
                largest = Some(TimestampOffset { timestamp: batch.header.max_timestamp, offset: batch.last_offset() });
            }
        }
        Ok(largest)
    }
}
