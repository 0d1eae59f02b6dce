//! `naru topic alter`.

use clap::Args;
use naru_client::Admin;
use naru_client::admin::{ConfigChange, ConfigEntry, ConfigResource};
use serde::Serialize;

use super::missing;
use crate::cli::Failure;
use crate::cli::connect::{BrokerArgs, parse_count, parse_pair};
use crate::cli::output::{self, OutputArgs, Row};

pub(super) const EXAMPLES: &str = "\
Examples:
  naru topic alter orders -c retention.ms=3600000 -c max.message.bytes=4194304
  naru topic alter orders --unset retention.ms
  naru topic alter orders -p 12 --dry-run";

#[derive(Debug, Args)]
pub(in crate::cli) struct AlterArgs {
    /// The topic
    topic: String,
    /// Partitions in total, more than now: records with a key may go to another partition from then on
    #[arg(short, long, value_name = "N", value_parser = parse_count::<i32>)]
    partitions: Option<i32>,
    /// Set a setting
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    config: Vec<(String, String)>,
    /// Take a setting away: the broker's holds again
    #[arg(short, long, value_name = "NAME")]
    unset: Vec<String>,
    /// Let the broker check it, show from and to, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Changed {
    topic: String,
    name: String,
    from: Option<String>,
    to: Option<String>,
    changed: bool,
}

impl Row for Changed {
    const COLUMNS: &'static [&'static str] = &["TOPIC", "SETTING", "FROM", "TO"];

    fn cells(&self) -> Vec<String> {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.topic.clone(), self.name.clone(), value(&self.from), value(&self.to)]
    }
}

pub(super) async fn run(args: &AlterArgs) -> Result<(), Failure> {
    if args.partitions.is_none() && args.config.is_empty() && args.unset.is_empty() {
        return Err(Failure::Usage("nothing to change was named".into())
            .hint("-c NAME=VALUE sets a setting, --unset NAME takes one away, -p N adds partitions."));
    }
    let admin = args.broker.admin(args.dry_run).await?;
    let mut rows = Vec::new();
    let changed = change(args, &admin, &mut rows).await;
    output::list(args.output.format(), &rows)?;
    match changed {
        Ok(()) => Ok(()),
        Err(error) => Err(missing(&admin, &args.topic, error).await),
    }
}

/// Makes the changes one kind after the other and notes those that were made.
async fn change(args: &AlterArgs, admin: &Admin, rows: &mut Vec<Changed>) -> Result<(), naru_client::Error> {
    let row = |name: &str, from: Option<String>, to: Option<String>| Changed {
        topic: args.topic.clone(),
        name: name.to_owned(),
        from,
        to,
        changed: !args.dry_run,
    };
    let topic = admin.describe_topic(args.topic.as_str()).await?;
    let set = args.config.iter().map(|(name, value)| ConfigChange::set(name.as_str(), value.as_str()));
    let unset = args.unset.iter().map(|name| ConfigChange::unset(name.as_str()));
    let changes: Vec<ConfigChange> = set.chain(unset).collect();
    if !changes.is_empty() {
        let resource = ConfigResource::topic(args.topic.as_str());
        let before = admin.describe_config(resource.clone()).await?;
        admin.alter_config(resource.clone(), changes).await?;
        let after = if args.dry_run { before.clone() } else { admin.describe_config(resource).await? };
        for (name, value) in &args.config {
            rows.push(row(name, value_of(&before, name), Some(value.clone())));
        }
        for name in &args.unset {
            // What the next layer has is only known once it holds.
            let to = if args.dry_run { Some("(the broker's)".to_owned()) } else { value_of(&after, name) };
            rows.push(row(name, value_of(&before, name), to));
        }
    }
    if let Some(total) = args.partitions {
        admin.grow_topic(args.topic.as_str(), total).await?;
        rows.push(row("partitions", Some(topic.partitions.len().to_string()), Some(total.to_string())));
    }
    Ok(())
}

fn value_of(entries: &[ConfigEntry], name: &str) -> Option<String> {
    entries.iter().find(|entry| entry.name == name)?.value.as_ref().map(ToString::to_string)
}
