//! `naru log dump`: what lies in a data directory, read without a broker and without changing anything.
//!
//! `directory.rs` finds the logs, `segment.rs` walks their batches, and there is one file for each thing that can be shown.
//! Damage is shown where it is found and the dump goes on behind it; the exit code says at the end that there was some.
//!
//! Beside a running broker the dump sees what the operating system has, flushed or not. A batch that is written at this very
//! moment looks like damage at the end of the last segment; the indexes of segments that are still written are in the
//! broker's memory and not in files.

mod batches;
mod checkpoint;
mod contents;
mod directory;
mod epochs;
mod indexes;
mod records;
mod segment;
mod segments;
mod snapshots;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::args::StartArgs;
use super::connect::parse_partition;
use super::offset::{self, OffsetRange};
use super::output::{Format, Lines, OutputArgs, Row, count};
use super::{Failure, config};
use directory::{LogDirectory, Place};
use segment::{Damage, Scan};

#[derive(Debug, Subcommand)]
pub(super) enum LogCommand {
    /// Show what lies in a data directory, without a broker and without changing it
    #[command(after_help = help())]
    Dump(DumpArgs),
}

#[derive(Debug, Args)]
pub(super) struct DumpArgs {
    /// Data directory, directory of one partition, or one file of it [default: the broker's --data-dir]
    path: Option<PathBuf>,
    /// What to show [default: segments; for a single file what it holds]
    #[arg(short, long, value_name = "WHAT", hide_possible_values = true)]
    show: Option<Show>,
    /// Only this topic; again for more
    #[arg(short, long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only this partition; again for more
    #[arg(short, long = "partition", value_name = "N", value_parser = parse_partition)]
    partitions: Vec<i32>,
    /// Only these offsets: FROM..UNTIL, FROM.., ..UNTIL
    #[arg(short, long = "offsets", value_name = "RANGE", value_parser = offset::parse_range, allow_hyphen_values = true)]
    offsets: Option<OffsetRange>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Show {
    /// One line a segment: size, offsets, damage
    Segments,
    /// One line a record batch: header and checksum
    Batches,
    /// One line a record; those of internal topics decoded
    Records,
    /// Entries of offset and time indexes, compared with the log
    Indexes,
    /// Producers in the snapshots
    Snapshots,
    /// Leader epochs and where they began
    Epochs,
    /// How far each log is known to be durable
    Checkpoint,
}

fn help() -> String {
    let kinds: Vec<String> = Show::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value)
        .map(|kind| format!("  {:<11} {}", kind.get_name(), kind.get_help().cloned().unwrap_or_default()))
        .collect();
    format!(
        "What can be shown:\n{}\n\n{}\n\nBeside a running broker the dump shows what the operating system has, flushed or not; a batch that is being\n\
         written looks torn. The exit code is 1 when something is damaged.\n\n\
         Examples:\n  \
         naru log dump\n  \
         naru log dump /var/lib/naru -t orders -s batches\n  \
         naru log dump -t orders -p 0 -o -10.. -s records\n  \
         naru log dump -t __consumer_offsets -s records -J\n  \
         naru log dump naru-data/orders-0/00000000000000000000.index",
        kinds.join("\n"),
        offset::OFFSETS
    )
}

impl LogCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Dump(args) => dump(args),
        }
    }
}

fn dump(args: &DumpArgs) -> Result<(), Failure> {
    let path = match &args.path {
        Some(path) => path.clone(),
        None => config::load(&StartArgs::default())?.data_dir,
    };
    let place = Place::find(&path)?;
    let show = args.show.or(place.natural).unwrap_or(Show::Segments);
    let format = args.output.format();
    if show == Show::Checkpoint {
        return checkpoint::show(&place, args, format);
    }
    let logs: Vec<&LogDirectory> = place.logs.iter().filter(|log| args.wants(log)).collect();
    if logs.is_empty() {
        return Err(Failure::NotFound(format!("{} has no log of that topic and partition", path.display()))
            .hint("`naru log dump` without -t and -p shows which there are."));
    }
    match show {
        Show::Segments => each(&logs, args, format, segments::show),
        Show::Batches => each(&logs, args, format, batches::show),
        Show::Records => each(&logs, args, format, records::show),
        Show::Indexes => each(&logs, args, format, indexes::show),
        Show::Snapshots => each(&logs, args, format, snapshots::show),
        Show::Epochs | Show::Checkpoint => each(&logs, args, format, epochs::show),
    }
}

impl DumpArgs {
    fn wants(&self, log: &LogDirectory) -> bool {
        let topic = self.topics.is_empty() || self.topics.iter().any(|topic| **topic == *log.partition.topic);
        topic && (self.partitions.is_empty() || self.partitions.contains(&log.partition.partition))
    }
}

/// Shows one kind of thing of each log.
fn each<R: Row>(
    logs: &[&LogDirectory],
    args: &DumpArgs,
    format: Format,
    show: impl Fn(&LogDirectory, OffsetBounds, &mut Report<R>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut report = Report { lines: Lines::new(format), damaged: 0 };
    for log in logs {
        let bounds = match args.offsets {
            Some(range) => OffsetBounds::of(log, range),
            None => OffsetBounds::default(),
        };
        show(log, bounds, &mut report)?;
    }
    report.finish()
}

/// What is shown, and how much of it is damaged.
struct Report<R> {
    lines: Lines<R>,
    damaged: u64,
}

impl<R: Row> Report<R> {
    fn row(&mut self, row: R) -> Result<(), Failure> {
        Ok(self.lines.write(row)?)
    }

    /// Damage goes to standard error, so that what is shown stays in form; in JSON it has a line of its own.
    fn damage(&mut self, log: &LogDirectory, file: &str, damage: &Damage) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Line<'a> {
            damage: &'a str,
            topic: &'a str,
            partition: i32,
            file: &'a str,
            position: Option<u64>,
        }
        self.damaged += 1;
        let (reason, position) = (damage.reason.as_str(), damage.position);
        let (topic, partition) = (&*log.partition.topic, log.partition.partition);
        if self.lines.other(&Line { damage: reason, topic, partition, file, position })? {
            return Ok(());
        }
        let place = position.map_or_else(String::new, |position| format!(" at byte {position}"));
        eprintln!("naru: {}/{file}{place}: {reason}", log.partition);
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        self.lines.finish()?;
        match self.damaged {
            0 => Ok(()),
            damaged => {
                Err(Failure::Failed(format!("{} found; everything else was shown", count(damaged, "damaged place"))))
            }
        }
    }
}

/// The offsets that are asked for in one log.
#[derive(Debug, Clone, Copy, Default)]
struct OffsetBounds {
    from: Option<i64>,
    until: Option<i64>,
}

impl OffsetBounds {
    /// Looks up what the range needs to know about the log.
    fn of(log: &LogDirectory, range: OffsetRange) -> Self {
        let resolve = |place: offset::Offset| match place {
            offset::Offset::At(offset) => offset,
            place => place.resolve(log.start(), log.end(), log.first_at(place)),
        };
        Self { from: range.from.map(resolve), until: range.until.map(resolve) }
    }

    /// Whether something that goes from `first` to `last` has a part in it.
    fn touches(self, first: i64, last: i64) -> bool {
        self.from.is_none_or(|from| last >= from) && self.until.is_none_or(|until| first < until)
    }
}
