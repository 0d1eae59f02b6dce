//! One rebalance: join, divide if this member is the leader, and learn what it gets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use naru_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use naru_protocol::{ApiKey, ErrorCode};

use super::assignor::{self, Assignor, Topics};
use super::coordinator::Way;
use super::member::{Member, Underway};
use super::membership::{Identity, Shared};
use super::rebalance::{self, Claim};
use super::trouble::Trouble;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// How long an answer to a join or a sync may take beyond the rebalance itself.
const GRACE: Duration = Duration::from_secs(5);

/// How long it is tried to find out about topics before a join; the group goes on without those that cannot be found.
pub(super) const TOPICS_LIMIT: Duration = Duration::from_secs(5);

/// What a join has come to.
pub(super) struct Joined {
    pub(super) assignor: Assignor,
    pub(super) assignment: BTreeSet<TopicPartition>,
    /// For the leader: the topics of the group with their partitions, to see when they change.
    pub(super) watched: Option<Topics>,
}

impl Member {
    pub(super) async fn join(&self) -> Result<Joined, Trouble> {
        let answer = self.join_group().await?;
        let identity = Identity { member_id: answer.member_id.clone(), generation: answer.generation_id };
        self.shared.is_now(identity);
        let chosen = answer.protocol_name.as_deref().and_then(Assignor::from_name);
        let Some(assignor) = chosen.filter(|assignor| self.shared.config.assignors.contains(assignor)) else {
            let message = format!("the group has chosen an assignor that was not offered: {:?}", answer.protocol_name);
            return Err(Trouble::Lasting(Error::new(ErrorKind::Protocol, message)));
        };
        let (assignments, watched) = if answer.leader == answer.member_id {
            let (assignments, watched) = self.lead(assignor, &answer).await?;
            (assignments, Some(watched))
        } else {
            (Vec::new(), None)
        };
        let assignment = self.sync_group(&answer, assignments).await?;
        Ok(Joined { assignor, assignment, watched })
    }

    async fn join_group(&self) -> Result<JoinGroupResponse, Trouble> {
        let Shared { config, coordinator, .. } = &*self.shared;
        let claim = Claim {
            topics: self.topics.borrow().clone(),
            owned: self.owned.clone(),
            last: self.last.clone(),
            generation: self.last_generation,
            rack: config.rack.clone(),
        };
        let protocols = rebalance::protocols(&claim, &config.assignors)?;
        loop {
            let Identity { member_id, .. } = self.shared.identity();
            let _asking = member_id.is_empty().then(|| Underway::begin(&self.asking));
            let request = JoinGroupRequest {
                group_id: config.group_id.clone(),
                session_timeout_ms: milliseconds(config.session_timeout),
                rebalance_timeout_ms: milliseconds(config.max_poll_interval),
                member_id,
                group_instance_id: config.instance_id.clone(),
                protocol_type: "consumer".into(),
                protocols: protocols.clone(),
                reason: None,
            };
            let limit = config.max_poll_interval.saturating_add(GRACE);
            let answer = coordinator.ask(Way::Waiting, 2..=9, limit, |_| request).await?;
            match answer.error_code {
                ErrorCode::NONE => return Ok(answer),
                // The coordinator gives a new member an id first, so that a lost answer leaves no ghost (KIP-394).
                ErrorCode::MEMBER_ID_REQUIRED if self.shared.identity().member_id.is_empty() => {
                    self.shared.is_now(Identity { member_id: answer.member_id, generation: -1 });
                }
                // Joining is how a member takes part in a rebalance; so this is no reason to join at once.
                code @ ErrorCode::REBALANCE_IN_PROGRESS => {
                    return Err(Trouble::Passing(Error::broker_code(ApiKey::JoinGroup, code)));
                }
                code => {
                    coordinator.note(code);
                    return Err(Trouble::of(ApiKey::JoinGroup, code));
                }
            }
        }
    }

    /// The leader's work: who gets what. Also the topics that it went by.
    async fn lead(
        &self,
        assignor: Assignor,
        answer: &JoinGroupResponse,
    ) -> Result<(Vec<SyncGroupRequestAssignment>, Topics), Trouble> {
        let members = self.members(assignor, answer);
        let watched = self.look_up(members.values().flat_map(|member| member.topics.iter().cloned()).collect()).await;
        if answer.skip_assignment {
            // A static leader has come back: everything stays as it is, but the topics are its business again (KIP-814).
            return Ok((Vec::new(), watched));
        }
        let existing = watched.iter().filter(|(_, count)| **count > 0).map(|(topic, count)| (topic.clone(), *count));
        let assignments = assignor.assign(&members, &existing.collect());
        let encoded = assignments.into_iter().map(|(member_id, partitions)| {
            Ok(SyncGroupRequestAssignment { member_id, assignment: rebalance::assignment(&partitions)? })
        });
        Ok((encoded.collect::<Result<_, Error>>()?, watched))
    }

    /// What the members want. One whose subscription cannot be read gets nothing, so that the others get theirs.
    fn members(&self, assignor: Assignor, answer: &JoinGroupResponse) -> BTreeMap<ByteString, assignor::Member> {
        let read = answer.members.iter().map(|joined| {
            let (instance, metadata) = (joined.group_instance_id.clone(), joined.metadata.clone());
            let member = rebalance::member(assignor, instance, metadata).unwrap_or_else(|error| {
                let doing = format!("reading the subscription of the group's member {}", joined.member_id);
                self.events.failed(error.context(doing));
                assignor::Member::default()
            });
            (joined.member_id.clone(), member)
        });
        read.collect()
    }

    /// How many partitions topics have; 0 where a topic does not exist, as far as is known.
    async fn look_up(&self, topics: BTreeSet<ByteString>) -> Topics {
        let metadata = self.shared.client.metadata();
        for topic in &topics {
            metadata.interested(topic);
        }
        let cluster = metadata.cluster();
        if topics.iter().any(|topic| !cluster.topics.contains_key(topic)) {
            // Other members read topics that this one has not heard of. Without an answer the group goes on with what is known.
            let _ = metadata.refreshed_since(cluster.version, Deadline::after(TOPICS_LIMIT)).await;
        }
        self.counts(topics)
    }

    pub(super) fn counts(&self, topics: impl IntoIterator<Item = ByteString>) -> Topics {
        let cluster = self.shared.client.metadata().cluster();
        let count = |topic: &ByteString| cluster.topics.get(topic).map_or(0, |topic| topic.partitions.len() as i32);
        topics.into_iter().map(|topic| (topic.clone(), count(&topic))).collect()
    }

    async fn sync_group(
        &self,
        joined: &JoinGroupResponse,
        assignments: Vec<SyncGroupRequestAssignment>,
    ) -> Result<BTreeSet<TopicPartition>, Trouble> {
        let Shared { config, coordinator, .. } = &*self.shared;
        let request = SyncGroupRequest {
            group_id: config.group_id.clone(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            group_instance_id: config.instance_id.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: joined.protocol_name.clone(),
            assignments,
        };
        let limit = config.max_poll_interval.saturating_add(GRACE);
        let answer = coordinator.ask(Way::Waiting, 1..=5, limit, |_| request).await?;
        if answer.error_code.is_error() {
            coordinator.note(answer.error_code);
            return Err(Trouble::of(ApiKey::SyncGroup, answer.error_code));
        }
        Ok(rebalance::assigned(answer.assignment)?)
    }
}

fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
