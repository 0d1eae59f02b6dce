//! `--show segments`: one line a segment.

use serde::Serialize;

use super::directory::{LogDirectory, file_name};
use super::{Damage, OffsetBounds, Report, Scan};
use crate::cli::Failure;
use crate::cli::offset::time;
use crate::cli::output::Row;
use crate::cli::progress::Progress;

#[derive(Serialize)]
pub(super) struct Segment {
    topic: String,
    partition: i32,
    base_offset: i64,
    /// Of record batches.
    bytes: u64,
    /// Behind them, for batches to come.
    reserved_bytes: u64,
    batches: u64,
    records: u64,
    last_offset: Option<i64>,
    max_timestamp: Option<i64>,
    offset_index_entries: Option<u64>,
    time_index_entries: Option<u64>,
    damaged: u64,
}

impl Row for Segment {
    const COLUMNS: &'static [&'static str] = &[
        "PARTITION",
        ">SEGMENT",
        ">LAST OFFSET",
        ">BATCHES",
        ">RECORDS",
        ">BYTES",
        ">RESERVED",
        "NEWEST",
        ">INDEX",
        ">TIMEINDEX",
        ">DAMAGED",
    ];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        vec![
            format!("{}-{}", self.topic, self.partition),
            self.base_offset.to_string(),
            self.last_offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string()),
            self.batches.to_string(),
            self.records.to_string(),
            self.bytes.to_string(),
            self.reserved_bytes.to_string(),
            self.max_timestamp.map_or_else(|| "-".to_owned(), time),
            number(self.offset_index_entries),
            number(self.time_index_entries),
            self.damaged.to_string(),
        ]
    }
}

pub(super) fn show(log: &LogDirectory, bounds: OffsetBounds, report: &mut Report<Segment>) -> Result<(), Failure> {
    let mut progress = Progress::new(true);
    for base_offset in log.segments() {
        let name = file_name(base_offset, ".log");
        progress.tick(|_| format!("{}/{name}", log.partition));
        let mut scan = match Scan::open(&log.file(base_offset, ".log"), base_offset) {
            Ok(scan) => scan,
            Err(error) => {
                report.damage(log, &name, &Damage::of_file(error))?;
                continue;
            }
        };
        let mut segment = Segment {
            topic: log.partition.topic.to_string(),
            partition: log.partition.partition,
            base_offset,
            bytes: 0,
            reserved_bytes: 0,
            batches: 0,
            records: 0,
            last_offset: None,
            max_timestamp: None,
            offset_index_entries: entries(log, base_offset, ".index", crate::storage::offset_index::ENTRY_LEN),
            time_index_entries: entries(log, base_offset, ".timeindex", crate::storage::time_index::ENTRY_LEN),
            damaged: 0,
        };
        for found in scan.by_ref() {
            match found {
                Ok(found) => {
                    segment.batches += 1;
                    segment.records += u64::try_from(found.header.records_count).unwrap_or_default();
                    segment.last_offset = Some(found.header.last_offset());
                    segment.max_timestamp = segment.max_timestamp.max(Some(found.header.max_timestamp));
                }
                Err(damage) => {
                    segment.damaged += 1;
                    report.damage(log, &name, &damage)?;
                }
            }
        }
        segment.bytes = scan.position();
        segment.reserved_bytes = scan.len.saturating_sub(scan.position());
        if bounds.touches(base_offset, segment.last_offset.unwrap_or(base_offset)) {
            progress.clear();
            report.row(segment)?;
        }
    }
    Ok(())
}

/// How many entries an index file has; none where there is no file.
fn entries(log: &LogDirectory, base_offset: i64, suffix: &str, entry_len: usize) -> Option<u64> {
    let file = std::fs::metadata(log.file(base_offset, suffix)).ok()?;
    Some(file.len() / entry_len as u64)
}
