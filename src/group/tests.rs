//! What Kafka's recorded conversations cannot show: days that pass, restarts, limits.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::consumer_protocol::ConsumerProtocolSubscription;
use uuid::Uuid;

use super::*;

const DAY_MS: i64 = 24 * 3_600_000;

struct Driver {
    shard: Shard,
    now: Now,
    log: Vec<Record>,
    tokens: u64,
    joins: Vec<(ReplyToken, JoinReply)>,
    syncs: Vec<(ReplyToken, SyncReply)>,
}

impl Driver {
    fn new() -> Self {
        Self::with(GroupConfig::default())
    }

    fn with(mut config: GroupConfig) -> Self {
        config.initial_rebalance_delay_ms = 0;
        let now = Now { monotonic: Millis(0), wall_ms: 1_700_000_000_000 };
        let shard = Shard::new(Arc::new(config), now);
        Self { shard, now, log: Vec::new(), tokens: 0, joins: Vec::new(), syncs: Vec::new() }
    }

    /// One step of the shard, with its effects.
    fn step<T>(&mut self, act: impl FnOnce(&mut Shard, Now, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let answer = act(&mut self.shard, self.now, &mut effects);
        self.log.extend(effects.records);
        self.joins.extend(effects.joins);
        self.syncs.extend(effects.syncs);
        answer
    }

    /// Lets time pass, step by step, as the timer would.
    fn pass(&mut self, ms: i64) {
        let until = Millis(self.now.monotonic.0 + ms);
        let mut alarms = 0;
        loop {
            let next = self.shard.next_deadline().map_or(until, |next| next.min(until));
            self.now.wall_ms += next.0 - self.now.monotonic.0;
            self.now.monotonic = next;
            self.step(Shard::expire);
            alarms += 1;
            assert!(alarms < 100_000, "the timer does not come to rest");
            if next == until {
                return;
            }
        }
    }

    fn restart(&mut self) {
        let mut shard = Shard::new(Arc::clone(&self.shard.config), self.now);
        for record in &self.log {
            shard.replay(Record::decode(record.encode().unwrap()).unwrap().unwrap(), self.now);
        }
        shard.resume(self.now);
        self.shard = shard;
    }

    fn join(&mut self, request: &JoinRequest) -> ReplyToken {
        self.tokens += 1;
        let token = ReplyToken(self.tokens);
        let request = JoinRequest { fresh_id: Uuid::from_u128(self.tokens.into()), ..request.clone() };
        self.step(|shard, now, effects| shard.join(&request, token, now, effects));
        token
    }

    fn joined(&mut self, token: ReplyToken) -> Option<JoinReply> {
        let at = self.joins.iter().position(|(answered, _)| *answered == token)?;
        Some(self.joins.swap_remove(at).1)
    }

    fn join_now(&mut self, request: &JoinRequest) -> JoinReply {
        let token = self.join(request);
        self.joined(token).expect("the join waits")
    }

    fn sync(&mut self, group: &str, member_id: &ByteString, generation: i32) -> SyncReply {
        self.tokens += 1;
        let token = ReplyToken(self.tokens);
        let assignment = MemberAssignment { member_id: member_id.clone(), assignment: Bytes::from_static(b"mine") };
        let request = SyncRequest {
            group: group.into(),
            generation,
            member_id: member_id.clone(),
            instance_id: None,
            protocol_type: None,
            protocol: None,
            must_name_protocol: false,
            assignments: vec![assignment],
        };
        self.step(|shard, now, effects| shard.sync(&request, token, now, effects));
        let at = self.syncs.iter().position(|(answered, _)| *answered == token).expect("the sync waits");
        self.syncs.swap_remove(at).1
    }

    fn heartbeat(&mut self, group: &str, member_id: &ByteString, generation: i32) -> ErrorCode {
        let request =
            HeartbeatRequest { group: group.into(), generation, member_id: member_id.clone(), instance_id: None };
        self.step(|shard, now, _| shard.heartbeat(&request, now))
    }

    fn leave(&mut self, group: &str, member_id: &ByteString) {
        let members = vec![LeavingMember { member_id: member_id.clone(), instance_id: None }];
        let request = LeaveRequest { group: group.into(), members };
        let left = self.step(|shard, now, effects| shard.leave(&request, now, effects)).unwrap();
        assert_eq!(left[0].error, ErrorCode::NONE);
    }

    fn commit(&mut self, request: &CommitRequest) -> Result<Vec<CommittedPartition>, ErrorCode> {
        self.step(|shard, now, effects| shard.commit(request, now, effects))
    }

    fn committed(&self, group: &str, topic: &str) -> Option<i64> {
        let asked = [OffsetsOfTopic { topic: topic.into(), topic_id: Uuid::nil(), partitions: vec![0] }];
        self.shard.fetch_offsets(group, Some(&asked))[0].partitions[0].1.as_ref().map(|offset| offset.offset)
    }

    fn state(&self, group: &str) -> GroupState {
        self.shard.describe(&group.into()).state
    }

    /// A member that is alone and has its assignment.
    fn stable_member(&mut self, request: &JoinRequest) -> ByteString {
        let joined = self.join_now(request);
        assert_eq!(joined.error, ErrorCode::NONE);
        assert_eq!(self.sync(&request.group, &joined.member_id, joined.generation).error, ErrorCode::NONE);
        joined.member_id
    }
}

fn consumer_of(topics: &[&str]) -> Bytes {
    let topics = topics.iter().map(|topic| ByteString::from(*topic)).collect();
    ConsumerProtocolSubscription { topics, ..ConsumerProtocolSubscription::default() }.to_bytes(1).unwrap()
}

fn joining(group: &str) -> JoinRequest {
    JoinRequest {
        group: group.into(),
        member_id: ByteString::new(),
        instance_id: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: consumer_of(&["t"]) }],
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 20_000,
        require_known_member_id: false,
        supports_skipping_assignment: true,
        fresh_id: Uuid::nil(),
    }
}

