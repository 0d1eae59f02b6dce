//! `naru topic list`.

use clap::Args;
use naru_client::admin::TopicDescription;
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::connect::BrokerArgs;
use crate::cli::output::{self, OutputArgs, Row};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only topics whose name has this in it
    #[arg(default_value = "", hide_default_value = true)]
    name: String,
    /// The broker's own topics too, such as __consumer_offsets
    #[arg(long)]
    internal: bool,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Topic {
    name: String,
    id: String,
    partitions: usize,
    replication_factor: usize,
    internal: bool,
}

impl Row for Topic {
    const COLUMNS: &'static [&'static str] = &["TOPIC", ">PARTITIONS", ">REPLICAS"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.partitions.to_string(), self.replication_factor.to_string()]
    }
}

pub(super) async fn run(args: &ListArgs) -> Result<(), Failure> {
    let described = args.broker.admin(false).await?.list_topics().await?;
    let wanted = |topic: &TopicDescription| (args.internal || !topic.internal) && topic.name.contains(&args.name);
    let topics: Vec<Topic> = described.into_iter().filter(wanted).map(Topic::from).collect();
    output::list(args.output.format(), &topics)?;
    if topics.is_empty() && !args.name.is_empty() {
        return Err(Failure::NotFound(format!("no topic has {:?} in its name", args.name)));
    }
    if topics.is_empty() && args.output.is_for_people() {
        eprintln!("There are no topics; `naru topic create NAME` makes one.");
    }
    Ok(())
}

impl From<TopicDescription> for Topic {
    fn from(topic: TopicDescription) -> Self {
        Self {
            name: topic.name.to_string(),
            id: crate::storage::uuid_text::encode(topic.id),
            partitions: topic.partitions.len(),
            replication_factor: topic.partitions.first().map_or(0, |partition| partition.replicas.len()),
            internal: topic.internal,
        }
    }
}
