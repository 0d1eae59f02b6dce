//! `naru topic delete`.

use clap::Args;
use serde::Serialize;

use super::missing;
use crate::cli::Failure;
use crate::cli::confirm::ConfirmArgs;
use crate::cli::connect::BrokerArgs;
use crate::cli::output::{self, OutputArgs, Row, named};

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// A topic that does not exist is no failure
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Deleted {
    name: String,
    result: &'static str,
}

impl Row for Deleted {
    const COLUMNS: &'static [&'static str] = &["TOPIC", "RESULT"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.result.to_owned()]
    }
}

pub(super) async fn run(args: &DeleteArgs) -> Result<(), Failure> {
    args.confirm.confirm(&format!("Delete {} with all records?", named("topic", &args.topics)))?;
    let admin = args.broker.admin(args.confirm.dry_run).await?;
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for (name, deleted) in admin.delete_topics(args.topics.iter().map(String::as_str)).await? {
        let result = match deleted {
            Ok(()) if args.confirm.dry_run => "would be deleted",
            Ok(()) => "deleted",
            Err(error) if error.is_not_found() && args.if_exists => "does not exist",
            Err(error) => {
                failures.push(missing(&admin, &name, error).await);
                continue;
            }
        };
        rows.push(Deleted { name: name.to_string(), result });
    }
    output::results(args.output.format(), &rows, failures)
}
