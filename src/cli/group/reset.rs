//! `naru group reset`: where a group goes on reading.

use std::collections::BTreeSet;

use clap::{ArgGroup, Args};
use naru_client::{Admin, ErrorCode, TopicPartition};
use serde::Serialize;

use super::about;
use crate::cli::Failure;
use crate::cli::bounds::{self, Bounds};
use crate::cli::confirm::ConfirmArgs;
use crate::cli::connect::{BrokerArgs, parse_partition};
use crate::cli::offset::{self, Offset};
use crate::cli::output::{self, Format, OutputArgs, Row, count};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true).args(["to", "by"]))]
pub(in crate::cli) struct ResetArgs {
    /// The group; it comes to be if it does not exist
    group: String,
    /// Topic to reset; again for more [default: every topic that the group has committed offsets of]
    #[arg(short, long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only this partition; again for more
    #[arg(short, long = "partition", value_name = "N", value_parser = parse_partition)]
    partitions: Vec<i32>,
    /// Where to go on
    #[arg(short = 'o', long, value_name = "OFFSET", value_parser = offset::parse, allow_hyphen_values = true)]
    to: Option<Offset>,
    /// So many records on, or back if negative, from the committed offset
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    by: Option<i64>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Offsets and examples.
pub(super) fn help() -> String {
    format!(
        "{}\nAn offset outside of the log becomes the nearest one inside.\n\n\
         Examples:\n  \
         naru group reset billing -o start --dry-run\n  \
         naru group reset billing -t orders -o @-1h\n  \
         naru group reset billing -t orders -p 0 --by -1 --yes",
        offset::OFFSETS
    )
}

#[derive(Serialize)]
struct Move {
    group: String,
    topic: String,
    partition: i32,
    from: Option<i64>,
    to: i64,
    changed: bool,
}

impl Row for Move {
    const COLUMNS: &'static [&'static str] = &["GROUP", "TOPIC", ">PARTITION", ">FROM", ">TO"];

    fn cells(&self) -> Vec<String> {
        let from = self.from.map_or_else(|| "-".to_owned(), |from| from.to_string());
        vec![self.group.clone(), self.topic.clone(), self.partition.to_string(), from, self.to.to_string()]
    }
}

pub(super) async fn run(args: &ResetArgs) -> Result<(), Failure> {
    let admin = args.broker.admin(args.confirm.dry_run).await?;
    let mut moves = plan(args, &admin).await?;
    if args.confirm.asks() {
        output::write_rows(&mut std::io::stderr(), Format::Table, &moves)?;
    }
    args.confirm.confirm(&format!("Set {} of group {}?", count(moves.len() as u64, "committed offset"), args.group))?;
    let offsets = moves.iter().map(|row| (TopicPartition::new(row.topic.as_str(), row.partition), row.to));
    let altered = admin.alter_offsets(args.group.as_str(), offsets).await.map_err(|error| refused(args, error))?;
    let mut failures = Vec::new();
    for (row, (_, altered)) in moves.iter_mut().zip(altered) {
        match altered {
            Ok(()) => row.changed = !args.confirm.dry_run,
            Err(error) => failures.push(refused(args, error)),
        }
    }
    if failures.len() == moves.len() {
        // What holds for every partition is said once.
        failures.truncate(1);
        return Failure::all(failures);
    }
    output::list(args.output.format(), &moves)?;
    Failure::all(failures)
}

fn refused(args: &ResetArgs, error: naru_client::Error) -> Failure {
    let members = error.code() == Some(ErrorCode::UNKNOWN_MEMBER_ID);
    let failure = about(&args.group, error);
    if members { failure.hint(super::STOP_MEMBERS) } else { failure }
}

/// From where to where, partition by partition.
async fn plan(args: &ResetArgs, admin: &Admin) -> Result<Vec<Move>, Failure> {
    let committed = admin.committed_offsets(args.group.as_str()).await.map_err(|error| about(&args.group, error))?;
    let topics: BTreeSet<&str> = if args.topics.is_empty() {
        committed.keys().map(|partition| &*partition.topic).collect()
    } else {
        args.topics.iter().map(String::as_str).collect()
    };
    if topics.is_empty() {
        return Err(Failure::NotFound(format!("group {:?} has no committed offsets", args.group))
            .hint("Name topics with -t to set some, or look at `naru group list`."));
    }
    let partitions = bounds::partitions(admin, topics, &args.partitions).await?;
    let bounds = Bounds::of(admin, &partitions).await?;
    let from = |partition: &TopicPartition| committed.get(partition).map(|committed| committed.offset);
    let targets = if let Some(place) = args.to {
        bounds.place(admin, place).await?
    } else {
        let by = args.by.unwrap_or_default();
        let moved = |partition: TopicPartition| {
            let to = bounds.clamp(&partition, from(&partition)?.saturating_add(by));
            Some((partition, to))
        };
        partitions.into_iter().filter_map(moved).collect()
    };
    if targets.is_empty() {
        return Err(Failure::NotFound(format!("group {:?} has no committed offset to count from", args.group))
            .hint("--to sets one: --to start, --to end, --to 47."));
    }
    let moves = targets.into_iter().map(|(partition, to)| Move {
        group: args.group.clone(),
        from: from(&partition),
        topic: partition.topic.to_string(),
        partition: partition.partition,
        to,
        changed: false,
    });
    Ok(moves.collect())
}
