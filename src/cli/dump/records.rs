//! `--show records`: one line a record.

use naru_protocol::records::{EndTransactionMarker, Outcome, Record};
use serde::Serialize;
use serde_json::{Value, json};

use super::directory::{LogDirectory, file_name};
use super::{Damage, OffsetBounds, Report, batches, contents};
use crate::cli::Failure;
use crate::cli::offset::time;
use crate::cli::output::Row;
use crate::cli::record::{Field, text};

#[derive(Serialize)]
pub(super) struct Shown {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp: i64,
    #[serde(flatten)]
    body: Body,
}

/// What a record says.
#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    /// A record of an internal topic, or a marker.
    Decoded { decoded: Value },
    /// Anything else.
    Opaque {
        headers: Vec<(String, Field)>,
        key: Option<Field>,
        value: Option<Field>,
        #[serde(skip_serializing_if = "Option::is_none")]
        undecodable: Option<String>,
    },
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &["PARTITION", ">OFFSET", "TIME", "KEY", "VALUE", "HEADERS"];

    fn cells(&self) -> Vec<String> {
        let mut cells =
            vec![format!("{}-{}", self.topic, self.partition), self.offset.to_string(), time(self.timestamp)];
        match &self.body {
            Body::Decoded { decoded } => {
                let part = |name: &str| decoded.get(name).map_or_else(|| "-".to_owned(), Value::to_string);
                let kind = decoded.get("type").and_then(Value::as_str).unwrap_or_default();
                let key = decoded.get("key").map_or_else(|| kind.to_owned(), |key| format!("{kind} {key}"));
                cells.extend([key, part("value"), String::new()]);
            }
            Body::Opaque { headers, key, value, .. } => {
                let none = || "-".to_owned();
                let headers: Vec<String> =
                    headers.iter().map(|(name, value)| format!("{name}={}", value.text())).collect();
                let field = |field: &Option<Field>| field.as_ref().map_or_else(none, Field::text);
                cells.extend([field(key), field(value), headers.join(",")]);
            }
        }
        cells
    }
}

pub(super) fn show(log: &LogDirectory, bounds: OffsetBounds, report: &mut Report<Shown>) -> Result<(), Failure> {
    batches::walk(log, bounds, report, |segment, found, report| {
        let control = found.header.attributes.is_control();
        for record in found.whole().records() {
            match record {
                Ok(record) if bounds.touches(record.offset, record.offset) => {
                    report.row(shown(log, record, control))?;
                }
                Ok(_) => {}
                Err(error) => {
                    let damage = Damage { position: Some(found.position), reason: error.to_string() };
                    report.damage(log, &file_name(segment, ".log"), &damage)?;
                }
            }
        }
        Ok(())
    })
}

fn shown(log: &LogDirectory, record: Record, control: bool) -> Shown {
    let (offset, timestamp) = (record.offset, record.timestamp);
    let decoded = if control { Some(marker(&record)) } else { contents::decode(&log.partition.topic, &record) };
    let body = match decoded {
        Some(Ok(decoded)) => Body::Decoded { decoded },
        Some(Err(reason)) => opaque(record, Some(reason)),
        None => opaque(record, None),
    };
    Shown { topic: log.partition.topic.to_string(), partition: log.partition.partition, offset, timestamp, body }
}

fn opaque(record: Record, undecodable: Option<String>) -> Body {
    let headers = record.headers.into_iter().map(|header| (text(&header.key), Field(header.value.unwrap_or_default())));
    Body::Opaque { headers: headers.collect(), key: record.key.map(Field), value: record.value.map(Field), undecodable }
}

/// A control record: of transactions here, of Kafka's quorum in directories that Kafka has written.
fn marker(record: &Record) -> Result<Value, String> {
    match EndTransactionMarker::parse(record) {
        Ok(Some(marker)) => {
            let outcome = match marker.outcome {
                Outcome::Abort => "abort",
                Outcome::Commit => "commit",
            };
            let value = json!({ "outcome": outcome, "coordinatorEpoch": marker.coordinator_epoch });
            Ok(json!({ "type": "EndTransactionMarker", "value": value }))
        }
        Ok(None) => {
            let kind = record.key.as_deref().and_then(|key| key.get(2..4)).unwrap_or_default();
            let name = match kind {
                [0, 2] => "LeaderChange",
                [0, 3] => "SnapshotHeader",
                [0, 4] => "SnapshotFooter",
                [0, 5] => "KRaftVersion",
                [0, 6] => "KRaftVoters",
                _ => "UnknownControlRecord",
            };
            Ok(json!({ "type": name, "value": record.value.clone().map(Field) }))
        }
        Err(error) => Err(error.to_string()),
    }
}
