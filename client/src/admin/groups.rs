//! Groups: list, describe, delete.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::consumer_protocol::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use naru_protocol::messages::consumer_group_describe::{self, ConsumerGroupDescribeRequest};
use naru_protocol::messages::delete_groups::DeleteGroupsRequest;
use naru_protocol::messages::describe_groups::{DescribeGroupsRequest, DescribedGroup, DescribedGroupMember};
use naru_protocol::messages::list_groups::{ListGroupsRequest, ListedGroup};
use naru_protocol::{ApiKey, ErrorCode};

use super::call::{Twice, check, in_order, single};
use super::{Admin, Each};
use crate::call::Target;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// The protocol type of groups whose members are Kafka consumers.
const CONSUMERS: &str = "consumer";

/// Where a group is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupState {
    /// Members are joining.
    PreparingRebalance,
    /// Members wait for their assignment.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
    /// It has no members; its committed offsets are kept for a while.
    Empty,
    /// It is being removed.
    Dead,
    /// An assignment is being made (KIP-848).
    Assigning,
    /// Members go over to a new assignment (KIP-848).
    Reconciling,
    /// A state that this version does not know; empty where the broker is too old to tell.
    Other(ByteString),
}

impl GroupState {
    fn from_wire(name: ByteString) -> Self {
        match &*name {
            "PreparingRebalance" => Self::PreparingRebalance,
            "CompletingRebalance" => Self::CompletingRebalance,
            "Stable" => Self::Stable,
            "Empty" => Self::Empty,
            "Dead" => Self::Dead,
            "Assigning" => Self::Assigning,
            "Reconciling" => Self::Reconciling,
            _ => Self::Other(name),
        }
    }

