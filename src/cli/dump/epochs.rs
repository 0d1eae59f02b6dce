//! `--show epochs`: which leader epoch began where.

use std::{fs, io};

use serde::Serialize;

use super::directory::LogDirectory;
use super::{Damage, OffsetBounds, Report};
use crate::cli::Failure;
use crate::cli::output::Row;
use crate::storage::leader_epochs::LeaderEpochs;

/// Name of the file in the log directory.
const FILE_NAME: &str = "leader-epoch-checkpoint";

#[derive(Serialize)]
pub(super) struct Epoch {
    topic: String,
    partition: i32,
    leader_epoch: i32,
    start_offset: i64,
}

impl Row for Epoch {
    const COLUMNS: &'static [&'static str] = &["PARTITION", ">EPOCH", ">START"];

    fn cells(&self) -> Vec<String> {
        let partition = format!("{}-{}", self.topic, self.partition);
        vec![partition, self.leader_epoch.to_string(), self.start_offset.to_string()]
    }
}

pub(super) fn show(log: &LogDirectory, bounds: OffsetBounds, report: &mut Report<Epoch>) -> Result<(), Failure> {
    let file = match fs::read(log.path.join(FILE_NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return report.damage(log, FILE_NAME, &Damage::of_file(error)),
    };
    let epochs = match LeaderEpochs::decode(&file) {
        Ok(epochs) => epochs,
        Err(error) => return report.damage(log, FILE_NAME, &Damage::of_file(error)),
    };
    for start in epochs.starts().iter().filter(|start| bounds.touches(start.start.0, start.start.0)) {
        report.row(Epoch {
            topic: log.partition.topic.to_string(),
            partition: log.partition.partition,
            leader_epoch: start.epoch.0,
            start_offset: start.start.0,
        })?;
    }
    Ok(())
}
