//! The groups and committed offsets of one partition of `__consumer_offsets`: a pure state machine.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use bytestring::ByteString;
use uuid::Uuid;

use super::classic::{ClassicGroup, GroupState, Step};
use super::offsets::{CommittedOffset, FetchedTopic, Offsets, OffsetsOfTopic};
use super::requests::owned;
use super::{
    CommitRequest, CommittedPartition, DescribedGroup, ErrorCode, GroupConfig, GroupListing, HeartbeatRequest,
    JoinReply, JoinRequest, LeaveRequest, LeftMember, Millis, Now, Record, SyncReply, SyncRequest,
};

/// Names a request that waits for its answer. Every token given to [`Shard::join`] or [`Shard::sync`] comes back
/// exactly once in [`Effects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken(pub u64);

/// What a step asks of its caller: append the records, and give the answers when all records of the shard are durable.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be appended, in this order.
    pub records: Vec<Record>,
    /// Answers to `JoinGroup` requests.
    pub joins: Vec<(ReplyToken, JoinReply)>,
    /// Answers to `SyncGroup` requests.
    pub syncs: Vec<(ReplyToken, SyncReply)>,
}

/// A group as it is measured: nothing is copied.
pub struct GroupMeasure<'a> {
    /// The group.
    pub group: &'a ByteString,
    /// Its state.
    pub state: GroupState,
    /// How many members it has.
    pub members: usize,
    offsets: Option<&'a BTreeMap<ByteString, BTreeMap<i32, CommittedOffset>>>,
}

impl<'a> GroupMeasure<'a> {
    /// Each topic that the group committed offsets for, with its partitions.
    pub fn topics(&self) -> impl Iterator<Item = (&'a ByteString, &'a BTreeMap<i32, CommittedOffset>)> {
        self.offsets.into_iter().flatten()
    }
}

/// The groups and committed offsets of one partition of `__consumer_offsets`.
#[derive(Debug)]
pub struct Shard {
    pub(super) config: Arc<GroupConfig>,
    pub(super) groups: HashMap<ByteString, ClassicGroup>,
    pub(super) offsets: Offsets,
    pub(super) next_retention_check: Millis,
    alarms: Alarms,
}

impl Shard {
    /// A shard without groups.
    pub fn new(config: Arc<GroupConfig>, now: Now) -> Self {
        let next_retention_check = retention_check_after(now, &config);
        Self {
            config,
            groups: HashMap::new(),
            offsets: Offsets::default(),
            next_retention_check,
            alarms: Alarms::default(),
        }
    }

    /// Applies a record of the log. The last record for a group or an offset wins; call [`Shard::resume`] at the end.
    pub fn replay(&mut self, record: Record, now: Now) {
        match record {
            Record::Offset { group, topic, partition, value: Some(offset) } => {
                let group = self.known_id(&group);
                self.groups.entry(group.clone()).or_insert_with(|| ClassicGroup::new(group.clone(), now));
                self.offsets.put(&group, &topic, partition, offset);
            }
            Record::Offset { group, topic, partition, value: None } => self.offsets.remove(&group, &topic, partition),
            Record::Group { group, value: Some(snapshot) } => {
                let group = self.known_id(&group);
                self.groups.insert(group.clone(), ClassicGroup::restored(group, &snapshot, now));
            }
            Record::Group { group, value: None } => {
                self.groups.remove(&group);
            }
        }
    }

    /// The replay is over: sessions of the members begin now. Nothing is to be written and nobody waits.
    pub fn resume(&mut self, now: Now) {
        // Offsets may outlive the tombstone of their group in a log that another broker wrote.
        for group in self.offsets.groups() {
            self.groups.entry(group.clone()).or_insert_with(|| ClassicGroup::new(group, now));
        }
        let effects = &mut Effects::default();
        for group in self.groups.values_mut() {
            group.resume(&mut Step { config: &self.config, now, effects });
            self.alarms.set(group);
        }
        debug_assert!(effects.records.is_empty() && effects.joins.is_empty() && effects.syncs.is_empty());
    }