    /// Kafka's name.
    pub fn name(&self) -> &str {
        match self {
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Empty => "Empty",
            Self::Dead => "Dead",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// By which protocol the members of a group are held together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupType {
    /// The members make the assignment.
    Classic,
    /// The broker makes the assignment (KIP-848).
    Consumer,
    /// Members share partitions, record by record (KIP-932).
    Share,
    /// Kafka Streams (KIP-1071).
    Streams,
    /// A type that this version does not know; empty where the broker is too old to tell.
    Other(ByteString),
}

impl GroupType {
    fn from_wire(name: ByteString) -> Self {
        match &*name {
            "classic" => Self::Classic,
            "consumer" => Self::Consumer,
            "share" => Self::Share,
            "streams" => Self::Streams,
            _ => Self::Other(name),
        }
    }

    /// Kafka's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
            Self::Streams => "streams",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for GroupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which groups to list. Everything by default.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    states: Vec<GroupState>,
    types: Vec<GroupType>,
}

impl GroupFilter {
    /// Groups in this state; when called more than once, in one of these. Needs Kafka 2.6 or newer.
    #[must_use]
    pub fn state(mut self, state: GroupState) -> Self {
        self.states.push(state);
        self
    }

    /// Groups of this type; when called more than once, of one of these. Needs Kafka 3.8 or newer.
    #[must_use]
    pub fn group_type(mut self, group_type: GroupType) -> Self {
        self.types.push(group_type);
        self
    }

    /// The versions of `ListGroups` that can tell.
    fn versions(&self) -> std::ops::RangeInclusive<i16> {
        match self {
            Self { types, .. } if !types.is_empty() => 5..=5,
            Self { states, .. } if !states.is_empty() => 4..=5,
            _ => 0..=5,
        }
    }
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupListing {
    /// The id.
    pub id: ByteString,
    /// What the members are: `consumer`, `connect` or something else; empty for a group that never had members.
    pub protocol_type: ByteString,
    /// Where it is in its life.
    pub state: GroupState,
    /// How its members are held together.
    pub group_type: GroupType,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupDescription {
    /// The id.
    pub id: ByteString,
    /// How its members are held together.
    pub group_type: GroupType,
    /// Where it is in its life.
    pub state: GroupState,
    /// What the members are: `consumer`, `connect` or something else; empty for a group that never had members.
    pub protocol_type: ByteString,
    /// The assignor in use; empty without members.
    pub assignor: ByteString,
    /// The broker that speaks for the group.
    pub coordinator: i32,
    /// The members, by client id.
    pub members: Vec<MemberDescription>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberDescription {
    /// The id that the coordinator gave it.
    pub id: ByteString,
    /// Its `group.instance.id`, if it is a static member.
    pub instance_id: Option<ByteString>,
    /// What its client calls itself.
    pub client_id: ByteString,
    /// Where it connects from.
    pub host: ByteString,
    /// The topics it wants, by name; empty where the members are not consumers.
    pub subscription: Vec<ByteString>,
    /// The partitions it has, in order; empty where the members are not consumers.
    pub assignment: Vec<TopicPartition>,
}

impl Admin {
    /// The groups of all brokers, by id.
    ///
    /// ```no_run
    /// use naru_client::admin::{GroupFilter, GroupState};
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for group in admin.list_groups(GroupFilter::default().state(GroupState::Empty)).await? {
    ///     admin.delete_group(group.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_groups(&self, filter: GroupFilter) -> Result<Vec<GroupListing>, Error> {
        let groups = self.one(self.deadline(), Twice::Harmless, || self.list_groups_once(&filter)).await?;
        Ok(groups.into_values().collect())
    }

    async fn list_groups_once(&self, filter: &GroupFilter) -> Result<BTreeMap<ByteString, GroupListing>, Error> {
        let names = |names: Vec<&str>| names.into_iter().map(ByteString::from).collect();
        let request = |_| ListGroupsRequest {
            states_filter: names(filter.states.iter().map(GroupState::name).collect()),
            types_filter: names(filter.types.iter().map(GroupType::name).collect()),
        };
        let mut groups = BTreeMap::new();
        for broker in self.broker_ids().await? {
            let answer = self.ask(Target::Node(broker), filter.versions(), request).await?;
            check(ApiKey::ListGroups, answer.error_code, None)?;
            groups.extend(answer.groups.into_iter().map(|group| (group.group_id.clone(), listed(group))));
        }
        Ok(groups)
    }

    /// A group. [`Error::is_not_found`] when there is none.
    pub async fn describe_group(&self, group: impl Into<ByteString>) -> Result<GroupDescription, Error> {
        single(self.describe_groups([group]).await)
    }

    /// Groups.
    pub async fn describe_groups(
        &self,
        groups: impl IntoIterator<Item = impl Into<ByteString>>,
    ) -> Result<Each<ByteString, GroupDescription>, Error> {
        let groups = groups.into_iter().map(Into::into).collect();
        self.each(self.deadline(), Twice::Harmless, groups, |groups| self.describe_groups_once(groups)).await
    }

    pub(super) async fn describe_groups_once(
        &self,
        groups: Vec<ByteString>,
    ) -> Result<Vec<Result<GroupDescription, Error>>, Error> {
        let coordinators = self.coordinators(&groups).await?;
        let mut answers: HashMap<ByteString, Result<GroupDescription, Error>> =
            coordinators.without.into_iter().map(|(group, error)| (group, Err(error))).collect();
        for (broker, groups) in coordinators.by_broker {
            match self.describe_classic(broker, groups.clone()).await {
                Ok(described) => answers.extend(described),
                Err(error) => answers.extend(groups.iter().map(|group| (group.clone(), Err(error.clone())))),
            }
            // A group of the newer protocol is not there for the older API.
            let missing = |group: &&ByteString| matches!(answers.get(*group), Some(Err(error)) if error.is_not_found());
            let missing: Vec<ByteString> = groups.iter().filter(missing).cloned().collect();
            if !missing.is_empty() {
                answers.extend(self.describe_consumers(broker, missing).await?);
            }
        }
        Ok(in_order(ApiKey::DescribeGroups, &groups, &answers))
    }

    async fn describe_classic(
        &self,
        broker: i32,
        groups: Vec<ByteString>,
    ) -> Result<Vec<(ByteString, Result<GroupDescription, Error>)>, Error> {
        let request = |_| DescribeGroupsRequest { groups, ..Default::default() };
        let answer = self.ask(Target::Node(broker), 0..=6, request).await?;
        Ok(answer.groups.into_iter().map(|group| (group.group_id.clone(), classic(group, broker))).collect())
    }

    /// Those of the groups that the newer API knows.
    async fn describe_consumers(
        &self,
        broker: i32,
        group_ids: Vec<ByteString>,
    ) -> Result<Vec<(ByteString, Result<GroupDescription, Error>)>, Error> {
        let request = |_| ConsumerGroupDescribeRequest { group_ids, ..Default::default() };
        let answer = match self.ask(Target::Node(broker), 0..=1, request).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Vec::new()),
            answer => answer?,
        };
        let known = answer.groups.into_iter().filter(|group| group.error_code != ErrorCode::GROUP_ID_NOT_FOUND);
        Ok(known.map(|group| (group.group_id.clone(), consumers(group, broker))).collect())
    }

    /// Deletes a group and its committed offsets. [`Error::is_not_found`] when there is none; `NON_EMPTY_GROUP` when it has
    /// members.
    pub async fn delete_group(&self, group: impl Into<ByteString>) -> Result<(), Error> {
        single(self.delete_groups([group]).await)
    }

    /// Deletes groups and their committed offsets.
    pub async fn delete_groups(
        &self,
        groups: impl IntoIterator<Item = impl Into<ByteString>>,
    ) -> Result<Each<ByteString, ()>, Error> {
        let groups: Vec<ByteString> = groups.into_iter().map(Into::into).collect();
        if self.dry_run {
            let described = self.describe_groups(groups).await?;
            return Ok(described
                .into_iter()
                .map(|(id, group)| (id, group.and_then(|group| deletable(&group))))
                .collect());
        }
        self.each(self.deadline(), Twice::Misleading, groups, |groups| self.delete_groups_once(groups)).await
    }

    async fn delete_groups_once(&self, groups: Vec<ByteString>) -> Result<Vec<Result<(), Error>>, Error> {
        let coordinators = self.coordinators(&groups).await?;
        let mut answers: HashMap<ByteString, Result<(), Error>> =
            coordinators.without.into_iter().map(|(group, error)| (group, Err(error))).collect();
        for (broker, groups) in coordinators.by_broker {
            let request = |_| DeleteGroupsRequest { groups_names: groups.clone() };
            match self.ask(Target::Node(broker), 0..=3, request).await {
                Ok(answer) => answers.extend(answer.results.into_iter().map(|group| {
                    let result = check(ApiKey::DeleteGroups, group.error_code, group.error_message.as_deref());
                    (group.group_id, result)
                })),
                Err(error) => answers.extend(groups.iter().map(|group| (group.clone(), Err(error.clone())))),
            }
        }
        Ok(in_order(ApiKey::DeleteGroups, &groups, &answers))
    }
}

/// The answer that the broker would give.
fn deletable(group: &GroupDescription) -> Result<(), Error> {
    let code = if group.members.is_empty() { ErrorCode::NONE } else { ErrorCode::NON_EMPTY_GROUP };
    check(ApiKey::DeleteGroups, code, None)
}

fn listed(group: ListedGroup) -> GroupListing {
    GroupListing {
        id: group.group_id,
        protocol_type: group.protocol_type,
        state: GroupState::from_wire(group.group_state),
        group_type: GroupType::from_wire(group.group_type),
    }
}

fn classic(group: DescribedGroup, coordinator: i32) -> Result<GroupDescription, Error> {
    let api = ApiKey::DescribeGroups;
    check(api, group.error_code, group.error_message.as_deref())?;
    let state = GroupState::from_wire(group.group_state);
    if state == GroupState::Dead {
        // So an older broker says that there is no such group (KIP-1043).
        return Err(Error::broker_code(api, ErrorCode::GROUP_ID_NOT_FOUND));
    }
    let are_consumers = group.protocol_type == CONSUMERS;
    let members = group.members.into_iter().map(|member| classic_member(member, are_consumers));
    Ok(GroupDescription {
        id: group.group_id,
        group_type: GroupType::Classic,
        state,
        protocol_type: group.protocol_type,
        assignor: group.protocol_data,
        coordinator,
        members: by_client(members.collect()),
    })
}

fn classic_member(member: DescribedGroupMember, is_consumer: bool) -> MemberDescription {
    let (subscription, assignment) = if is_consumer {
        (subscription(member.member_metadata), assignment(member.member_assignment))
    } else {
        Default::default()
    };
    MemberDescription {
        id: member.member_id,
        instance_id: member.group_instance_id,
        client_id: member.client_id,
        host: member.client_host,
        subscription,
        assignment,
    }
}

/// What another client wrote: bytes that make no sense are as good as none.
fn subscription(metadata: Bytes) -> Vec<ByteString> {
    let mut topics = ConsumerProtocolSubscription::from_bytes(metadata).map(|read| read.topics).unwrap_or_default();
    topics.sort();
    topics
}

/// As [`subscription`].
fn assignment(bytes: Bytes) -> Vec<TopicPartition> {
    let read = ConsumerProtocolAssignment::from_bytes(bytes).map(|read| read.assigned_partitions).unwrap_or_default();
    partitions(read.into_iter().map(|topic| (topic.topic, topic.partitions)))
}

fn consumers(group: consumer_group_describe::DescribedGroup, coordinator: i32) -> Result<GroupDescription, Error> {
    check(ApiKey::ConsumerGroupDescribe, group.error_code, group.error_message.as_deref())?;
    let members = group.members.into_iter().map(|member| MemberDescription {
        id: member.member_id,
        instance_id: member.instance_id,
        client_id: member.client_id,
        host: member.client_host,
        subscription: member.subscribed_topic_names,
        assignment: partitions(
            member.assignment.topic_partitions.into_iter().map(|topic| (topic.topic_name, topic.partitions)),
        ),
    });
    Ok(GroupDescription {
        id: group.group_id,
        group_type: GroupType::Consumer,
        state: GroupState::from_wire(group.group_state),
        protocol_type: CONSUMERS.into(),
        assignor: group.assignor_name,
        coordinator,
        members: by_client(members.collect()),
    })
}

fn partitions(topics: impl Iterator<Item = (ByteString, Vec<i32>)>) -> Vec<TopicPartition> {
    let of_topic = |(topic, partitions): (ByteString, Vec<i32>)| {
        partitions.into_iter().map(move |partition| TopicPartition { topic: topic.clone(), partition })
    };
    let mut partitions: Vec<TopicPartition> = topics.flat_map(of_topic).collect();
    partitions.sort();
    partitions
}

fn by_client(mut members: Vec<MemberDescription>) -> Vec<MemberDescription> {
    members.sort_by(|a, b| (&a.client_id, &a.id).cmp(&(&b.client_id, &b.id)));
    members
}
