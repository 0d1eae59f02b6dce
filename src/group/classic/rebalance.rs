//! The way from one generation to the next, and what time does to a group.

use super::group::{ClassicGroup, JoinPhase, Phase, Step, SyncPhase};
use crate::group::{ErrorCode, Millis};

/// A group of static members none of which has joined is looked at no more often than this, however short its
/// rebalance timeout.
const SILENT_GROUP_RETRY_MS: i32 = 500;

impl ClassicGroup {
    /// Something about the membership changed: begin a rebalance, or see whether the present one can end.
    pub(super) fn membership_changed(&mut self, step: &mut Step) {
        match self.phase {
            Phase::Preparing(_) => self.complete_join_when_all_joined(step),
            _ => self.prepare_rebalance(step),
        }
    }

    /// Asks all members to join a new generation.
    pub(super) fn prepare_rebalance(&mut self, step: &mut Step) {
        if matches!(self.phase, Phase::Completing(_)) {
            self.cancel_syncs(ErrorCode::REBALANCE_IN_PROGRESS, step);
        }
        let timeout_ms = self.rebalance_timeout_ms();
        if self.is_empty() {
            let step_ms = step.config.initial_rebalance_delay_ms.max(0);
            let remaining_ms = timeout_ms.saturating_sub(step_ms).max(0);
            self.delay_join(step_ms, remaining_ms, step);
        } else {
            self.open_barrier(timeout_ms, step);
            self.complete_join_when_all_joined(step);
        }
    }

    fn delay_join(&mut self, step_ms: i32, remaining_ms: i32, step: &mut Step) {
        if step_ms == 0 {
            self.open_barrier(0, step);
            return self.complete_join(step);
        }
        let until = step.now.monotonic + step_ms;
        self.due(until);
        self.enter(Phase::Preparing(JoinPhase::Delay { until, step_ms, remaining_ms, member_arrived: false }), step);
    }

    fn open_barrier(&mut self, timeout_ms: i32, step: &mut Step) {
        let until = step.now.monotonic + timeout_ms;
        self.due(until);
        self.enter(Phase::Preparing(JoinPhase::Barrier { until }), step);
    }

    /// A barrier opens when the last member has come; the initial delay is always waited for.
    pub(super) fn complete_join_when_all_joined(&mut self, step: &mut Step) {
        let all_joined = self.members.awaiting_join() == self.members.len() && self.pending.is_empty();
        if all_joined && matches!(self.phase, Phase::Preparing(JoinPhase::Barrier { .. })) {
            self.complete_join(step);
        }
    }

    /// The waiting for members is over: who is not here is out, all others are the next generation.
    fn complete_join(&mut self, step: &mut Step) {
        for late in self.members.ids(|member| !member.is_awaiting_join() && member.instance_id.is_none()) {
            self.remove_member(&late, ErrorCode::UNKNOWN_MEMBER_ID, step);
        }
        if !self.elect_leader_among_joined() && !self.members.is_empty() {
            // Only static members are left, and none of them came: their session timeouts decide.
            return self.open_barrier(self.rebalance_timeout_ms().max(SILENT_GROUP_RETRY_MS), step);
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.protocol = None;
            self.leader = None;
            self.note_subscriptions();
            self.enter(Phase::Empty, step);
            return self.record(step);
        }
        self.protocol = self.elect_protocol();
        self.note_subscriptions();
        let until = step.now.monotonic + self.rebalance_timeout_ms();
        self.due(until);
        self.enter(Phase::Completing(SyncPhase { until: Some(until) }), step);
        for id in self.members.ids(|_| true) {
            let reply = self.joined_reply(&id);
            if let Some(token) = self.members.take_join(&id) {
                step.effects.joins.push((token, reply));
            }
            if let Some(member) = self.members.get_mut(&id) {
                member.is_new = false;
                member.synced = false;
            }
            self.extend_session(&id, step.now);
        }
    }

    /// The leader stays if it joined; else one of those that did becomes leader.
    fn elect_leader_among_joined(&mut self) -> bool {
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        if leader.is_some_and(super::member::Member::is_awaiting_join) {
            return true;
        }
        let joined = self.members.iter().find(|member| member.is_awaiting_join()).map(|member| member.id.clone());
        if joined.is_some() {
            self.leader = joined;
            return true;
        }
        false
    }

    /// Sessions of members that came out of the log begin now.
    pub fn resume(&mut self, step: &mut Step) {
        for id in self.members.ids(|_| true) {
            self.extend_session(&id, step.now);
        }
        if self.members.len() > step.config.max_size {
            self.prepare_rebalance(step);
        }
    }

    /// Does what has become due.
    pub fn expire(&mut self, step: &mut Step) {
        let now = step.now.monotonic;
        self.expire_pending(now, step);
        self.expire_sessions(now, step);
        self.expire_join(now, step);
        self.expire_sync(now, step);
        self.earliest = self.next_deadline();
    }

    fn expire_pending(&mut self, now: Millis, step: &mut Step) {
        let before = self.pending.len();
        self.pending.retain(|_, until| *until > now);
        if self.pending.len() < before {
            self.complete_join_when_all_joined(step);
        }
    }

    fn expire_sessions(&mut self, now: Millis, step: &mut Step) {
        for id in self.members.ids(|member| member.deadline.is_some_and(|until| until <= now)) {
            let Some(member) = self.members.get_mut(&id) else { continue };
            if member.is_heard() {
                member.deadline = None;
                continue;
            }
            self.remove_member(&id, ErrorCode::UNKNOWN_MEMBER_ID, step);
            self.membership_changed(step);
        }
    }

    fn expire_join(&mut self, now: Millis, step: &mut Step) {
        match self.phase {
            Phase::Preparing(JoinPhase::Barrier { until }) if until <= now => self.complete_join(step),
            Phase::Preparing(JoinPhase::Delay { until, step_ms, remaining_ms, member_arrived }) if until <= now => {
                if member_arrived && remaining_ms > 0 {
                    let next_ms = step.config.initial_rebalance_delay_ms.min(remaining_ms);
                    self.delay_join(next_ms, (remaining_ms - step_ms).max(0), step);
                } else {
                    self.complete_join(step);
                }
            }
            _ => {}
        }
    }

    /// Members that took part in the generation and never asked for their assignment are out.
    fn expire_sync(&mut self, now: Millis, step: &mut Step) {
        let (Phase::Completing(SyncPhase { until }) | Phase::Stable(SyncPhase { until })) = self.phase else { return };
        if until.is_none_or(|until| until > now) {
            return;
        }
        let silent = self.members.ids(|member| !member.synced);
        if silent.is_empty() {
            return self.sync_phase_over();
        }
        for id in silent {
            self.remove_member(&id, ErrorCode::UNKNOWN_MEMBER_ID, step);
        }
        self.prepare_rebalance(step);
    }

    /// Nobody is awaited any more: the deadline of the sync phase goes.
    pub(super) fn sync_phase_over(&mut self) {
        if let Phase::Completing(sync) | Phase::Stable(sync) = &mut self.phase {
            sync.until = None;
        }
    }

    fn next_deadline(&self) -> Millis {
        let phase = match self.phase {
            Phase::Empty => None,
            Phase::Preparing(JoinPhase::Delay { until, .. } | JoinPhase::Barrier { until }) => Some(until),
            Phase::Completing(sync) | Phase::Stable(sync) => sync.until,
        };
        let members = self.members.iter().filter_map(|member| member.deadline);
        phase.into_iter().chain(members).chain(self.pending.values().copied()).min().unwrap_or(Millis::NEVER)
    }
}
