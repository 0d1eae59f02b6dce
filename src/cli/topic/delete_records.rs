//! `naru topic delete-records`: the first records of partitions go.

use clap::Args;
use naru_client::admin::DeleteBefore;
use naru_client::{Admin, ErrorCode, TopicPartition};
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::bounds::{self, Bounds};
use crate::cli::confirm::ConfirmArgs;
use crate::cli::connect::{BrokerArgs, parse_partition};
use crate::cli::offset::{self, Offset};
use crate::cli::output::{self, Format, OutputArgs, Row, count};

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteRecordsArgs {
    /// The topics; TOPIC:PARTITION is one partition of a topic
    #[arg(required = true, value_name = "TOPIC[:PARTITION]", value_parser = parse_target)]
    targets: Vec<Target>,
    /// The first record to keep
    #[arg(short = 'o', long, value_name = "OFFSET", value_parser = offset::parse, allow_hyphen_values = true)]
    before: Offset,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A topic, or one partition of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    topic: String,
    partition: Option<i32>,
}

/// No topic has a colon in its name.
fn parse_target(text: &str) -> Result<Target, String> {
    let (topic, partition) = match text.split_once(':') {
        Some((topic, partition)) => (topic, Some(parse_partition(partition)?)),
        None => (text, None),
    };
    Ok(Target { topic: topic.to_owned(), partition })
}

/// Offsets and examples.
pub(super) fn help() -> String {
    format!(
        "{}\nAn offset outside of the log becomes the nearest one inside.\n\n\
         Examples:\n  \
         naru topic delete-records orders --before @-7d --dry-run\n  \
         naru topic delete-records orders:0 orders:2 --before 1000\n  \
         naru topic delete-records orders --before end --yes",
        offset::OFFSETS
    )
}

#[derive(Serialize)]
struct Deletion {
    topic: String,
    partition: i32,
    from: i64,
    to: i64,
    /// Offsets that are no longer there; of a log with gaps it may be fewer records.
    offsets: i64,
    changed: bool,
}

impl Row for Deletion {
    const COLUMNS: &'static [&'static str] = &["TOPIC", ">PARTITION", ">FROM", ">TO", ">OFFSETS"];

    fn cells(&self) -> Vec<String> {
        let numbers = [self.partition.into(), self.from, self.to, self.offsets].map(|number: i64| number.to_string());
        std::iter::once(self.topic.clone()).chain(numbers).collect()
    }
}

pub(super) async fn run(args: &DeleteRecordsArgs) -> Result<(), Failure> {
    let admin = args.broker.admin(args.confirm.dry_run).await?;
    let mut rows = plan(args, &admin).await?;
    if args.confirm.asks() {
        output::write_rows(&mut std::io::stderr(), Format::Table, &rows)?;
    }
    let offsets = rows.iter().map(|row| row.offsets.unsigned_abs()).sum();
    let partitions = count(rows.len() as u64, "partition");
    args.confirm.confirm(&format!("Delete {} from the start of {partitions}?", count(offsets, "offset")))?;
    let before =
        rows.iter().map(|row| (TopicPartition::new(row.topic.as_str(), row.partition), DeleteBefore::Offset(row.to)));
    let outcomes = admin.delete_records(before).await?;
    let mut failures = Vec::new();
    for (row, (partition, deleted)) in rows.iter_mut().zip(outcomes) {
        match deleted {
            // Retention may have deleted more meanwhile.
            Ok(start) => {
                (row.to, row.offsets) = (start, start - row.from);
                row.changed = row.offsets > 0 && !args.confirm.dry_run;
            }
            Err(error) => failures.push(refused(&partition, error)),
        }
    }
    if failures.len() == rows.len() {
        return Failure::all(failures);
    }
    output::list(args.output.format(), &rows)?;
    Failure::all(failures)
}

fn refused(partition: &TopicPartition, error: naru_client::Error) -> Failure {
    let compacted = error.code() == Some(ErrorCode::POLICY_VIOLATION);
    let failure = Failure::from(error).doing(partition);
    if compacted {
        failure.hint("The topic keeps the last record of each key; it has no delete in cleanup.policy.")
    } else {
        failure
    }
}

/// From where to where, partition by partition, as it is now.
async fn plan(args: &DeleteRecordsArgs, admin: &Admin) -> Result<Vec<Deletion>, Failure> {
    let mut partitions = Vec::new();
    for target in &args.targets {
        let wanted: Vec<i32> = target.partition.into_iter().collect();
        partitions.extend(bounds::partitions(admin, [target.topic.as_str()], &wanted).await?);
    }
    let bounds = Bounds::of(admin, &partitions).await?;
    let deletions = bounds.place(admin, args.before).await?.into_iter().map(|(partition, to)| {
        let from = bounds.start(&partition);
        Deletion {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            from,
            to,
            offsets: to - from,
            changed: false,
        }
    });
    Ok(deletions.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_stands_before_a_partition() {
        let target = |topic: &str, partition| Ok(Target { topic: topic.to_owned(), partition });
        assert_eq!(parse_target("orders"), target("orders", None));
        assert_eq!(parse_target("orders:2"), target("orders", Some(2)));
        for text in ["orders:", "orders:x", "orders:-1", "orders:1:2"] {
            assert!(parse_target(text).is_err(), "{text}");
        }
    }
}
