//! `--show indexes`: the entries of offset and time indexes, compared with the log.

use std::collections::BTreeMap;
use std::{fs, io};

use serde::Serialize;

use super::directory::{LogDirectory, file_name};
use super::{Damage, OffsetBounds, Report, Scan};
use crate::cli::Failure;
use crate::cli::offset::time;
use crate::cli::output::Row;

#[derive(Serialize)]
pub(super) struct Entry {
    topic: String,
    partition: i32,
    segment: i64,
    index: &'static str,
    entry: usize,
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    right: bool,
}

impl Row for Entry {
    const COLUMNS: &'static [&'static str] =
        &["PARTITION", ">SEGMENT", "INDEX", ">ENTRY", ">OFFSET", "POINTS TO", "IS"];

    fn cells(&self) -> Vec<String> {
        let target = match (self.position, self.timestamp) {
            (Some(position), _) => format!("byte {position}"),
            (None, Some(timestamp)) => time(timestamp),
            (None, None) => "-".to_owned(),
        };
        vec![
            format!("{}-{}", self.topic, self.partition),
            self.segment.to_string(),
            self.index.to_owned(),
            self.entry.to_string(),
            self.offset.to_string(),
            target,
            if self.right { "right" } else { "wrong" }.to_owned(),
        ]
    }
}

/// What the log says, to compare with.
#[derive(Default)]
struct Batches {
    /// Last offset of each batch by its position.
    by_position: BTreeMap<u64, i64>,
    /// Largest time stamp of each batch by its last offset.
    by_last_offset: BTreeMap<i64, i64>,
}

pub(super) fn show(log: &LogDirectory, bounds: OffsetBounds, report: &mut Report<Entry>) -> Result<(), Failure> {
    for segment in log.segments() {
        let mut batches = Batches::default();
        if let Ok(scan) = Scan::open(&log.file(segment, ".log"), segment) {
            for found in scan.flatten() {
                batches.by_position.insert(found.position, found.header.last_offset());
                batches.by_last_offset.insert(found.header.last_offset(), found.header.max_timestamp);
            }
        }
        offset_index(log, segment, &batches, bounds, report)?;
        time_index(log, segment, &batches, bounds, report)?;
    }
    Ok(())
}

fn offset_index(
    log: &LogDirectory,
    segment: i64,
    batches: &Batches,
    bounds: OffsetBounds,
    report: &mut Report<Entry>,
) -> Result<(), Failure> {
    entries::<8>(log, segment, ".index", report, |entry, [a, b, c, d, e, f, g, h], report| {
        let offset = segment.saturating_add(i64::from(u32::from_be_bytes([a, b, c, d])));
        let position = u64::from(u32::from_be_bytes([e, f, g, h]));
        let right = batches.by_position.get(&position) == Some(&offset);
        if !bounds.touches(offset, offset) {
            return Ok(right);
        }
        let (topic, partition) = (log.partition.topic.to_string(), log.partition.partition);
        let (position, timestamp) = (Some(position), None);
        report.row(Entry { topic, partition, segment, index: "offset", entry, offset, position, timestamp, right })?;
        Ok(right)
    })
}

fn time_index(
    log: &LogDirectory,
    segment: i64,
    batches: &Batches,
    bounds: OffsetBounds,
    report: &mut Report<Entry>,
) -> Result<(), Failure> {
    entries::<12>(log, segment, ".timeindex", report, |entry, [a, b, c, d, e, f, g, h, i, j, k, l], report| {
        let timestamp = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let offset = segment.saturating_add(i64::from(u32::from_be_bytes([i, j, k, l])));
        let right = batches.by_last_offset.get(&offset) == Some(&timestamp);
        if !bounds.touches(offset, offset) {
            return Ok(right);
        }
        let (topic, partition) = (log.partition.topic.to_string(), log.partition.partition);
        let (position, timestamp) = (None, Some(timestamp));
        report.row(Entry { topic, partition, segment, index: "time", entry, offset, position, timestamp, right })?;
        Ok(right)
    })
}

/// Hands over the entries of an index file; `each` says whether one is right. A file that is not there is no damage: the
/// broker writes it when the segment is finished.
fn entries<const LEN: usize>(
    log: &LogDirectory,
    segment: i64,
    suffix: &str,
    report: &mut Report<Entry>,
    mut each: impl FnMut(usize, [u8; LEN], &mut Report<Entry>) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let name = file_name(segment, suffix);
    let file = match fs::read(log.file(segment, suffix)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return report.damage(log, &name, &Damage::of_file(error)),
    };
    let (chunks, rest) = file.as_chunks::<LEN>();
    let mut wrong = 0;
    for (entry, chunk) in chunks.iter().enumerate() {
        wrong += u64::from(!each(entry, *chunk, report)?);
    }
    if wrong > 0 {
        let reason = format!(
            "{wrong} of {} entries contradict the log; the broker makes it anew at its next start",
            chunks.len()
        );
        report.damage(log, &name, &Damage::of_file(reason))?;
    }
    if !rest.is_empty() {
        let reason = format!("{} bytes behind the last whole entry", rest.len());
        report.damage(log, &name, &Damage::of_file(reason))?;
    }
    Ok(())
}
