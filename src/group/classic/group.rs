//! A classic group: its state, and the checks that all requests share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;

use super::member::{Member, Members};
use crate::group::requests::{JoinReply, owned};
use crate::group::shard::Effects;
use crate::group::{ErrorCode, GroupConfig, GroupSnapshot, Millis, Now, Protocol, Record, SyncReply};

/// The state of a group, as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// No members; the group may still have committed offsets.
    Empty,
    /// Members are asked to join the next generation.
    PreparingRebalance,
    /// The generation is made; the leader's assignment is awaited.
    CompletingRebalance,
    /// Every member has, or can get, its assignment.
    Stable,
    /// The group does not exist.
    Dead,
}

impl GroupState {
    /// The name in answers of `DescribeGroups` and `ListGroups`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What every step of a group needs, and where its effects go.
pub(in crate::group) struct Step<'a> {
    pub config: &'a GroupConfig,
    pub now: Now,
    pub effects: &'a mut Effects,
}

/// Where a group is on its way from one generation to the next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Empty,
    Preparing(JoinPhase),
    Completing(SyncPhase),
    Stable(SyncPhase),
}

/// Why the joining of a generation is not over yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum JoinPhase {
    /// The first rebalance of an empty group gives more members time to arrive, and more again while they do.
    Delay { until: Millis, step_ms: i32, remaining_ms: i32, member_arrived: bool },
    /// All members are awaited, but no longer than this.
    Barrier { until: Millis },
}

/// Until when all members must have asked for their assignment; `None` when all have.
#[derive(Clone, Copy, Debug)]
pub(super) struct SyncPhase {
    pub until: Option<Millis>,
}

/// A group of the classic protocol.
#[derive(Debug)]
pub(in crate::group) struct ClassicGroup {
    pub(super) id: ByteString,
    pub(super) phase: Phase,
    pub(super) state_since_ms: i64,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<ByteString>,
    pub(super) protocol: Option<ByteString>,
    pub(super) leader: Option<ByteString>,
    pub(super) members: Members,
    /// The topics of the generation; `None` when a member's metadata could not be read.
    pub(super) subscribed: Option<BTreeSet<ByteString>>,
    /// Member ids that were handed out and are not used yet, each until its deadline.
    pub(super) pending: BTreeMap<ByteString, Millis>,
    /// No deadline of this group is earlier.
    pub(super) earliest: Millis,
}

impl ClassicGroup {
    /// A group without members.
    pub fn new(id: ByteString, now: Now) -> Self {
        Self {
            id,
            phase: Phase::Empty,
            state_since_ms: now.wall_ms,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Members::default(),
            subscribed: Some(BTreeSet::new()),
            pending: BTreeMap::new(),
            earliest: Millis::NEVER,
        }
    }

    /// A group as the log remembers it. Sessions begin anew when [`ClassicGroup::resume`] is called.
    pub fn restored(id: ByteString, snapshot: &GroupSnapshot, now: Now) -> Self {
        let mut members = Members::default();
        for member in &snapshot.members {
            members.insert(Member::restored(member, snapshot.protocol.as_ref()));
        }
        let phase = if members.is_empty() { Phase::Empty } else { Phase::Stable(SyncPhase { until: None }) };
        let leader = snapshot.leader.as_ref().filter(|leader| members.contains(leader)).map(owned);
        let mut group = Self {
            phase,
            state_since_ms: snapshot.state_since_ms,
            generation: snapshot.generation,
            protocol_type: snapshot.protocol_type.as_ref().map(owned),
            protocol: snapshot.protocol.as_ref().map(owned),
            leader: leader.or_else(|| members.iter().next().map(|member| member.id.clone())),
            members,
            ..Self::new(id, now)
        };
        group.note_subscriptions();
        group
    }

    pub fn id(&self) -> &ByteString {
        &self.id
    }