fn committing(group: &str, topic: &str, offset: i64) -> CommitRequest {
    CommitRequest {
        group: group.into(),
        generation: -1,
        member_id: ByteString::new(),
        instance_id: None,
        retention_ms: -1,
        knows_group_id_not_found: true,
        offsets: vec![OffsetToCommit {
            topic: topic.into(),
            topic_id: Uuid::from_u128(1),
            partition: 0,
            offset,
            leader_epoch: 2,
            metadata: "note".into(),
        }],
    }
}

fn member_committing(member_id: &ByteString, topic: &str, offset: i64) -> CommitRequest {
    CommitRequest { generation: 1, member_id: member_id.clone(), ..committing("g", topic, offset) }
}

// ---- retention ----

#[test]
fn offsets_of_a_group_without_members_expire_seven_days_after_the_last_member_left() {
    let mut driver = Driver::new();
    let member = driver.stable_member(&joining("g"));
    driver.commit(&member_committing(&member, "t", 5)).unwrap();
    for _ in 0..8 * 24 * 450 {
        driver.pass(8_000);
        assert_eq!(driver.heartbeat("g", &member, 1), ErrorCode::NONE);
    }
    assert_eq!(driver.committed("g", "t"), Some(5), "the group lives");
    driver.leave("g", &member);
    driver.pass(7 * DAY_MS - 700_000);
    assert_eq!(driver.committed("g", "t"), Some(5));
    driver.pass(1_400_000);
    assert_eq!(driver.committed("g", "t"), None);
    assert_eq!(driver.state("g"), GroupState::Dead);
    driver.restart();
    assert_eq!(driver.state("g"), GroupState::Dead);
}