    /// A member joins. The answer comes in the effects of this or of a later step.
    pub fn join(&mut self, request: &JoinRequest, token: ReplyToken, now: Now, effects: &mut Effects) {
        if let Err(error) = self.check_join(request) {
            let refusal = JoinReply::refused(error, request.member_id.clone());
            return effects.joins.push((token, refusal));
        }
        let id = self.known_id(&request.group);
        let group = self.groups.entry(id.clone()).or_insert_with(|| ClassicGroup::new(id, now));
        group.join(request, token, &mut Step { config: &self.config, now, effects });
        self.alarms.set(group);
    }

    fn check_join(&self, request: &JoinRequest) -> Result<(), ErrorCode> {
        let bounds = self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        if request.group.is_empty() {
            Err(ErrorCode::INVALID_GROUP_ID)
        } else if !bounds.contains(&request.session_timeout_ms) {
            Err(ErrorCode::INVALID_SESSION_TIMEOUT)
        } else if self.groups.contains_key(&request.group) {
            Ok(())
        } else if !request.member_id.is_empty() {
            Err(ErrorCode::UNKNOWN_MEMBER_ID)
        } else {
            self.check_room()
        }
    }

    /// A member asks for its assignment. The answer comes in the effects of this or of a later step.
    pub fn sync(&mut self, request: &SyncRequest, token: ReplyToken, now: Now, effects: &mut Effects) {
        let names_protocol = request.protocol_type.is_some() && request.protocol.is_some();
        let error = match self.groups.get_mut(&request.group) {
            _ if request.must_name_protocol && !names_protocol => ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            _ if request.group.is_empty() => ErrorCode::INVALID_GROUP_ID,
            None => ErrorCode::UNKNOWN_MEMBER_ID,
            Some(group) => {
                group.sync(request, token, &mut Step { config: &self.config, now, effects });
                return self.alarms.set(group);
            }
        };
        effects.syncs.push((token, SyncReply::refused(error)));
    }

    /// A member is alive.
    pub fn heartbeat(&mut self, request: &HeartbeatRequest, now: Now) -> ErrorCode {
        match self.groups.get_mut(&request.group) {
            _ if request.group.is_empty() => ErrorCode::INVALID_GROUP_ID,
            None => ErrorCode::UNKNOWN_MEMBER_ID,
            Some(group) => {
                let error = group.heartbeat(request, now);
                self.alarms.set(group);
                error
            }
        }
    }

