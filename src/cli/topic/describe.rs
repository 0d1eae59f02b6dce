//! `naru topic describe`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args;
use naru_client::admin::{ConfigEntry, ConfigResource, OffsetSpec, TopicDescription};
use naru_client::{Admin, TopicPartition};
use serde::Serialize;

use super::missing;
use crate::cli::Failure;
use crate::cli::connect::BrokerArgs;
use crate::cli::output::{self, Format, OutputArgs, Row, count};

#[derive(Debug, Args)]
pub(in crate::cli) struct DescribeArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// All settings with their values and sources, in place of the partitions
    #[arg(short, long)]
    settings: bool,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Topic {
    name: String,
    id: String,
    internal: bool,
    partitions: Vec<Partition>,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Partition {
    #[serde(skip)]
    topic: String,
    partition: i32,
    leader: Option<i32>,
    leader_epoch: Option<i32>,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    offline: Vec<i32>,
    start: Option<i64>,
    end: Option<i64>,
}

#[derive(Serialize)]
struct Setting {
    #[serde(skip)]
    topic: String,
    name: String,
    value: Option<String>,
    source: &'static str,
}

impl Row for Partition {
    const COLUMNS: &'static [&'static str] =
        &["TOPIC", ">PARTITION", ">LEADER", "REPLICAS", "IN SYNC", ">START", ">END"];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        vec![
            self.topic.clone(),
            self.partition.to_string(),
            number(self.leader.map(i64::from)),
            brokers(&self.replicas),
            brokers(&self.isr),
            number(self.start),
            number(self.end),
        ]
    }
}

impl Row for Setting {
    const COLUMNS: &'static [&'static str] = &["TOPIC", "SETTING", "VALUE", "FROM"];

    fn cells(&self) -> Vec<String> {
        let value = self.value.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.topic.clone(), self.name.clone(), value, self.source.to_owned()]
    }
}

fn brokers(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

pub(super) async fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let admin = args.broker.admin(false).await?;
    let (mut topics, mut failures) = (Vec::new(), Vec::new());
    for (name, described) in admin.describe_topics(args.topics.iter().map(String::as_str)).await? {
        match described {
            Ok(described) => topics.push(topic(&admin, described).await?),
            Err(error) => failures.push(missing(&admin, &name, error).await),
        }
    }
    output::document(args.output.format(), &topics, |out, format| write_text(out, format, &topics, args.settings))?;
    Failure::all(failures)
}

/// What else is known about a topic. What cannot be learnt about it now is left open.
async fn topic(admin: &Admin, described: TopicDescription) -> Result<Topic, Failure> {
    let starts = ends(admin, &described, OffsetSpec::Earliest).await?;
    let ends = ends(admin, &described, OffsetSpec::Latest).await?;
    let config = admin.describe_config(ConfigResource::Topic(described.name.clone())).await?;
    let name = described.name.to_string();
    let partitions = described.partitions.into_iter().map(|known| Partition {
        topic: name.clone(),
        partition: known.partition,
        leader: known.leader,
        leader_epoch: known.leader_epoch,
        replicas: known.replicas,
        isr: known.isr,
        offline: known.offline,
        start: starts.get(&known.partition).copied(),
        end: ends.get(&known.partition).copied(),
    });
    let setting = |entry: ConfigEntry| Setting {
        topic: name.clone(),
        name: entry.name.to_string(),
        value: entry.value.map(|value| value.to_string()),
        source: entry.source.name(),
    };
    Ok(Topic {
        id: crate::storage::uuid_text::encode(described.id),
        internal: described.internal,
        partitions: partitions.collect(),
        settings: config.into_iter().map(setting).collect(),
        name,
    })
}

async fn ends(admin: &Admin, topic: &TopicDescription, spec: OffsetSpec) -> Result<BTreeMap<i32, i64>, Failure> {
    let all = topic.partitions.iter().filter(|partition| partition.leader.is_some());
    let asked = all.map(|partition| (TopicPartition::new(topic.name.clone(), partition.partition), spec));
    let listed = admin.list_offsets(asked).await?;
    let known = listed.into_iter().filter_map(|(asked, listed)| Some((asked.partition, listed.ok()?.offset?)));
    Ok(known.collect())
}

fn write_text(out: &mut dyn Write, format: Format, topics: &[Topic], settings: bool) -> io::Result<()> {
    for (index, topic) in topics.iter().enumerate() {
        if settings {
            output::write_rows(out, format, &topic.settings)?;
            continue;
        }
        if format == Format::Table {
            if index > 0 {
                writeln!(out)?;
            }
            write_heading(out, topic)?;
        }
        output::write_rows(out, format, &topic.partitions)?;
    }
    Ok(())
}

/// What holds for the topic as a whole, with the settings that somebody made for it.
fn write_heading(out: &mut dyn Write, topic: &Topic) -> io::Result<()> {
    let partitions = count(topic.partitions.len() as u64, "partition");
    let internal = if topic.internal { ", internal" } else { "" };
    writeln!(out, "Topic {}, {partitions}{internal}, id {}", topic.name, topic.id)?;
    for setting in topic.settings.iter().filter(|setting| setting.source == "topic") {
        let value = output::printable(setting.value.as_deref().unwrap_or_default());
        writeln!(out, "  {} = {value}", setting.name)?;
    }
    Ok(())
}
