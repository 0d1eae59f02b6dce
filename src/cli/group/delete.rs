//! `naru group delete`.

use clap::Args;
use serde::Serialize;

use super::missing;
use crate::cli::Failure;
use crate::cli::confirm::ConfirmArgs;
use crate::cli::connect::BrokerArgs;
use crate::cli::output::{self, OutputArgs, Row, named};

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    /// The groups
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
    /// A group that does not exist is no failure
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
    group: String,
    result: &'static str,
}

impl Row for Deleted {
    const COLUMNS: &'static [&'static str] = &["GROUP", "RESULT"];

    fn cells(&self) -> Vec<String> {
        vec![self.group.clone(), self.result.to_owned()]
    }
}

pub(super) async fn run(args: &DeleteArgs) -> Result<(), Failure> {
    args.confirm.confirm(&format!("Delete {} with all committed offsets?", named("group", &args.groups)))?;
    let admin = args.broker.admin(args.confirm.dry_run).await?;
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for (group, deleted) in admin.delete_groups(args.groups.iter().map(String::as_str)).await? {
        let result = match deleted {
            Ok(()) if args.confirm.dry_run => "would be deleted",
            Ok(()) => "deleted",
            Err(error) if error.is_not_found() && args.if_exists => "does not exist",
            Err(error) => {
                let members = error.code() == Some(naru_client::ErrorCode::NON_EMPTY_GROUP);
                let failure = missing(&admin, &group, error).await;
                failures.push(if members { failure.hint(super::STOP_MEMBERS) } else { failure });
                continue;
            }
        };
        rows.push(Deleted { group: group.to_string(), result });
    }
    output::results(args.output.format(), &rows, failures)
}
