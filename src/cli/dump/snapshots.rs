//! `--show snapshots`: the producers that snapshots remember.

use std::fs;

use serde::Serialize;

use super::directory::{LogDirectory, file_name};
use super::{Damage, OffsetBounds, Report};
use crate::cli::Failure;
use crate::cli::offset::time;
use crate::cli::output::Row;
use crate::storage::producer_snapshot;
use crate::storage::producer_state::SequencedBatch;
use crate::storage::types::ProducerId;

#[derive(Serialize)]
pub(super) struct Producer {
    topic: String,
    partition: i32,
    /// The offset that the snapshot was taken at.
    snapshot: i64,
    producer_id: i64,
    producer_epoch: i16,
    #[serde(flatten)]
    batch: Option<Batch>,
}

/// One of the last batches of a producer.
#[derive(Serialize)]
struct Batch {
    last_sequence: i32,
    last_offset: i64,
    records: i32,
    timestamp: i64,
}

impl Row for Producer {
    const COLUMNS: &'static [&'static str] =
        &["PARTITION", ">SNAPSHOT", ">PRODUCER", ">EPOCH", ">LAST SEQUENCE", ">LAST OFFSET", ">RECORDS", "TIME"];

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            format!("{}-{}", self.topic, self.partition),
            self.snapshot.to_string(),
            self.producer_id.to_string(),
            self.producer_epoch.to_string(),
        ];
        match &self.batch {
            Some(batch) => cells.extend([
                batch.last_sequence.to_string(),
                batch.last_offset.to_string(),
                batch.records.to_string(),
                time(batch.timestamp),
            ]),
            None => cells.extend(["-", "-", "-", "-"].map(str::to_owned)),
        }
        cells
    }
}

pub(super) fn show(log: &LogDirectory, bounds: OffsetBounds, report: &mut Report<Producer>) -> Result<(), Failure> {
    for snapshot in log.offsets(".snapshot").filter(|offset| bounds.touches(*offset, *offset)) {
        let name = file_name(snapshot, ".snapshot");
        let file = match fs::read(log.file(snapshot, ".snapshot")) {
            Ok(file) => file,
            Err(error) => {
                report.damage(log, &name, &Damage::of_file(error))?;
                continue;
            }
        };
        let state = match producer_snapshot::decode(&file, 0) {
            Ok(state) => state,
            Err(error) => {
                report.damage(log, &name, &Damage::of_file(error))?;
                continue;
            }
        };
        let mut producers: Vec<_> = state.iter().collect();
        producers.sort_unstable_by_key(|(id, _)| *id);
        for (id, producer) in producers {
            if producer.batches().is_empty() {
                report.row(row(log, snapshot, id, producer.epoch(), None))?;
            }
            for batch in producer.batches() {
                report.row(row(log, snapshot, id, producer.epoch(), Some(batch)))?;
            }
        }
    }
    Ok(())
}

fn row(log: &LogDirectory, snapshot: i64, id: ProducerId, epoch: i16, batch: Option<&SequencedBatch>) -> Producer {
    let batch = batch.map(|batch| Batch {
        last_sequence: batch.last_sequence,
        last_offset: batch.last_offset.0,
        records: batch.offset_delta.saturating_add(1),
        timestamp: batch.timestamp,
    });
    Producer {
        topic: log.partition.topic.to_string(),
        partition: log.partition.partition,
        snapshot,
        producer_id: id.0,
        producer_epoch: epoch,
        batch,
    }
}
