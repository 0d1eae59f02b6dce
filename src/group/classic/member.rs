//! The members of a group, and what must be counted about them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use bytestring::ByteString;

use crate::group::record::MemberSnapshot;
use crate::group::requests::{JoinedMember, owned};
use crate::group::shard::ReplyToken;
use crate::group::{Millis, Protocol};

/// A member of a classic group.
#[derive(Debug)]
pub(super) struct Member {
    pub id: ByteString,
    pub instance_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub assignment: Bytes,
    /// Joined, and not told so yet: it cannot send heartbeats.
    pub is_new: bool,
    /// Asked for its assignment in this generation.
    pub synced: bool,
    /// When the member is removed unless something is heard of it; `None` while a request of it waits here.
    pub deadline: Option<Millis>,
    /// The `SyncGroup` request that waits for the leader's assignment.
    pub sync: Option<ReplyToken>,
    join: Option<ReplyToken>,
    protocols: Vec<Protocol>,
}

impl Member {
    pub fn new(id: ByteString, protocols: &[Protocol]) -> Self {
        Self {
            id,
            instance_id: None,
            client_id: ByteString::new(),
            client_host: ByteString::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            assignment: Bytes::new(),
            is_new: false,
            synced: false,
            deadline: None,
            sync: None,
            join: None,
            protocols: owned_protocols(protocols),
        }
    }

    /// A member as the log remembers it: it supports the protocol of its generation, and has its assignment.
    pub fn restored(snapshot: &MemberSnapshot, protocol: Option<&ByteString>) -> Self {
        let protocols = protocol.map(|name| Protocol { name: name.clone(), metadata: snapshot.subscription.clone() });
        Self {
            instance_id: snapshot.instance_id.as_ref().map(owned),
            client_id: owned(&snapshot.client_id),
            client_host: owned(&snapshot.client_host),
            session_timeout_ms: snapshot.session_timeout_ms,
            rebalance_timeout_ms: snapshot.rebalance_timeout_ms,
            assignment: Bytes::copy_from_slice(&snapshot.assignment),
            synced: true,
            ..Self::new(owned(&snapshot.id), protocols.as_slice())
        }
    }

    /// The requests that wait, out of a member that is no longer in the group.
    pub fn into_tokens(self) -> (Option<ReplyToken>, Option<ReplyToken>) {
        (self.join, self.sync)
    }

    pub fn is_awaiting_join(&self) -> bool {
        self.join.is_some()
    }

    /// A request of the member waits here, so it is alive. That of a new member may have been forgotten by its client.
    pub fn is_heard(&self) -> bool {
        !self.is_new && (self.join.is_some() || self.sync.is_some())
    }

    pub fn supports_exactly(&self, protocols: &[Protocol]) -> bool {
        self.protocols == protocols
    }

    pub fn protocols(&self) -> &[Protocol] {
        &self.protocols
    }

    pub fn metadata_for(&self, protocol: Option<&ByteString>) -> Bytes {
        let known = protocol.and_then(|name| self.protocols.iter().find(|p| p.name == *name));
        known.map(|p| p.metadata.clone()).unwrap_or_default()
    }

    pub fn snapshot(&self, protocol: Option<&ByteString>) -> MemberSnapshot {
        MemberSnapshot {
            id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            subscription: self.metadata_for(protocol),
            assignment: self.assignment.clone(),
        }
    }

    pub fn as_joined(&self, protocol: Option<&ByteString>) -> JoinedMember {
        JoinedMember {
            member_id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            metadata: self.metadata_for(protocol),
        }
    }
}

/// The metadata of a member lives as long as the member; its request's frame must not.
fn owned_protocols(protocols: &[Protocol]) -> Vec<Protocol> {
    protocols.iter().map(|p| Protocol { name: owned(&p.name), metadata: Bytes::copy_from_slice(&p.metadata) }).collect()
}

/// The members by id, in the order of their ids, so that every choice among them is the same on every replica.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_id: BTreeMap<ByteString, Member>,
    static_ids: HashMap<ByteString, ByteString>,
    /// How many members support a protocol.
    support: HashMap<ByteString, usize>,
    awaiting_join: usize,
}

impl Members {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub fn get(&self, id: &str) -> Option<&Member> {
        self.by_id.get(id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.by_id.get_mut(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.by_id.values_mut()
    }

    pub fn static_member(&self, instance_id: &str) -> Option<&ByteString> {
        self.static_ids.get(instance_id)
    }

    /// Members whose `JoinGroup` waits here.
    pub fn awaiting_join(&self) -> usize {
        self.awaiting_join
    }

    /// How many members support the protocol.
    pub fn support_of(&self, protocol: &str) -> usize {
        self.support.get(protocol).copied().unwrap_or(0)
    }

    /// The ids of the members that `wanted` picks.
    pub fn ids(&self, wanted: impl Fn(&Member) -> bool) -> Vec<ByteString> {
        self.iter().filter(|member| wanted(member)).map(|member| member.id.clone()).collect()
    }

    pub fn insert(&mut self, member: Member) {
        let id = member.id.clone();
        self.remove(&id);
        self.count(&member, true);
        if let Some(instance) = &member.instance_id {
            self.static_ids.insert(instance.clone(), id.clone());
        }
        self.by_id.insert(id, member);
    }

    pub fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.by_id.remove(id)?;
        self.count(&member, false);
        if let Some(instance) = &member.instance_id
            && self.static_ids.get(instance).is_some_and(|current| *current == member.id)
        {
            self.static_ids.remove(instance);
        }
        Some(member)
    }

    pub fn set_protocols(&mut self, id: &str, protocols: &[Protocol]) {
        if let Some(mut member) = self.remove(id) {
            member.protocols = owned_protocols(protocols);
            self.insert(member);
        }
    }

    /// Lets a `JoinGroup` wait for the end of the rebalance; gives back the one that waited before it.
    pub fn await_join(&mut self, id: &str, token: ReplyToken) -> Option<ReplyToken> {
        let member = self.by_id.get_mut(id)?;
        let before = member.join.replace(token);
        self.awaiting_join += usize::from(before.is_none());
        before
    }

    /// The waiting `JoinGroup`, which is to be answered now.
    pub fn take_join(&mut self, id: &str) -> Option<ReplyToken> {
        let token = self.by_id.get_mut(id)?.join.take();
        self.awaiting_join -= usize::from(token.is_some());
        token
    }

    /// The counts are what counting would give.
    #[cfg(test)]
    pub fn assert_counts(&self) {
        let mut counted = Self::default();
        for member in self.iter() {
            counted.count(member, true);
        }
        assert_eq!(counted.support, self.support);
        assert_eq!(counted.awaiting_join, self.awaiting_join);
        for (instance, id) in &self.static_ids {
            assert_eq!(self.by_id[id].instance_id.as_ref(), Some(instance));
        }
    }

    fn count(&mut self, member: &Member, added: bool) {
        let names: BTreeSet<&ByteString> = member.protocols.iter().map(|p| &p.name).collect();
        for name in names {
            if added {
                *self.support.entry(name.clone()).or_default() += 1;
            } else if let Some(count) = self.support.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.support.remove(name);
                }
            }
        }
        if member.join.is_some() {
            if added { self.awaiting_join += 1 } else { self.awaiting_join -= 1 }
        }
    }
}
