//! `naru topic`: one file a verb.

mod alter;
mod create;
mod delete;
mod delete_records;
mod describe;
mod list;

use clap::Subcommand;
use naru_client::{Admin, ErrorCode};

use super::Failure;
use super::connect::block_on;
use crate::config::nearest_name;

#[derive(Debug, Subcommand)]
pub(super) enum TopicCommand {
    /// Make topics
    #[command(after_help = create::EXAMPLES)]
    Create(create::CreateArgs),
    /// List topics
    List(list::ListArgs),
    /// Show partitions, offsets and settings of topics
    Describe(describe::DescribeArgs),
    /// Change settings of a topic, or give it more partitions
    #[command(after_help = alter::EXAMPLES)]
    Alter(alter::AlterArgs),
    /// Delete topics and all their records
    Delete(delete::DeleteArgs),
    /// Delete the first records of partitions
    #[command(after_help = delete_records::help())]
    DeleteRecords(delete_records::DeleteRecordsArgs),
}

impl TopicCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Create(args) => block_on(create::run(args)),
            Self::List(args) => block_on(list::run(args)),
            Self::Describe(args) => block_on(describe::run(args)),
            Self::Alter(args) => block_on(alter::run(args)),
            Self::Delete(args) => block_on(delete::run(args)),
            Self::DeleteRecords(args) => block_on(delete_records::run(args)),
        }
    }
}

/// What to know about settings when one is refused.
const SETTINGS: &str =
    "Times are in milliseconds, sizes in bytes; `naru topic describe TOPIC --settings` shows every setting.";

/// A failure about a topic.
fn about(topic: &str, error: naru_client::Error) -> Failure {
    let settings = error.code() == Some(ErrorCode::INVALID_CONFIG);
    let failure = Failure::from(error).doing(format_args!("topic {topic:?}"));
    if settings { failure.hint(SETTINGS) } else { failure }
}

/// As [`about`]; where there is no such topic, with the name that was probably meant.
pub(super) async fn missing(admin: &Admin, topic: &str, error: naru_client::Error) -> Failure {
    if !error.is_not_found() {
        return about(topic, error);
    }
    let failure = Failure::NotFound(format!("there is no topic {topic:?}"));
    let topics = admin.list_topics().await.unwrap_or_default();
    match nearest_name(topic, topics.iter().map(|topic| &*topic.name)) {
        Some(name) => failure.hint(format_args!("Did you mean {name}?")),
        None => failure.hint("`naru topic list` shows which there are."),
    }
}
