//! Heartbeat: a member is alive, and learns whether it must join again.

use super::group::{ClassicGroup, GroupState};
use crate::group::{ErrorCode, HeartbeatRequest, Now};

impl ClassicGroup {
    /// Extends the session. `REBALANCE_IN_PROGRESS` asks the member to join again.
    pub fn heartbeat(&mut self, request: &HeartbeatRequest, now: Now) -> ErrorCode {
        if let Err(error) = self.check_member(&request.member_id, request.instance_id.as_ref()) {
            return error;
        }
        if request.generation != self.generation {
            return ErrorCode::ILLEGAL_GENERATION;
        }
        match self.state() {
            GroupState::Empty | GroupState::Dead => ErrorCode::UNKNOWN_MEMBER_ID,
            GroupState::PreparingRebalance => {
                self.extend_session(&request.member_id, now);
                ErrorCode::REBALANCE_IN_PROGRESS
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.extend_session(&request.member_id, now);
                ErrorCode::NONE
            }
        }
    }
}
