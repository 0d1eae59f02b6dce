//! `naru consume`: records out, one after the other.
//!
//! `plan.rs` says which partitions are read from where to where, `show.rs` writes records. Records are written and flushed before
//! the next ones are asked for, so that what a group has committed was seen by whoever reads the output.

mod plan;
mod show;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::Args;
use naru_client::{Admin, Consumer, ConsumerRecord, TopicPartition};
use tokio::time::{MissedTickBehavior, interval};

use super::connect::{BrokerArgs, block_on_threads, parse_count, parse_partition};
use super::offset::{self, OFFSETS, OffsetRange};
use super::output::count;
use super::progress::Progress;
use super::record::JSON_RECORDS;
use super::serve::Signals;
use super::template::{self, TEMPLATES, Template};
use super::{Failure, output};
use plan::Plan;
use show::Form;

/// How many records are written between two looks at everything else.
const TOGETHER: usize = 500;

/// How often it is looked whether everything was read.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
#[command(mut_arg("format", |format| format.help("Write records as rows or as JSON [default: as --template says]")))]
pub(super) struct ConsumeArgs {
    /// Topics; one that begins with ^ is a regular expression
    #[arg(value_name = "TOPIC")]
    names: Vec<String>,
    /// As TOPIC; again for more
    #[arg(short, long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only this partition; again for more
    #[arg(short, long = "partition", value_name = "N", value_parser = parse_partition, conflicts_with = "group")]
    partitions: Vec<i32>,
    /// Read as a member of this group: go on where it stopped, commit what was written out
    #[arg(short, long)]
    group: Option<String>,
    /// Where to begin, or FROM..UNTIL [default: start; with a group only where nothing is committed]
    #[arg(short, long, value_name = "OFFSET", value_parser = offset::parse_range, allow_hyphen_values = true)]
    offset: Option<OffsetRange>,
    /// Stop after so many records
    #[arg(short = 'n', long, value_name = "N", value_parser = parse_count::<u64>)]
    count: Option<u64>,
    /// Stop at the end of what there is now [default: wait for more]
    #[arg(short, long)]
    exit: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// How to write a record [default: the value and a newline]
    #[arg(short = 'f', long, value_parser = Template::parse, conflicts_with_all = ["format", "json"])]
    template: Option<Template>,
    /// Write the key too, with this between key and value
    #[arg(short = 'K', long, value_name = "TEXT", value_parser = template::parse_delimiter, conflicts_with_all = ["template", "format", "json"])]
    key_delimiter: Option<Delimiter>,
    #[command(flatten)]
    output: output::OutputArgs,
    #[command(flatten)]
    broker: BrokerArgs,
}

type Delimiter = Vec<u8>;

/// Offsets, templates, JSON and examples.
pub(super) fn help() -> String {
    format!(
        "{OFFSETS}\n  10..20, @-1h.., ..end  from one to the other, without the other\n\n{TEMPLATES}\n\n{JSON_RECORDS}\n\n\
         Examples:\n  \
         naru consume greetings -e\n  \
         naru consume orders -o -10 -f '%p:%o %k = %v\\n'\n  \
         naru consume orders -o @-1h..@-30m -J\n  \
         naru consume '^orders-.*' -g billing"
    )
}

pub(super) fn run(args: &ConsumeArgs) -> Result<(), Failure> {
    if args.names.is_empty() && args.topics.is_empty() {
        return Err(Failure::Usage("no topic is named".into()).hint("`naru topic list` shows which there are."));
    }
    block_on_threads(consume(args))
}

async fn consume(args: &ConsumeArgs) -> Result<(), Failure> {
    // Looking for a topic must not make it.
    let client = args.broker.connect(&[("allow.auto.create.topics", "false".to_owned())]).await?;
    let topics: Vec<&str> = args.names.iter().chain(&args.topics).map(String::as_str).collect();
    let plan = Plan::make(args, &client.admin(), &topics).await?;
    let mut reading = Reading {
        left: args.count,
        until: plan.until.clone(),
        exit: args.exit,
        patience: args.broker.limit(),
        trouble: None,
        idle_since: Instant::now(),
        admin: client.admin().timeout(args.broker.limit()),
        form: Form::of(args),
        progress: Progress::new(!args.quiet && output::is_piped()),
        read: 0,
    };
    let outcome = match plan.start(args, &client).await? {
        Some(consumer) => reading.run(consumer, args.group.is_some()).await,
        None => Ok(()),
    };
    reading.progress.clear();
    let ends = args.exit || args.count.is_some() || reading.until.is_some();
    if ends && !args.quiet && !matches!(outcome, Err(Failure::ReaderGone)) {
        eprintln!("{} read", count(reading.read, "record"));
    }
    outcome
}

