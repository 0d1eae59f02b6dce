//! `naru group list`.

use clap::Args;
use naru_client::admin::{GroupFilter, GroupListing};
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::connect::BrokerArgs;
use crate::cli::output::{self, OutputArgs, Row};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only groups whose name has this in it
    #[arg(default_value = "", hide_default_value = true)]
    name: String,
    /// Only groups in this state: stable, empty, preparing-rebalance, completing-rebalance, dead
    #[arg(long, value_parser = parse_state)]
    state: Option<String>,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A state in small letters without dashes, as states are compared.
fn parse_state(text: &str) -> Result<String, String> {
    const STATES: &[&str] =
        &["stable", "empty", "preparingrebalance", "completingrebalance", "dead", "assigning", "reconciling"];
    let state = text.to_ascii_lowercase().replace(['-', '_'], "");
    if STATES.contains(&state.as_str()) {
        Ok(state)
    } else {
        Err("there are stable, empty, preparing-rebalance, completing-rebalance, assigning, reconciling and dead"
            .into())
    }
}

#[derive(Serialize)]
struct Group {
    id: String,
    state: String,
    #[serde(rename = "type")]
    group_type: String,
    protocol_type: String,
}

impl Row for Group {
    const COLUMNS: &'static [&'static str] = &["GROUP", "STATE", "TYPE", "MEMBERS ARE"];

    fn cells(&self) -> Vec<String> {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        vec![self.id.clone(), or_dash(&self.state), or_dash(&self.group_type), or_dash(&self.protocol_type)]
    }
}

pub(super) async fn run(args: &ListArgs) -> Result<(), Failure> {
    let listed = args.broker.admin(false).await?.list_groups(GroupFilter::default()).await?;
    let in_state = |group: &Group| args.state.as_ref().is_none_or(|state| group.state.to_ascii_lowercase() == *state);
    let groups: Vec<Group> =
        listed.into_iter().filter(|group| group.id.contains(&args.name)).map(Group::from).filter(in_state).collect();
    output::list(args.output.format(), &groups)?;
    if groups.is_empty() && !args.name.is_empty() {
        return Err(Failure::NotFound(format!("no such group has {:?} in its name", args.name)));
    }
    if groups.is_empty() && args.output.is_for_people() {
        eprintln!("There are no groups; `naru consume TOPIC -g NAME` makes one.");
    }
    Ok(())
}

impl From<GroupListing> for Group {
    fn from(group: GroupListing) -> Self {
        Self {
            id: group.id.to_string(),
            state: group.state.to_string(),
            group_type: group.group_type.to_string(),
            protocol_type: group.protocol_type.to_string(),
        }
    }
}