#[test]
fn a_living_group_keeps_the_offsets_of_topics_it_subscribes_to_and_loses_others() {
    let config = GroupConfig { offsets_retention_ms: 3_600_000, ..GroupConfig::default() };
    let mut driver = Driver::with(config);
    let member = driver.stable_member(&joining("g"));
    driver.commit(&member_committing(&member, "t", 5)).unwrap();
    driver.commit(&member_committing(&member, "formerly", 6)).unwrap();
    for _ in 0..1_000 {
        driver.pass(8_000);
        driver.heartbeat("g", &member, 1);
    }
    assert_eq!(driver.committed("g", "t"), Some(5));
    assert_eq!(driver.committed("g", "formerly"), None);
    assert_eq!(driver.state("g"), GroupState::Stable);
}

#[test]
fn offsets_that_never_had_a_member_expire_seven_days_after_the_commit() {
    let mut driver = Driver::new();
    driver.commit(&committing("g", "t", 5)).unwrap();
    driver.pass(6 * DAY_MS);
    driver.commit(&committing("g", "u", 6)).unwrap();
    driver.pass(DAY_MS + 600_000);
    assert_eq!((driver.committed("g", "t"), driver.committed("g", "u")), (None, Some(6)));
    driver.pass(6 * DAY_MS);
    assert_eq!(driver.state("g"), GroupState::Dead);
}

#[test]
fn a_commit_may_bring_its_own_retention() {
    let mut driver = Driver::new();
    driver.commit(&CommitRequest { retention_ms: 3_600_000, ..committing("g", "t", 5) }).unwrap();
    driver.commit(&CommitRequest { retention_ms: 30 * DAY_MS, ..committing("g", "u", 6) }).unwrap();
    driver.restart();
    driver.pass(3_600_000 + 600_000);
    assert_eq!((driver.committed("g", "t"), driver.committed("g", "u")), (None, Some(6)));
    driver.pass(20 * DAY_MS);
    assert_eq!(driver.committed("g", "u"), Some(6));
}

#[test]
fn the_offsets_of_a_deleted_topic_go_with_it() {
    let mut driver = Driver::new();
    driver.commit(&committing("g", "t", 5)).unwrap();
    driver.commit(&committing("g", "u", 6)).unwrap();
    driver.step(|shard, _, effects| shard.topic_deleted(&"t".into(), Uuid::from_u128(1), effects));
    driver.restart();
    assert_eq!((driver.committed("g", "t"), driver.committed("g", "u")), (None, Some(6)));
}

#[test]
fn a_late_word_of_a_deleted_topic_leaves_the_offsets_of_its_successor() {
    let mut driver = Driver::new();
    driver.commit(&committing("g", "t", 5)).unwrap();
    driver.step(|shard, _, effects| shard.topic_deleted(&"t".into(), Uuid::from_u128(9), effects));
    assert_eq!(driver.committed("g", "t"), Some(5));
}

#[test]
fn the_offsets_of_an_earlier_topic_of_the_same_name_are_not_shown() {
    let mut driver = Driver::new();
    driver.commit(&committing("g", "t", 5)).unwrap();
    driver.restart();
    let fetched = |id: u128| {
        let asked = [OffsetsOfTopic { topic: "t".into(), topic_id: Uuid::from_u128(id), partitions: vec![0] }];
        driver.shard.fetch_offsets("g", Some(&asked))[0].partitions[0].1.as_ref().map(|offset| offset.offset)
    };
    assert_eq!(fetched(1), Some(5));
    assert_eq!(fetched(2), None);
}

// ---- restart ----

#[test]
fn a_restart_keeps_generation_members_and_assignment() {
    let mut driver = Driver::new();
    let member = driver.stable_member(&JoinRequest { instance_id: Some("i".into()), ..joining("g") });
    let before = driver.shard.describe(&"g".into());
    driver.pass(5_000);
    driver.restart();
    assert_eq!(driver.shard.describe(&"g".into()), before);
    driver.pass(9_999);
    assert_eq!(driver.heartbeat("g", &member, 1), ErrorCode::NONE);
    let again = driver.join_now(&JoinRequest { instance_id: Some("i".into()), ..joining("g") });
    assert_eq!((again.error, again.generation, again.skip_assignment), (ErrorCode::NONE, 1, true));
}

