//! What goes wrong in a member's life, by what the member does about it.

use naru_protocol::{ApiKey, ErrorCode};

use crate::error::{Error, ErrorKind};

/// What an error code means for a member.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The group is being divided anew.
    Rebalance,
    /// The group does not know this member any more.
    Forgotten,
    /// The group has gone on without this member, and still knows it: it comes back under the same id, so that nobody waits for
    /// its ghost.
    LeftBehind,
    /// Another try may end better.
    Passing(Error),
    /// No try will, without somebody's help.
    Lasting(Error),
}

impl Trouble {
    pub(super) fn of(api: ApiKey, code: ErrorCode) -> Self {
        match code {
            ErrorCode::REBALANCE_IN_PROGRESS => Self::Rebalance,
            ErrorCode::UNKNOWN_MEMBER_ID => Self::Forgotten,
            ErrorCode::ILLEGAL_GENERATION => Self::LeftBehind,
            ErrorCode::FENCED_INSTANCE_ID => Self::Lasting(Error::new(
                ErrorKind::Fenced,
                "another member has come with the same group.instance.id (FENCED_INSTANCE_ID)",
            )),
            ErrorCode::INCONSISTENT_GROUP_PROTOCOL => Self::Lasting(Error::broker_said(
                api,
                code,
                Some(
                    "no assignor is known to all members; set partition.assignment.strategy to one that the others use",
                ),
            )),
            code if code.is_retriable() => Self::Passing(Error::broker_code(api, code)),
            code => Self::Lasting(Error::broker_code(api, code)),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if error.is_retriable() { Self::Passing(error) } else { Self::Lasting(error) }
    }
}
