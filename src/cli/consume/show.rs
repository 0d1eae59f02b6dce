//! Writing records out.

use std::io::{BufWriter, StdoutLock, Write as _};

use naru_client::ConsumerRecord;
use serde::{Serialize, Serializer};

use super::ConsumeArgs;
use crate::cli::Failure;
use crate::cli::offset::time;
use crate::cli::output::{self, Lines, Row};
use crate::cli::record::{Received, text};
use crate::cli::template::Template;

/// How records are written.
pub(super) enum Form {
    /// As a template says: bytes as they are.
    Template(Template, BufWriter<StdoutLock<'static>>),
    /// As rows or JSON.
    Lines(Lines<Shown>),
}

/// A record as a row, for people.
pub(super) struct Shown(ConsumerRecord);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Received::of(&self.0).serialize(serializer)
    }
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &["TOPIC", ">PARTITION", ">OFFSET", "TIME", "KEY", "VALUE", "HEADERS"];

    fn cells(&self) -> Vec<String> {
        let record = &self.0;
        let field = |field: Option<&bytes::Bytes>| field.map_or_else(|| "-".to_owned(), |bytes| text(bytes));
        let headers: Vec<String> = record
            .headers
            .iter()
            .map(|header| format!("{}={}", text(&header.key), text(header.value.as_deref().unwrap_or_default())))
            .collect();
        vec![
            record.topic.to_string(),
            record.partition.to_string(),
            record.offset.to_string(),
            time(record.timestamp),
            field(record.key.as_ref()),
            field(record.value.as_ref()),
            headers.join(","),
        ]
    }
}

impl Form {
    /// The form that was asked for: the value and a newline by default.
    pub(super) fn of(args: &ConsumeArgs) -> Self {
        if let Some(format) = args.output.chosen() {
            return Self::Lines(Lines::new(format));
        }
        let template = match (&args.template, &args.key_delimiter) {
            (Some(template), _) => template.clone(),
            (None, Some(delimiter)) => Template::with_key(delimiter),
            (None, None) => Template::value(),
        };
        Self::Template(template, output::stdout())
    }

    pub(super) fn write(&mut self, record: ConsumerRecord) -> Result<(), Failure> {
        Ok(match self {
            Self::Template(template, out) => template.write(out, &record),
            Self::Lines(lines) => lines.write(Shown(record)),
        }?)
    }

    /// Everything that was written can be read.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(match self {
            Self::Template(_, out) => out.flush(),
            Self::Lines(lines) => lines.flush(),
        }?)
    }
}
