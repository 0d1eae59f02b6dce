//! `naru topic create`.

use clap::Args;
use naru_client::admin::NewTopic;
use serde::Serialize;

use super::about;
use crate::cli::Failure;
use crate::cli::connect::{BrokerArgs, parse_count, parse_pair};
use crate::cli::output::{self, OutputArgs, Row};

pub(super) const EXAMPLES: &str = "\
Examples:
  naru topic create orders
  naru topic create orders payments -p 6 -c retention.ms=86400000
  naru topic create customers -c cleanup.policy=compact --if-not-exists";

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// Partitions of each [default: the broker's num.partitions]
    #[arg(short, long, value_name = "N", value_parser = parse_count::<i32>)]
    partitions: Option<i32>,
    /// Replicas of each partition [default: the broker's default.replication.factor]
    #[arg(short, long, value_name = "N", value_parser = parse_count::<i16>)]
    replicas: Option<i16>,
    /// A setting of the topics, by Kafka's name
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    config: Vec<(String, String)>,
    /// A topic that exists already is left as it is, and no failure
    #[arg(long)]
    if_not_exists: bool,
    /// Let the broker check it, and make nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Created {
    name: String,
    result: &'static str,
    partitions: Option<i32>,
    replication_factor: Option<i16>,
}

impl Row for Created {
    const COLUMNS: &'static [&'static str] = &["TOPIC", "RESULT", ">PARTITIONS", ">REPLICAS"];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let (partitions, replicas) = (self.partitions.map(i64::from), self.replication_factor.map(i64::from));
        vec![self.name.clone(), self.result.to_owned(), number(partitions), number(replicas)]
    }
}

pub(super) async fn run(args: &CreateArgs) -> Result<(), Failure> {
    if let [_, _, ..] = args.topics.as_slice()
        && let Some(number) = args.topics.iter().find(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(Failure::Usage(format!("{number:?} would be the name of another topic")).hint(format_args!(
            "-p {number} sets the partitions. A topic that is called {number} is made by naming it alone."
        )));
    }
    let admin = args.broker.admin(args.dry_run).await?;
    let topics: Vec<NewTopic> = args.topics.iter().map(|name| wanted(args, name)).collect();
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for (name, created) in admin.create_topics(topics).await? {
        match created {
            Ok(topic) => rows.push(Created {
                name: name.to_string(),
                result: if args.dry_run { "would be created" } else { "created" },
                partitions: Some(topic.partitions).filter(|count| *count >= 0),
                replication_factor: Some(topic.replication_factor).filter(|count| *count >= 0),
            }),
            Err(error) if error.is_already_exists() && args.if_not_exists => rows.push(Created {
                name: name.to_string(),
                result: "exists",
                partitions: None,
                replication_factor: None,
            }),
            Err(error) if error.is_already_exists() => {
                let failure = about(&name, error);
                failures.push(failure.hint("--if-not-exists lets it be; `naru topic alter` changes it."));
            }
            Err(error) => failures.push(about(&name, error)),
        }
    }
    output::results(args.output.format(), &rows, failures)
}

fn wanted(args: &CreateArgs, name: &str) -> NewTopic {
    let mut topic = NewTopic::new(name);
    if let Some(count) = args.partitions {
        topic = topic.partitions(count);
    }
    if let Some(count) = args.replicas {
        topic = topic.replication_factor(count);
    }
    args.config.iter().fold(topic, |topic, (name, value)| topic.config(name.as_str(), value.as_str()))
}
