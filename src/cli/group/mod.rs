//! `naru group`: one file a verb.

mod delete;
mod describe;
mod list;
mod reset;

use clap::Subcommand;
use naru_client::Admin;
use naru_client::admin::GroupFilter;

use super::Failure;
use super::connect::block_on;
use crate::config::nearest_name;

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// List consumer groups
    List(list::ListArgs),
    /// Show members, committed offsets and lag of groups
    Describe(describe::DescribeArgs),
    /// Set where a group goes on reading; it must have no members
    #[command(after_help = reset::help())]
    Reset(reset::ResetArgs),
    /// Delete groups and their committed offsets
    Delete(delete::DeleteArgs),
}

impl GroupCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::List(args) => block_on(list::run(args)),
            Self::Describe(args) => block_on(describe::run(args)),
            Self::Reset(args) => block_on(reset::run(args)),
            Self::Delete(args) => block_on(delete::run(args)),
        }
    }
}

/// A failure about a group.
fn about(group: &str, error: naru_client::Error) -> Failure {
    Failure::from(error).doing(format_args!("group {group:?}"))
}

/// As [`about`]; where there is no such group, with the name that was probably meant.
async fn missing(admin: &Admin, group: &str, error: naru_client::Error) -> Failure {
    if !error.is_not_found() {
        return about(group, error);
    }
    let failure = Failure::NotFound(format!("there is no group {group:?}"));
    let groups = admin.list_groups(GroupFilter::default()).await.unwrap_or_default();
    match nearest_name(group, groups.iter().map(|group| &*group.id)) {
        Some(name) => failure.hint(format_args!("Did you mean {name}?")),
        None => failure.hint("`naru group list` shows which there are."),
    }
}

/// What to do where a group has members and must have none.
const STOP_MEMBERS: &str = "Stop its members first; `naru group describe` shows who they are.";
