//! `naru group`: one file a verb.

mod delete;
mod describe;
mod list;
mod reset;

use clap::Subcommand;

use super::Failure;
use super::connect::block_on;

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
    let missing = error.is_not_found();
    let failure = Failure::from(error).doing(format_args!("group {group:?}"));
    if missing { failure.hint("`naru group list` shows which there are.") } else { failure }
}

/// What to do where a group has members and must have none.
const STOP_MEMBERS: &str = "Stop its members first; `naru group describe` shows who they are.";