#[test]
fn a_restart_in_the_middle_of_a_rebalance_goes_back_to_the_last_generation_that_was_stable() {
    let mut driver = Driver::new();
    let member = driver.stable_member(&joining("g"));
    let newcomer = driver.join(&joining("g"));
    driver.restart();
    assert_eq!(driver.state("g"), GroupState::Stable);
    assert_eq!(driver.joined(newcomer), None);
    assert_eq!(driver.heartbeat("g", &member, 1), ErrorCode::NONE);
    let rejoined = driver.join_now(&JoinRequest { member_id: member, ..joining("g") });
    assert_eq!((rejoined.error, rejoined.generation), (ErrorCode::NONE, 2));
}

#[test]
fn a_commit_round_trips_with_leader_epoch_and_metadata() {
    let mut driver = Driver::new();
    driver.commit(&committing("g", "t", 5)).unwrap();
    driver.commit(&committing("g", "t", 6)).unwrap();
    driver.restart();
    let fetched = driver.shard.fetch_offsets("g", None);
    let offset = fetched[0].partitions[0].1.as_ref().unwrap();
    assert_eq!((offset.offset, offset.leader_epoch, &*offset.metadata), (6, 2, "note"));
    assert_eq!(offset.topic_id, Uuid::from_u128(1));
}

#[test]
fn a_deleted_group_is_gone_after_a_restart() {
    let mut driver = Driver::new();
    let member = driver.stable_member(&joining("g"));
    driver.commit(&member_committing(&member, "t", 5)).unwrap();
    let refused = driver.step(|shard, _, effects| shard.delete_group(&"g".into(), effects));
    assert_eq!(refused, Err(ErrorCode::NON_EMPTY_GROUP));
    driver.leave("g", &member);
    driver.step(|shard, _, effects| shard.delete_group(&"g".into(), effects)).unwrap();
    driver.restart();
    assert_eq!(driver.state("g"), GroupState::Dead);
    assert_eq!(driver.shard.fetch_offsets("g", None), []);
}

// ---- limits ----

#[test]
fn a_shard_that_is_full_refuses_new_groups_and_serves_the_others() {
    let mut driver = Driver::with(GroupConfig { max_groups_per_partition: 2, ..GroupConfig::default() });
    driver.stable_member(&joining("a"));
    driver.commit(&committing("b", "t", 1)).unwrap();
    assert_eq!(driver.join_now(&joining("c")).error, ErrorCode::GROUP_MAX_SIZE_REACHED);
    assert_eq!(driver.commit(&committing("c", "t", 1)), Err(ErrorCode::GROUP_MAX_SIZE_REACHED));
    driver.commit(&committing("b", "t", 2)).unwrap();
    assert_eq!(driver.state("c"), GroupState::Dead);
}

#[test]
fn member_ids_that_nobody_uses_are_bounded_and_expire() {
    let mut driver = Driver::with(GroupConfig { max_pending_members: 2, ..GroupConfig::default() });
    let asking = JoinRequest { require_known_member_id: true, ..joining("g") };
    assert_eq!(driver.join_now(&asking).error, ErrorCode::MEMBER_ID_REQUIRED);
    assert_eq!(driver.join_now(&asking).error, ErrorCode::MEMBER_ID_REQUIRED);
    assert_eq!(driver.join_now(&asking).error, ErrorCode::GROUP_MAX_SIZE_REACHED);
    driver.pass(10_000);
    assert_eq!(driver.join_now(&asking).error, ErrorCode::MEMBER_ID_REQUIRED);
    driver.pass(700_000);
    assert_eq!(driver.state("g"), GroupState::Dead, "no ghost is left");
}

