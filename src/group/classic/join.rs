//! `JoinGroup`: a member asks to be part of the next generation.

use bytestring::ByteString;

use super::group::{ClassicGroup, GroupState, JoinPhase, Phase, Step};
use super::member::Member;
use crate::group::requests::{JoinReply, JoinRequest, owned};
use crate::group::shard::ReplyToken;
use crate::group::{ErrorCode, SyncReply};

/// A member that joined without knowing its id cannot send heartbeats. If its connection is gone nobody would notice,
/// so it is removed when the rebalance takes longer than this; a live client joins again.
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1000;

impl ClassicGroup {
    /// Answers at once, or keeps `token` until the rebalance is over.
    pub fn join(&mut self, request: &JoinRequest, token: ReplyToken, step: &mut Step) {
        if let Some(reply) = self.answer_or_keep(request, token, step) {
            step.effects.joins.push((token, reply));
        }
    }

    fn answer_or_keep(&mut self, request: &JoinRequest, token: ReplyToken, step: &mut Step) -> Option<JoinReply> {
        if !self.has_room_for(&request.member_id, step.config.max_size) {
            self.remove_member(&request.member_id, ErrorCode::UNKNOWN_MEMBER_ID, step);
            self.pending.remove(&request.member_id);
            return Some(JoinReply::refused(ErrorCode::GROUP_MAX_SIZE_REACHED, ByteString::new()));
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            return Some(JoinReply::refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL, request.member_id.clone()));
        }
        if !request.member_id.is_empty() {
            return self.join_with_id(request, token, step);
        }
        match &request.instance_id {
            Some(instance) => {
                let new_id = new_member_id(instance, request);
                match self.members.static_member(instance).cloned() {
                    Some(old_id) => self.replace_static_member(request, &old_id, &new_id, token, step),
                    None => self.add_member(&new_id, request, token, step),
                }
                None
            }
            None if request.require_known_member_id => Some(self.hand_out_member_id(request, step)),
            None => {
                self.add_member(&new_member_id(&request.client_id, request), request, token, step);
                None
            }
        }
    }

    /// During a rebalance those count who have joined it: who does not come is out anyway.
    fn has_room_for(&self, member_id: &str, max_size: usize) -> bool {
        match self.state() {
            GroupState::Empty | GroupState::Dead => true,
            GroupState::PreparingRebalance => {
                self.members.get(member_id).is_some_and(Member::is_awaiting_join)
                    || self.members.awaiting_join() < max_size
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.members.contains(member_id) || self.members.len() < max_size
            }
        }
    }

    fn hand_out_member_id(&mut self, request: &JoinRequest, step: &Step) -> JoinReply {
        if self.pending.len() >= step.config.max_pending_members {
            return JoinReply::refused(ErrorCode::GROUP_MAX_SIZE_REACHED, ByteString::new());
        }
        let id = new_member_id(&request.client_id, request);
        let until = step.now.monotonic + request.session_timeout_ms;
        self.due(until);
        self.pending.insert(id.clone(), until);
        JoinReply::refused(ErrorCode::MEMBER_ID_REQUIRED, id)
    }

    fn join_with_id(&mut self, request: &JoinRequest, token: ReplyToken, step: &mut Step) -> Option<JoinReply> {
        let id = &request.member_id;
        if self.pending.contains_key(id) && request.instance_id.is_none() {
            self.add_member(&owned(id), request, token, step);
            return None;
        }
        if let Err(error) = self.check_member(id, request.instance_id.as_ref()) {
            return Some(JoinReply::refused(error, id.clone()));
        }
        let unchanged = self.members.get(id).is_some_and(|member| member.supports_exactly(&request.protocols));
        match self.state() {
            // The member lost its answer: the generation stands as it is.
            GroupState::CompletingRebalance if unchanged => Some(self.joined_reply(id)),
            // A leader that joins again has seen that topics changed; a follower has only lost its answer.
            GroupState::Stable if unchanged && !self.is_leader(id) => Some(self.joined_reply(id)),
            _ => {
                self.update_member(request, token, step);
                None
            }
        }
    }

    fn add_member(&mut self, id: &ByteString, request: &JoinRequest, token: ReplyToken, step: &mut Step) {
        if let Phase::Preparing(JoinPhase::Delay { member_arrived, .. }) = &mut self.phase {
            *member_arrived = true;
        }
        self.pending.remove(id);
        if self.members.is_empty() {
            self.protocol_type = Some(owned(&request.protocol_type));
            self.leader = Some(id.clone());
        }
        let until = step.now.monotonic + NEW_MEMBER_JOIN_TIMEOUT_MS;
        self.due(until);
        let mut member = Member::new(id.clone(), &request.protocols);
        member.instance_id = request.instance_id.as_ref().map(owned);
        member.client_id = owned(&request.client_id);
        member.client_host = owned(&request.client_host);
        member.session_timeout_ms = request.session_timeout_ms;
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.is_new = true;
        member.deadline = Some(until);
        self.members.insert(member);
        self.members.await_join(id, token);
        self.membership_changed(step);
    }

    fn update_member(&mut self, request: &JoinRequest, token: ReplyToken, step: &mut Step) {
        self.members.set_protocols(&request.member_id, &request.protocols);
        if let Some(member) = self.members.get_mut(&request.member_id) {
            member.session_timeout_ms = request.session_timeout_ms;
            member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if let Some(forgotten) = self.members.await_join(&request.member_id, token) {
            let refusal = JoinReply::refused(ErrorCode::REBALANCE_IN_PROGRESS, request.member_id.clone());
            step.effects.joins.push((forgotten, refusal));
        }
        self.membership_changed(step);
    }

    /// A static member came back without its member id: it gets a new one, and the old one is fenced. A stable group
    /// goes on without a rebalance as long as the chosen protocol stays (KIP-345).
    fn replace_static_member(
        &mut self,
        request: &JoinRequest,
        old_id: &ByteString,
        new_id: &ByteString,
        token: ReplyToken,
        step: &mut Step,
    ) {
        let leader_before = self.leader.clone().unwrap_or_default();
        let Some(old) = self.members.remove(old_id) else { return };
        let mut new = Member::new(new_id.clone(), &request.protocols);
        new.instance_id.clone_from(&old.instance_id);
        new.client_id = old.client_id.clone();
        new.client_host = old.client_host.clone();
        new.session_timeout_ms = old.session_timeout_ms;
        new.rebalance_timeout_ms = request.rebalance_timeout_ms;
        new.assignment = old.assignment.clone();
        new.synced = old.synced;
        new.is_new = old.is_new;
        let (join, sync) = old.into_tokens();
        if let Some(token) = join {
            step.effects.joins.push((token, JoinReply::refused(ErrorCode::FENCED_INSTANCE_ID, old_id.clone())));
        }
        if let Some(token) = sync {
            step.effects.syncs.push((token, SyncReply::refused(ErrorCode::FENCED_INSTANCE_ID)));
        }
        self.members.insert(new);
        if self.is_leader(old_id) {
            self.leader = Some(new_id.clone());
        }
        // As in Kafka, a new session timeout counts from the next heartbeat on.
        self.extend_session(new_id, step.now);
        if let Some(member) = self.members.get_mut(new_id) {
            member.session_timeout_ms = request.session_timeout_ms;
        }

        let goes_on = matches!(self.phase, Phase::Stable(_)) && self.elect_protocol() == self.protocol;
        if goes_on {
            self.record(step);
            let reply = self.replaced_reply(new_id, leader_before, request.supports_skipping_assignment);
            step.effects.joins.push((token, reply));
        } else {
            self.members.await_join(new_id, token);
            self.membership_changed(step);
        }
    }

    /// The leader that came back must not compute an assignment. Clients that understand `skip_assignment` are told so
    /// (KIP-814); others are made to believe that somebody else leads.
    fn replaced_reply(&self, id: &ByteString, leader_before: ByteString, supports_skipping: bool) -> JoinReply {
        let reply = self.joined_reply(id);
        if supports_skipping {
            JoinReply { skip_assignment: self.is_leader(id), ..reply }
        } else {
            JoinReply { leader: leader_before, members: Vec::new(), ..reply }
        }
    }
}

/// Kafka's strings end at 32,767 bytes, and a dash and a UUID follow.
const LONGEST_PREFIX: usize = i16::MAX as usize - 1 - uuid::fmt::Hyphenated::LENGTH;

fn new_member_id(prefix: &str, request: &JoinRequest) -> ByteString {
    let prefix = &prefix[..prefix.floor_char_boundary(LONGEST_PREFIX)];
    format!("{prefix}-{}", request.fresh_id).into()
}
