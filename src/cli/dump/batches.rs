//! `--show batches`: one line a record batch.

use naru_protocol::records::TimestampType;
use serde::Serialize;

use super::directory::{LogDirectory, file_name};
use super::segment::Found;
use super::{Damage, OffsetBounds, Report, Scan};
use crate::cli::Failure;
use crate::cli::offset::time;
use crate::cli::output::Row;

#[derive(Serialize)]
pub(super) struct Batch {
    topic: String,
    partition: i32,
    segment: i64,
    position: u64,
    bytes: usize,
    base_offset: i64,
    last_offset: i64,
    records: i32,
    leader_epoch: i32,
    codec: &'static str,
    base_timestamp: i64,
    max_timestamp: i64,
    timestamp_type: &'static str,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    transactional: bool,
    control: bool,
    crc: u32,
}

impl Row for Batch {
    const COLUMNS: &'static [&'static str] = &[
        "PARTITION",
        ">OFFSET",
        ">LAST",
        ">RECORDS",
        ">SEGMENT",
        ">POSITION",
        ">BYTES",
        ">EPOCH",
        "CODEC",
        "NEWEST",
        "PRODUCER",
        "KIND",
    ];

    fn cells(&self) -> Vec<String> {
        let producer = match self.producer_id {
            -1 => "-".to_owned(),
            id => format!("{id}/{}/{}", self.producer_epoch, self.base_sequence),
        };
        let kind = match (self.control, self.transactional) {
            (true, _) => "control",
            (false, true) => "transactional",
            (false, false) => "data",
        };
        vec![
            format!("{}-{}", self.topic, self.partition),
            self.base_offset.to_string(),
            self.last_offset.to_string(),
            self.records.to_string(),
            self.segment.to_string(),
            self.position.to_string(),
            self.bytes.to_string(),
            self.leader_epoch.to_string(),
            self.codec.to_owned(),
            time(self.max_timestamp),
            producer,
            kind.to_owned(),
        ]
    }
}

pub(super) fn show(log: &LogDirectory, bounds: OffsetBounds, report: &mut Report<Batch>) -> Result<(), Failure> {
    walk(log, bounds, report, |segment, found, report| report.row(row(log, segment, &found)))
}

/// Hands over the batches of a log that have a part in the bounds, and reports damage.
pub(super) fn walk<R: Row>(
    log: &LogDirectory,
    bounds: OffsetBounds,
    report: &mut Report<R>,
    mut each: impl FnMut(i64, Found, &mut Report<R>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let segments: Vec<i64> = log.segments().collect();
    for (index, segment) in segments.iter().copied().enumerate() {
        // A segment ends where the next one begins.
        let last = segments.get(index + 1).map_or(i64::MAX, |next| next - 1);
        if !bounds.touches(segment, last) {
            continue;
        }
        let name = file_name(segment, ".log");
        let scan = match Scan::open(&log.file(segment, ".log"), segment) {
            Ok(scan) => scan,
            Err(error) => {
                report.damage(log, &name, &Damage::of_file(error))?;
                continue;
            }
        };
        for found in scan {
            match found {
                Ok(found) if bounds.touches(found.header.base_offset, found.header.last_offset()) => {
                    each(segment, found, report)?;
                }
                Ok(_) => {}
                Err(damage) => report.damage(log, &name, &damage)?,
            }
        }
    }
    Ok(())
}

fn row(log: &LogDirectory, segment: i64, found: &Found) -> Batch {
    let Found { position, header, .. } = found;
    Batch {
        topic: log.partition.topic.to_string(),
        partition: log.partition.partition,
        segment,
        position: *position,
        bytes: header.size(),
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        records: header.records_count,
        leader_epoch: header.partition_leader_epoch,
        codec: header.codec().map_or("unknown", |codec| codec.name()),
        base_timestamp: header.base_timestamp,
        max_timestamp: header.max_timestamp,
        timestamp_type: match header.timestamp_type() {
            TimestampType::CreateTime => "create",
            TimestampType::LogAppendTime => "logappend",
        },
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        transactional: header.attributes.is_transactional(),
        control: header.attributes.is_control(),
        crc: header.crc,
    }
}