#[test]
fn a_group_too_large_for_a_record_does_not_become_stable() {
    let mut driver = Driver::with(GroupConfig { max_record_bytes: 10_000, ..GroupConfig::default() });
    let metadata = Bytes::from(vec![0; 20_000]);
    let joined =
        driver.join_now(&JoinRequest { protocols: vec![Protocol { name: "range".into(), metadata }], ..joining("g") });
    assert_eq!(driver.sync("g", &joined.member_id, 1).error, ErrorCode::UNKNOWN_SERVER_ERROR);
    assert_eq!(driver.state("g"), GroupState::PreparingRebalance);
    assert!(driver.log.is_empty());
}

#[test]
fn a_client_id_of_any_length_makes_a_member_id_that_can_be_written() {
    let mut driver = Driver::new();
    let joined = driver.join_now(&JoinRequest { client_id: "é".repeat(16_383).into(), ..joining("g") });
    assert!(joined.member_id.len() <= 32_767);
    assert_eq!(driver.sync("g", &joined.member_id, 1).error, ErrorCode::NONE);
}

// ---- time ----

#[test]
fn silent_static_members_with_no_rebalance_timeout_do_not_keep_the_timer_busy() {
    let mut driver = Driver::new();
    let request = JoinRequest { instance_id: Some("i".into()), rebalance_timeout_ms: 0, ..joining("g") };
    driver.stable_member(&JoinRequest { session_timeout_ms: 1_800_000, ..request });
    let asking = JoinRequest { rebalance_timeout_ms: 0, require_known_member_id: true, ..joining("g") };
    let member_id = driver.join_now(&asking).member_id;
    driver.join(&JoinRequest { member_id: member_id.clone(), ..asking });
    driver.leave("g", &member_id);
    driver.pass(1_000_000);
    assert_eq!(driver.state("g"), GroupState::PreparingRebalance);
    driver.pass(3_600_000);
    assert_eq!(driver.state("g"), GroupState::Dead);
}

#[test]
fn a_new_member_whose_client_is_gone_is_removed_after_five_minutes() {
    let mut driver = Driver::new();
    let patient = JoinRequest { rebalance_timeout_ms: 3_600_000, session_timeout_ms: 1_800_000, ..joining("g") };
    driver.stable_member(&patient);
    let token = driver.join(&patient);
    driver.pass(299_000);
    assert_eq!(driver.joined(token), None);
    driver.pass(1_001);
    assert_eq!(driver.joined(token).unwrap().error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_heartbeat_extends_the_session_and_silence_ends_it() {
    let mut driver = Driver::new();
    let member = driver.stable_member(&joining("g"));
    for _ in 0..5 {
        driver.pass(9_999);
        assert_eq!(driver.heartbeat("g", &member, 1), ErrorCode::NONE);
    }
    driver.pass(10_000);
    assert_eq!(driver.heartbeat("g", &member, 1), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(driver.state("g"), GroupState::Empty);
}

#[test]
fn a_commit_extends_the_session() {
    let mut driver = Driver::new();
    let member = driver.stable_member(&joining("g"));
    driver.pass(9_000);
    driver.commit(&member_committing(&member, "t", 1)).unwrap();
    driver.pass(9_000);
    assert_eq!(driver.heartbeat("g", &member, 1), ErrorCode::NONE);
}

#[test]
fn a_member_that_leaves_while_its_sync_waits_is_answered() {
    let mut driver = Driver::new();
    let leader = driver.stable_member(&joining("g"));
    let waiting = driver.join(&joining("g"));
    driver.join(&JoinRequest { member_id: leader, ..joining("g") });
    let follower = driver.joined(waiting).unwrap().member_id;
    let token = ReplyToken(99);
    let request = SyncRequest {
        group: "g".into(),
        generation: 2,
        member_id: follower.clone(),
        instance_id: None,
        protocol_type: None,
        protocol: None,
        must_name_protocol: false,
        assignments: Vec::new(),
    };
    driver.step(|shard, now, effects| shard.sync(&request, token, now, effects));
    assert!(driver.syncs.is_empty());
    driver.leave("g", &follower);
    assert_eq!(driver.syncs, [(token, SyncReply::refused(ErrorCode::UNKNOWN_MEMBER_ID))]);
}