/// The state of the loop.
struct Reading {
    /// How many records are still wanted, if not all.
    left: Option<u64>,
    /// Where to stop, if that is known: partitions that are read up to there are taken out.
    until: Option<HashMap<TopicPartition, i64>>,
    /// Stop where nothing more is there now.
    exit: bool,
    /// How long it may go on failing.
    patience: Duration,
    /// Since when it fails.
    trouble: Option<Instant>,
    /// When the last record came, or it was last looked whether any could.
    idle_since: Instant,
    admin: Admin,
    form: Form,
    progress: Progress,
    read: u64,
}

impl Reading {
    async fn run(&mut self, mut consumer: Consumer, group: bool) -> Result<(), Failure> {
        let read = self.read_all(&mut consumer).await;
        let committed = match &read {
            // All that was received was written out.
            Ok(()) if group => consumer.commit().await.map_err(Failure::from),
            _ => Ok(()),
        };
        let closed = consumer.close(self.patience).await.map_err(Failure::from);
        read.and(committed).and(closed)
    }

    async fn read_all(&mut self, consumer: &mut Consumer) -> Result<(), Failure> {
        let mut signals = Signals::listen().map_err(|error| Failure::Failed(format!("no signal handlers: {error}")))?;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.left != Some(0) && !self.is_at_end(consumer) {
            let most = self.left.map_or(TOGETHER, |left| left.min(TOGETHER as u64) as usize);
            tokio::select! {
                batch = consumer.recv_batch(most) => match batch {
                    Ok(batch) => self.write(consumer, batch)?,
                    Err(error) => self.endure(error)?,
                },
                _ = look.tick() => {
                    self.leave_finished(consumer);
                    if self.idle_since.elapsed() >= self.patience {
                        tokio::select! {
                            alive = self.look_for_broker() => alive?,
                            () = signals.next() => break,
                        }
                    }
                }
                () = signals.next() => break,
            }
            self.progress.tick(|elapsed| {
                let rate = self.read as f64 / elapsed.as_secs_f64().max(0.001);
                format!("{} read, {rate:.0}/s", count(self.read, "record"))
            });
        }
        Ok(())
    }

    fn write(&mut self, consumer: &Consumer, batch: Vec<ConsumerRecord>) -> Result<(), Failure> {
        self.trouble = None;
        self.idle_since = Instant::now();
        for record in batch {
            if !self.wants(consumer, &record) {
                continue;
            }
            self.form.write(record)?;
            self.read += 1;
            if let Some(left) = &mut self.left {
                *left -= 1;
            }
        }
        self.form.flush()
    }

    /// Whether a record lies before the end; with the last one that does, its partition is done.
    fn wants(&mut self, consumer: &Consumer, record: &ConsumerRecord) -> bool {
        let Some(until) = &mut self.until else { return true };
        let partition = record.topic_partition();
        let Some(end) = until.get(&partition).copied() else { return false };
        if record.offset + 1 >= end {
            until.remove(&partition);
            // A partition that was taken away meanwhile needs no pause.
            let _ = consumer.pause(&partition);
        }
        record.offset < end
    }

    /// The last records before the end may be none that are shown: markers of transactions, and what compaction took.
    fn leave_finished(&mut self, consumer: &Consumer) {
        if let Some(until) = &mut self.until {
            until.retain(|partition, end| consumer.position(partition).is_none_or(|position| position < *end));
        }
    }

    fn is_at_end(&self, consumer: &Consumer) -> bool {
        match &self.until {
            Some(until) => until.is_empty(),
            None if self.exit => {
                let assigned = consumer.assignment();
                !assigned.is_empty() && assigned.iter().all(|partition| consumer.lag(partition) == Some(0))
            }
            None => false,
        }
    }

    /// The consumer waits for a broker as long as it takes. Whoever waits for the end of what there is should not.
    async fn look_for_broker(&mut self) -> Result<(), Failure> {
        let found = self.admin.describe_cluster().await;
        self.idle_since = Instant::now();
        match found {
            Ok(_) => Ok(()),
            Err(error) if self.exit || self.until.is_some() => {
                Err(Failure::from(error).doing("no more records come, and no broker answers"))
            }
            Err(error) => {
                self.progress.clear();
                eprintln!("naru: no broker answers ({error}); waiting for it");
                Ok(())
            }
        }
    }

    /// What passes by itself is told and waited for, for a while.
    fn endure(&mut self, error: naru_client::Error) -> Result<(), Failure> {
        let since = *self.trouble.get_or_insert_with(Instant::now);
        if !error.is_retriable() || since.elapsed() >= self.patience {
            return Err(error.into());
        }
        self.progress.clear();
        eprintln!("naru: {error}; trying again");
        Ok(())
    }
}
