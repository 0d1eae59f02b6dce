//! `naru group reset`: where a group goes on reading.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use naru_client::admin::OffsetSpec;
use naru_client::{Admin, ErrorCode, TopicPartition};
use serde::Serialize;

use super::about;
use crate::cli::confirm::ConfirmArgs;
use crate::cli::connect::BrokerArgs;
use crate::cli::offset::{self, Offset};
use crate::cli::output::{self, Format, OutputArgs, Row, count};
use crate::cli::{Failure, topic};

#[derive(Debug, Args)]
pub(in crate::cli) struct ResetArgs {
    /// The group; it comes to be if it does not exist
    group: String,
    /// Topic to reset; again for more [default: every topic that the group has committed offsets of]
    #[arg(short, long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only this partition; again for more
    #[arg(short, long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,
    /// Where to go on
    #[arg(short = 'o', long, value_name = "OFFSET", value_parser = offset::parse, allow_hyphen_values = true)]
    to: Option<Offset>,
    /// So many records on, or back if negative, from the committed offset
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with = "to", required_unless_present = "to")]
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
    let mut partitions = Vec::new();
    for (name, described) in admin.describe_topics(topics).await? {
        let described = described.map_err(|error| topic::about(&name, error))?;
        let all = described.partitions.iter().map(|partition| partition.partition);
        if let Some(missing) = args.partitions.iter().find(|wanted| !all.clone().any(|number| number == **wanted)) {
            let count = count(described.partitions.len() as u64, "partition");
            return Err(Failure::NotFound(format!("topic {name:?} has no partition {missing}, it has {count}")));
        }
        let wanted = all.filter(|number| args.partitions.is_empty() || args.partitions.contains(number));
        partitions.extend(wanted.map(|number| TopicPartition::new(name.clone(), number)));
    }
    let starts = bounds(admin, &partitions, OffsetSpec::Earliest).await?;
    let ends = bounds(admin, &partitions, OffsetSpec::Latest).await?;
    let times = match args.to {
        Some(Offset::Time(ms)) => bounds(admin, &partitions, OffsetSpec::At(ms)).await?,
        _ => BTreeMap::new(),
    };
    let mut moves = Vec::new();
    for partition in partitions {
        let of = |offsets: &BTreeMap<TopicPartition, i64>| offsets.get(&partition).copied();
        let from = committed.get(&partition).map(|committed| committed.offset);
        let (start, end) = (of(&starts).unwrap_or_default(), of(&ends).unwrap_or_default());
        let to = match (args.to, args.by) {
            // A time behind the last record is the end.
            (Some(place), _) => place.resolve(start, end, of(&times).unwrap_or(end)),
            (None, by) => {
                let Some(from) = from else { continue };
                from.saturating_add(by.unwrap_or_default()).clamp(start, end)
            }
        };
        let (group, topic) = (args.group.clone(), partition.topic.to_string());
        moves.push(Move { group, topic, partition: partition.partition, from, to, changed: false });
    }
    if moves.is_empty() {
        return Err(Failure::NotFound(format!("group {:?} has no committed offset to count from", args.group))
            .hint("--to sets one: --to start, --to end, --to 47."));
    }
    Ok(moves)
}

async fn bounds(
    admin: &Admin,
    partitions: &[TopicPartition],
    spec: OffsetSpec,
) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let asked = partitions.iter().map(|partition| (partition.clone(), spec));
    let mut offsets = BTreeMap::new();
    for (partition, listed) in admin.list_offsets(asked).await? {
        let listed = listed.map_err(|error| Failure::from(error).doing(&partition))?;
        offsets.extend(listed.offset.map(|offset| (partition, offset)));
    }
    Ok(offsets)
}