    pub fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::Preparing(_) => GroupState::PreparingRebalance,
            Phase::Completing(_) => GroupState::CompletingRebalance,
            Phase::Stable(_) => GroupState::Stable,
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self.phase, Phase::Empty)
    }

    /// Wall time of the last change of state, in milliseconds; negative when an old record did not say.
    pub fn state_since_ms(&self) -> i64 {
        self.state_since_ms
    }

    /// Whether the group ever had members. One that had none only keeps offsets.
    pub fn had_members(&self) -> bool {
        self.protocol_type.is_some()
    }

    /// Whether member ids were handed out that may still come back.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// No deadline of the group is earlier than this.
    pub fn earliest_deadline(&self) -> Millis {
        self.earliest
    }

    /// The durable state of the group.
    pub fn snapshot(&self) -> GroupSnapshot {
        GroupSnapshot {
            protocol_type: self.protocol_type.clone(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_since_ms: self.state_since_ms,
            members: self.members.iter().map(|member| member.snapshot(self.protocol.as_ref())).collect(),
        }
    }

    /// What must hold between two steps.
    #[cfg(test)]
    pub fn assert_counts(&self) {
        self.members.assert_counts();
        assert_eq!(self.members.is_empty(), self.leader.is_none(), "a group with members has a leader");
        assert!(self.leader.as_ref().is_none_or(|leader| self.members.contains(leader)));
        let waits = |waiting: bool, phase: bool| assert!(!waiting || phase, "a request waits in {}", self.state());
        waits(self.members.awaiting_join() > 0, matches!(self.phase, Phase::Preparing(_)));
        waits(self.members.iter().any(|member| member.sync.is_some()), matches!(self.phase, Phase::Completing(_)));
        if self.is_empty() {
            assert!(self.members.is_empty());
        }
    }

    pub(super) fn record(&self, step: &mut Step) {
        step.effects.records.push(Record::Group { group: self.id.clone(), value: Some(self.snapshot()) });
    }

    pub(super) fn enter(&mut self, phase: Phase, step: &Step) {
        self.phase = phase;
        self.state_since_ms = step.now.wall_ms;
    }

    /// Remembers that something is due, so that the group is looked at in time.
    pub(super) fn due(&mut self, at: Millis) {
        self.earliest = self.earliest.min(at);
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_ref().is_some_and(|leader| *leader == *member_id)
    }

    /// The member exists, and an instance id belongs to it and to no newer member.
    pub(super) fn check_member(&self, member_id: &str, instance_id: Option<&ByteString>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance_id {
            match self.members.static_member(instance) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(current) if *current != *member_id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
            }
        }
        if self.members.contains(member_id) { Ok(()) } else { Err(ErrorCode::UNKNOWN_MEMBER_ID) }
    }

    /// Whether all members and the one that joins have a protocol in common.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_ref().is_some_and(|own| *own == *protocol_type)
            && protocols.iter().any(|p| self.members.support_of(&p.name) == self.members.len())
    }

    /// The longest rebalance timeout of the members.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.iter().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    /// The protocol that most members prefer among those that all support. With equal votes the one that was named
    /// first wins.
    pub(super) fn elect_protocol(&self) -> Option<ByteString> {
        let mut votes: Vec<(&ByteString, usize)> = Vec::new();
        for member in self.members.iter() {
            let choice = member.protocols().iter().find(|p| self.members.support_of(&p.name) == self.members.len());
            let Some(choice) = choice else { continue };
            match votes.iter_mut().find(|(name, _)| **name == choice.name) {
                Some((_, count)) => *count += 1,
                None => votes.push((&choice.name, 1)),
            }
        }
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).clone())
    }

    /// Gives the member its full session timeout from now.
    pub(super) fn extend_session(&mut self, member_id: &str, now: Now) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let until = now.monotonic + member.session_timeout_ms;
        member.deadline = Some(until);
        self.due(until);
    }

    /// Takes the member out; whatever it waits for is answered `error`.
    pub(super) fn remove_member(&mut self, member_id: &str, error: ErrorCode, step: &mut Step) {
        let Some(member) = self.members.remove(member_id) else { return };
        if self.is_leader(member_id) {
            self.leader = self.members.iter().next().map(|member| member.id.clone());
        }
        let (join, sync) = member.into_tokens();
        if let Some(token) = join {
            step.effects.joins.push((token, JoinReply::refused(error, ByteString::new())));
        }
        if let Some(token) = sync {
            step.effects.syncs.push((token, SyncReply::refused(error)));
        }
    }

    pub(super) fn all_synced(&self) -> bool {
        self.members.iter().all(|member| member.synced)
    }

    /// Forgets the assignments of a generation that does not become stable, and tells the members that wait for them.
    pub(super) fn cancel_syncs(&mut self, error: ErrorCode, step: &mut Step) {
        for member in self.members.iter_mut() {
            member.assignment = Bytes::new();
            if let Some(token) = member.sync.take() {
                step.effects.syncs.push((token, SyncReply::refused(error)));
                let until = step.now.monotonic + member.session_timeout_ms;
                member.deadline = Some(until);
                self.earliest = self.earliest.min(until);
            }
        }
    }

    pub(super) fn joined_reply(&self, member_id: &ByteString) -> JoinReply {
        let members = if self.is_leader(member_id) {
            self.members.iter().map(|member| member.as_joined(self.protocol.as_ref())).collect()
        } else {
            Vec::new()
        };
        JoinReply {
            error: ErrorCode::NONE,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.clone(),
            members,
        }
    }

    pub(super) fn synced_reply(&self, member_id: &str) -> SyncReply {
        SyncReply {
            error: ErrorCode::NONE,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.members.get(member_id).map(|member| member.assignment.clone()).unwrap_or_default(),
        }
    }
}
