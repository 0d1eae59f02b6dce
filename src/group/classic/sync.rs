//! `SyncGroup`: the leader brings the assignment, every member takes its own.

use std::collections::HashMap;

use bytes::Bytes;

use super::group::{ClassicGroup, GroupState, Phase, Step, SyncPhase};
use crate::group::ErrorCode;
use crate::group::requests::{MemberAssignment, SyncReply, SyncRequest};
use crate::group::shard::ReplyToken;

impl ClassicGroup {
    /// Answers at once, or keeps `token` until the leader has brought the assignment.
    pub fn sync(&mut self, request: &SyncRequest, token: ReplyToken, step: &mut Step) {
        if let Err(error) = self.try_sync(request, token, step) {
            step.effects.syncs.push((token, SyncReply::refused(error)));
        }
    }

    fn try_sync(&mut self, request: &SyncRequest, token: ReplyToken, step: &mut Step) -> Result<(), ErrorCode> {
        self.check_member(&request.member_id, request.instance_id.as_ref())?;
        if request.generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        let type_differs = request.protocol_type.is_some() && request.protocol_type != self.protocol_type;
        if type_differs || (request.protocol.is_some() && request.protocol != self.protocol) {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        match self.state() {
            GroupState::Empty | GroupState::Dead => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            GroupState::PreparingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            GroupState::CompletingRebalance => {
                self.await_assignment(&request.member_id, token, step);
                if self.is_leader(&request.member_id) {
                    self.assign(&request.assignments, step);
                }
                Ok(())
            }
            GroupState::Stable => {
                self.mark_synced(&request.member_id);
                step.effects.syncs.push((token, self.synced_reply(&request.member_id)));
                Ok(())
            }
        }
    }

    fn await_assignment(&mut self, member_id: &str, token: ReplyToken, step: &mut Step) {
        self.mark_synced(member_id);
        let forgotten = self.members.get_mut(member_id).and_then(|member| member.sync.replace(token));
        if let Some(forgotten) = forgotten {
            step.effects.syncs.push((forgotten, SyncReply::refused(ErrorCode::REBALANCE_IN_PROGRESS)));
        }
    }

    fn mark_synced(&mut self, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.synced = true;
        }
        if self.all_synced() {
            self.sync_phase_over();
        }
    }

    /// The generation becomes stable: its members and assignment are recorded, then told.
    fn assign(&mut self, assignments: &[MemberAssignment], step: &mut Step) {
        let by_member: HashMap<&str, &Bytes> = assignments.iter().map(|a| (&*a.member_id, &a.assignment)).collect();
        for member in self.members.iter_mut() {
            let assignment = by_member.get(&*member.id).copied();
            member.assignment = assignment.map(|bytes| Bytes::copy_from_slice(bytes)).unwrap_or_default();
        }
        if self.snapshot().size_bound() + self.id.len() > step.config.max_record_bytes {
            self.cancel_syncs(ErrorCode::UNKNOWN_SERVER_ERROR, step);
            return self.prepare_rebalance(step);
        }
        let until = match self.phase {
            Phase::Completing(sync) => sync.until,
            _ => None,
        };
        self.enter(Phase::Stable(SyncPhase { until }), step);
        self.record(step);
        for id in self.members.ids(|member| member.sync.is_some()) {
            let reply = self.synced_reply(&id);
            if let Some(token) = self.members.get_mut(&id).and_then(|member| member.sync.take()) {
                step.effects.syncs.push((token, reply));
            }
            self.extend_session(&id, step.now);
        }
    }
}