    /// Members leave. The error is that of the whole request.
    pub fn leave(
        &mut self,
        request: &LeaveRequest,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<LeftMember>, ErrorCode> {
        if request.group.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        let Some(group) = self.groups.get_mut(&request.group) else {
            let unknown = request.members.iter().map(|member| LeftMember {
                member_id: member.member_id.clone(),
                instance_id: member.instance_id.clone(),
                error: ErrorCode::UNKNOWN_MEMBER_ID,
            });
            return Ok(unknown.collect());
        };
        let left = group.leave(&request.members, &mut Step { config: &self.config, now, effects });
        self.alarms.set(group);
        Ok(left)
    }

    /// Commits offsets. The error is that of every partition of the request.
    pub fn commit(
        &mut self,
        request: &CommitRequest,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<CommittedPartition>, ErrorCode> {
        self.check_commit(request, now)?;
        let id = self.known_id(&request.group);
        let expire_ms = (request.retention_ms >= 0).then(|| now.wall_ms.saturating_add(request.retention_ms));
        let mut committed = Vec::with_capacity(request.offsets.len());
        for entry in &request.offsets {
            let error = if entry.metadata.encode_utf16().count() > self.config.offset_metadata_max_bytes {
                ErrorCode::OFFSET_METADATA_TOO_LARGE
            } else {
                let offset = entry.value(now.wall_ms, expire_ms);
                self.groups.entry(id.clone()).or_insert_with(|| ClassicGroup::new(id.clone(), now));
                self.offsets.put(&id, &entry.topic, entry.partition, offset.clone());
                let (group, topic, partition) = (id.clone(), entry.topic.clone(), entry.partition);
                effects.records.push(Record::Offset { group, topic, partition, value: Some(offset) });
                ErrorCode::NONE
            };
            committed.push(CommittedPartition { topic: entry.topic.clone(), partition: entry.partition, error });
        }
        Ok(committed)
    }

    fn check_commit(&mut self, request: &CommitRequest, now: Now) -> Result<(), ErrorCode> {
        match self.groups.get_mut(&request.group) {
            Some(group) => {
                group.check_commit(request, now)?;
                self.alarms.set(group);
                Ok(())
            }
            None if request.generation < 0 => self.check_room(),
            None if request.knows_group_id_not_found => Err(ErrorCode::GROUP_ID_NOT_FOUND),
            None => Err(ErrorCode::ILLEGAL_GENERATION),
        }
    }

    /// The committed offsets of a group: of the topics asked, or of all.
    pub fn fetch_offsets(&self, group: &str, topics: Option<&[OffsetsOfTopic]>) -> Vec<FetchedTopic> {
        self.offsets.fetch(group, topics)
    }

    /// All groups, in no particular order.
    pub fn list(&self) -> impl Iterator<Item = GroupListing> {
        self.groups.values().map(ClassicGroup::listing)
    }

    /// Shows every group to whoever measures them, in no particular order.
    pub fn measure(&self, look: &mut dyn FnMut(&GroupMeasure<'_>)) {
        for (group, found) in &self.groups {
            let (state, members) = (found.state(), found.member_count());
            look(&GroupMeasure { group, state, members, offsets: self.offsets.committed(group) });
        }
    }

    /// One group in detail.
    pub fn describe(&self, group: &ByteString) -> DescribedGroup {
        self.groups.get(group).map_or_else(|| DescribedGroup::dead(group.clone()), ClassicGroup::describe)
    }

    /// Deletes a group without members, and its offsets.
    pub fn delete_group(&mut self, group: &ByteString, effects: &mut Effects) -> Result<(), ErrorCode> {
        let Some(found) = self.groups.get(group) else { return Err(ErrorCode::GROUP_ID_NOT_FOUND) };
        found.check_delete()?;
        let all: Vec<_> = self.offsets.of_group(group).map(|(t, p)| (t.clone(), p.keys().copied().collect())).collect();
        for (topic, partitions) in all {
            self.delete_offsets_of(group, &topic, partitions, effects);
        }
        self.forget_group(group, effects);
        Ok(())
    }

    /// Deletes single committed offsets. The outer error is that of the whole request, the others those of its topics.
    pub fn delete_offsets(
        &mut self,
        group: &ByteString,
        topics: &[OffsetsOfTopic],
        effects: &mut Effects,
    ) -> Result<Vec<(ByteString, ErrorCode)>, ErrorCode> {
        let found = self.groups.get(group).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        found.check_delete_offsets()?;
        let subscribed: Vec<bool> = topics.iter().map(|asked| found.subscribes_to(&asked.topic)).collect();
        let mut deleted = Vec::with_capacity(topics.len());
        for (asked, is_subscribed) in topics.iter().zip(subscribed) {
            let error = if is_subscribed {
                ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC
            } else {
                self.delete_offsets_of(group, &asked.topic, asked.partitions.clone(), effects);
                ErrorCode::NONE
            };
            deleted.push((asked.topic.clone(), error));
        }
        Ok(deleted)
    }

    /// A topic is gone, and with it all offsets committed for it. Those of a new topic of the same name stay.
    pub fn topic_deleted(&mut self, topic: &ByteString, topic_id: Uuid, effects: &mut Effects) {
        for (group, partitions) in self.offsets.of_topic(topic, topic_id) {
            self.delete_offsets_of(&group, topic, partitions, effects);
        }
    }

    /// Removes the offsets of topics that are gone. `id_of` is the id of the topic that has a name now.
    pub fn forget_deleted_topics(&mut self, id_of: impl Fn(&str) -> Option<Uuid>, effects: &mut Effects) {
        for (group, topic, partitions) in self.offsets.of_deleted_topics(id_of) {
            self.delete_offsets_of(&group, &topic, partitions, effects);
        }
    }

    /// When [`Shard::expire`] is to be called at the latest.
    pub fn next_deadline(&self) -> Option<Millis> {
        let retention = (!self.groups.is_empty()).then_some(self.next_retention_check);
        retention.into_iter().chain(self.alarms.next()).min()
    }

    /// Does everything that has become due.
    pub fn expire(&mut self, now: Now, effects: &mut Effects) {
        for id in self.alarms.take_due(now.monotonic) {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            group.expire(&mut Step { config: &self.config, now, effects });
            self.alarms.set(group);
        }
        if self.next_retention_check <= now.monotonic {
            self.next_retention_check = retention_check_after(now, &self.config);
            self.expire_offsets(now, effects);
        }
    }

    /// Removes the offsets, where there are any, and writes their tombstones.
    pub(super) fn delete_offsets_of(
        &mut self,
        group: &ByteString,
        topic: &ByteString,
        partitions: Vec<i32>,
        effects: &mut Effects,
    ) {
        for partition in partitions {
            if self.offsets.get(group, topic, partition).is_some() {
                self.offsets.remove(group, topic, partition);
                let (group, topic) = (group.clone(), owned(topic));
                effects.records.push(Record::Offset { group, topic, partition, value: None });
            }
        }
    }

    pub(super) fn forget_group(&mut self, group: &ByteString, effects: &mut Effects) {
        if let Some((group, _)) = self.groups.remove_entry(group) {
            effects.records.push(Record::Group { group, value: None });
        }
    }

    fn check_room(&self) -> Result<(), ErrorCode> {
        let full = self.groups.len() >= self.config.max_groups_per_partition;
        if full { Err(ErrorCode::GROUP_MAX_SIZE_REACHED) } else { Ok(()) }
    }

    /// The id as the shard already holds it, else a copy that does not keep the request's frame alive.
    fn known_id(&self, group: &ByteString) -> ByteString {
        self.groups.get_key_value(group).map_or_else(|| owned(group), |(id, _)| id.clone())
    }
}

fn retention_check_after(now: Now, config: &GroupConfig) -> Millis {
    Millis(now.monotonic.0.saturating_add(config.offsets_retention_check_interval_ms.max(1)))
}

/// Which group is to be looked at when. A heartbeat only moves a deadline away, which costs nothing here: the alarm
/// rings at the old time, finds nothing due, and is set anew.
#[derive(Debug, Default)]
struct Alarms {
    queue: BinaryHeap<Reverse<(Millis, ByteString)>>,
    set_for: HashMap<ByteString, Millis>,
}

impl Alarms {
    fn set(&mut self, group: &ClassicGroup) {
        let at = group.earliest_deadline();
        if at == Millis::NEVER || self.set_for.get(group.id()).is_some_and(|set| *set <= at) {
            return;
        }
        self.set_for.insert(group.id().clone(), at);
        self.queue.push(Reverse((at, group.id().clone())));
    }

    fn next(&self) -> Option<Millis> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// The groups whose alarm rings. Where an earlier one was set meanwhile, the later one is skipped.
    fn take_due(&mut self, now: Millis) -> Vec<ByteString> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            let Some(Reverse((at, id))) = self.queue.pop() else { break };
            if self.set_for.get(&id) == Some(&at) {
                self.set_for.remove(&id);
                due.push(id);
            }
        }
        due
    }
}
