//! `--show checkpoint`: how far each log is known to be on stable storage.

use std::fs;

use serde::Serialize;

use super::{DumpArgs, Place};
use crate::cli::Failure;
use crate::cli::output::{Format, Lines, Row};
use crate::storage::checkpoint::{Checkpoint, FILE_NAME, LogCheckpoint};
use crate::storage::uuid_text;

#[derive(Serialize)]
struct Known {
    topic: String,
    partition: i32,
    topic_id: String,
    log_start: i64,
    recovery_point: i64,
}

impl Row for Known {
    const COLUMNS: &'static [&'static str] = &["PARTITION", "TOPIC ID", ">LOG START", ">RECOVERY POINT"];

    fn cells(&self) -> Vec<String> {
        let partition = format!("{}-{}", self.topic, self.partition);
        vec![partition, self.topic_id.clone(), self.log_start.to_string(), self.recovery_point.to_string()]
    }
}

pub(super) fn show(place: &Place, args: &DumpArgs, format: Format) -> Result<(), Failure> {
    let Some(data_dir) = &place.data_dir else {
        return Err(Failure::Usage("the checkpoint is a file of a whole data directory; name that".into()));
    };
    let path = data_dir.join(FILE_NAME);
    let file = fs::read(&path).map_err(|error| Failure::NotFound(format!("{}: {error}", path.display())))?;
    let checkpoint = Checkpoint::decode(&file).map_err(|error| {
        Failure::Failed(format!("{}: {error}", path.display()))
            .hint("The next start does without it and scans every log.")
    })?;
    let mut logs = checkpoint.0;
    logs.retain(|log| {
        let topic = args.topics.is_empty() || args.topics.iter().any(|topic| **topic == *log.partition.topic);
        topic && (args.partitions.is_empty() || args.partitions.contains(&log.partition.partition))
    });
    logs.sort_by(|a, b| a.partition.cmp(&b.partition));
    let mut lines = Lines::new(format);
    for LogCheckpoint { partition, topic_id, recovery_point, log_start } in logs {
        lines.write(Known {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            topic_id: uuid_text::encode(topic_id),
            log_start: log_start.0,
            recovery_point: recovery_point.0,
        })?;
    }
    Ok(lines.finish()?)
}
