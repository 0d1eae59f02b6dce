//! Who may commit offsets, and who may delete them.

use super::group::{ClassicGroup, GroupState};
use crate::group::{CommitRequest, ErrorCode, Now};

impl ClassicGroup {
    /// A member of the present generation may commit; anyone may while the group is empty. A commit is a sign of life.
    pub fn check_commit(&mut self, request: &CommitRequest, now: Now) -> Result<(), ErrorCode> {
        if request.generation < 0 && self.is_empty() {
            return Ok(());
        }
        let is_anonymous = request.generation < 0 && request.member_id.is_empty() && request.instance_id.is_none();
        if is_anonymous {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        self.check_member(&request.member_id, request.instance_id.as_ref())?;
        if request.generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        // The member knows the new generation, so it has seen the answer to its `JoinGroup`: it may retry.
        if self.state() == GroupState::CompletingRebalance {
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        self.extend_session(&request.member_id, now);
        Ok(())
    }

    /// Only a group without members can be deleted.
    pub fn check_delete(&self) -> Result<(), ErrorCode> {
        if self.is_empty() { Ok(()) } else { Err(ErrorCode::NON_EMPTY_GROUP) }
    }

    /// Whether single offsets can be deleted: of a group of consumers those of topics it does not subscribe to, of any
    /// other group with members none.
    pub fn check_delete_offsets(&self) -> Result<(), ErrorCode> {
        if self.is_empty() || self.is_of_consumers() { Ok(()) } else { Err(ErrorCode::NON_EMPTY_GROUP) }
    }
}
