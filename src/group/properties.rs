//! What holds whatever clients do: every request is answered exactly once, generations only grow, everything that was
//! promised is in the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const GROUPS: [&str; 2] = ["g0", "g1"];
const CLIENTS: usize = 4;

#[derive(Clone, Debug)]
enum Event {
    Join { client: usize, moves: bool, forgets_id: bool, needs_id: bool, preference: u8, session_timeout_ms: i32 },
    Sync { client: usize, generation_off_by: i32 },
    Heartbeat { client: usize },
    Leave { client: usize, by_instance: bool },
    Commit { client: usize, anonymous: bool, partition: i32, offset: i64 },
    DeleteGroup { group: usize },
    DeleteTopic,
    Pass { ms: i64 },
    Restart,
}

fn events() -> impl Strategy<Value = Event> {
    let client = 0..CLIENTS;
    prop_oneof![
        8 => (client.clone(), prop::bool::weighted(0.1), prop::bool::weighted(0.2), any::<bool>(), 0..3_u8, 6_000..12_000)
            .prop_map(|(client, moves, forgets_id, needs_id, preference, session_timeout_ms)| Event::Join {
                client, moves, forgets_id, needs_id, preference, session_timeout_ms,
            }),
        8 => (client.clone(), prop_oneof![9 => Just(0), 1 => -1..=1])
            .prop_map(|(client, generation_off_by)| Event::Sync { client, generation_off_by }),
        4 => client.clone().prop_map(|client| Event::Heartbeat { client }),
        2 => (client.clone(), any::<bool>()).prop_map(|(client, by_instance)| Event::Leave { client, by_instance }),
        4 => (client, any::<bool>(), 0..3, 0..100_i64)
            .prop_map(|(client, anonymous, partition, offset)| Event::Commit { client, anonymous, partition, offset }),
        1 => (0..2_usize).prop_map(|group| Event::DeleteGroup { group }),
        1 => Just(Event::DeleteTopic),
        4 => prop_oneof![0..100_i64, 1_000..20_000_i64, Just(700_000_i64)].prop_map(|ms| Event::Pass { ms }),
        1 => Just(Event::Restart),
    ]
}

/// What a client knows of its membership. Clients 2 and 3 are static members.
#[derive(Clone, Default)]
struct Client {
    group: usize,
    member_id: ByteString,
    generation: i32,
}

struct World {
    config: Arc<GroupConfig>,
    shard: Shard,
    now: Now,
    clients: Vec<Client>,
    tokens: u64,
    /// Who asked, and of which group.
    unanswered: BTreeMap<ReplyToken, (usize, usize)>,
    log: Vec<Record>,
    generations: HashMap<ByteString, i32>,
    /// The protocol of each generation that a member was told of.
    protocols: HashMap<(ByteString, i32), ByteString>,
}

fn instance_of(client: usize) -> Option<ByteString> {
    (client >= 2).then(|| format!("i{client}").into())
}

impl World {
    fn new() -> Self {
        let config = Arc::new(GroupConfig {
            initial_rebalance_delay_ms: 100,
            offsets_retention_ms: 1_000_000,
            max_size: 3,
            ..GroupConfig::default()
        });
        let now = Now { monotonic: Millis(0), wall_ms: 1_700_000_000_000 };
        Self {
            shard: Shard::new(Arc::clone(&config), now),
            config,
            now,
            clients: vec![Client::default(); CLIENTS],
            tokens: 0,
            unanswered: BTreeMap::new(),
            log: Vec::new(),
            generations: HashMap::new(),
            protocols: HashMap::new(),
        }
    }

    fn token(&mut self, client: usize, group: usize) -> ReplyToken {
        self.tokens += 1;
        self.unanswered.insert(ReplyToken(self.tokens), (client, group));
        ReplyToken(self.tokens)
    }

    fn happen(&mut self, event: &Event) {
        let mut effects = Effects::default();
        match event {
            Event::Join { client, moves, forgets_id, needs_id, preference, session_timeout_ms } => {
                let known = &mut self.clients[*client];
                let group = if *moves { 1 - known.group } else { known.group };
                if *forgets_id || *moves {
                    *known = Client { group, ..Client::default() };
                }
                let token = self.token(*client, group);
                let known = &self.clients[*client];
                let names: &[&str] = [&["x", "y"][..], &["y", "x"], &["y"]][usize::from(*preference)];
                let request = JoinRequest {
                    group: GROUPS[group].into(),
                    member_id: known.member_id.clone(),
                    instance_id: instance_of(*client),
                    client_id: format!("c{client}").into(),
                    client_host: "/127.0.0.1".into(),
                    protocol_type: "consumer".into(),
                    protocols: names
                        .iter()
                        .map(|name| Protocol { name: (*name).into(), metadata: Bytes::from_static(b"\0\x01\0\0\0\0") })
                        .collect(),
                    session_timeout_ms: *session_timeout_ms,
                    rebalance_timeout_ms: 3_000,
                    require_known_member_id: *needs_id,
                    supports_skipping_assignment: true,
                    fresh_id: Uuid::from_u128(self.tokens.into()),
                };
                self.shard.join(&request, token, self.now, &mut effects);
            }
            Event::Sync { client, generation_off_by } => {
                let token = self.token(*client, self.clients[*client].group);
                let known = &self.clients[*client];
                let assignments = CLIENTS.to_string().into_bytes();
                let request = SyncRequest {
                    group: GROUPS[known.group].into(),
                    generation: known.generation + generation_off_by,
                    member_id: known.member_id.clone(),
                    instance_id: instance_of(*client),
                    protocol_type: None,
                    protocol: None,
                    must_name_protocol: false,
                    assignments: vec![MemberAssignment {
                        member_id: known.member_id.clone(),
                        assignment: assignments.into(),
                    }],
                };
                self.shard.sync(&request, token, self.now, &mut effects);
            }
            Event::Heartbeat { client } => {
                let known = &self.clients[*client];
                let request = HeartbeatRequest {
                    group: GROUPS[known.group].into(),
                    generation: known.generation,
                    member_id: known.member_id.clone(),
                    instance_id: instance_of(*client),
                };
                self.shard.heartbeat(&request, self.now);
            }
            Event::Leave { client, by_instance } => {
                let known = &self.clients[*client];
                let member_id = if *by_instance { ByteString::new() } else { known.member_id.clone() };
                let members = vec![LeavingMember { member_id, instance_id: instance_of(*client) }];
                let request = LeaveRequest { group: GROUPS[known.group].into(), members };
                self.shard.leave(&request, self.now, &mut effects).unwrap();
            }
            Event::Commit { client, anonymous, partition, offset } => {
                let known = &self.clients[*client];
                let request = CommitRequest {
                    group: GROUPS[known.group].into(),
                    generation: if *anonymous { -1 } else { known.generation },
                    member_id: if *anonymous { ByteString::new() } else { known.member_id.clone() },
                    instance_id: None,
                    retention_ms: -1,
                    knows_group_id_not_found: true,
                    offsets: vec![OffsetToCommit {
                        topic: "t".into(),
                        topic_id: Uuid::nil(),
                        partition: *partition,
                        offset: *offset,
                        leader_epoch: 0,
                        metadata: ByteString::new(),
                    }],
                };
                let _ = self.shard.commit(&request, self.now, &mut effects);
            }
            Event::DeleteGroup { group } => {
                let id = GROUPS[*group].into();
                let _ = self.shard.delete_group(&id, &mut effects);
            }
            Event::DeleteTopic => self.shard.topic_deleted(&"t".into(), Uuid::nil(), &mut effects),
            Event::Pass { ms } => return self.pass(*ms),
            Event::Restart => return self.restart(),
        }
        self.take(effects);
    }

    fn pass(&mut self, ms: i64) {
        let until = Millis(self.now.monotonic.0 + ms);
        while let Some(next) = self.shard.next_deadline().filter(|next| *next <= until) {
            self.expire_at(next.max(self.now.monotonic));
        }
        self.expire_at(until);
    }

    fn expire_at(&mut self, at: Millis) {
        self.now = Now { wall_ms: self.now.wall_ms + at.0 - self.now.monotonic.0, monotonic: at };
        // What expires may make something else due at once: an empty group waits for nobody.
        for _ in 0..5 {
            let mut effects = Effects::default();
            self.shard.expire(self.now, &mut effects);
            self.take(effects);
            if self.shard.next_deadline().is_none_or(|next| next > at) {
                return;
            }
        }
        panic!("the timer does not come to rest");
    }

    /// Requests that wait die with their connections.
    fn restart(&mut self) {
        self.shard = self.replayed();
        self.unanswered.clear();
        self.protocols.clear();
        self.generations.clear();
        self.note_generations();
    }

    fn replayed(&self) -> Shard {
        let mut shard = Shard::new(Arc::clone(&self.config), self.now);
        for record in &self.log {
            shard.replay(record.clone(), self.now);
        }
        shard.resume(self.now);
        shard
    }

    fn take(&mut self, effects: Effects) {
        self.log.extend(effects.records);
        for (token, reply) in effects.joins {
            let (client, group) = self.unanswered.remove(&token).expect("answered twice");
            self.note_joined(client, group, &reply);
        }
        for (token, _) in effects.syncs {
            self.unanswered.remove(&token).expect("answered twice");
        }
        self.note_generations();
        self.check();
    }

    fn note_joined(&mut self, client: usize, group: usize, reply: &JoinReply) {
        let known = &mut self.clients[client];
        if known.group != group {
            return;
        }
        match reply.error {
            ErrorCode::MEMBER_ID_REQUIRED => known.member_id = reply.member_id.clone(),
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::FENCED_INSTANCE_ID => known.member_id = ByteString::new(),
            ErrorCode::NONE => {
                known.member_id = reply.member_id.clone();
                known.generation = reply.generation;
                let protocol = reply.protocol.clone().expect("a generation without a protocol");
                let told = (ByteString::from(GROUPS[group]), reply.generation);
                let first_told = self.protocols.entry(told).or_insert_with(|| protocol.clone());
                assert_eq!(*first_told, protocol, "one generation, two protocols");
                if reply.leader == reply.member_id {
                    assert!(reply.members.iter().any(|member| member.member_id == reply.member_id));
                }
            }
            _ => {}
        }
    }

    fn note_generations(&mut self) {
        self.generations.retain(|group, _| self.shard.groups.contains_key(group));
        self.protocols.retain(|(group, _), _| self.shard.groups.contains_key(group));
        for (id, group) in &self.shard.groups {
            let generation = group.snapshot().generation;
            let before = self.generations.insert(id.clone(), generation).unwrap_or(generation);
            assert!(generation >= before, "the generation of {id} fell from {before} to {generation}");
        }
    }

    /// A restart at this moment would bring back what clients were told.
    fn check(&self) {
        let replayed = self.replayed();
        for group in GROUPS {
            assert_eq!(replayed.fetch_offsets(group, None), self.shard.fetch_offsets(group, None));
            let Some(live) = self.shard.groups.get(group) else {
                assert!(!replayed.groups.contains_key(group), "{group} comes back");
                continue;
            };
            live.assert_counts();
            let is_recorded = self.log.iter().rev().find_map(|record| match record {
                Record::Group { group: id, value } if *id == *group => Some(value.is_some()),
                _ => None,
            });
            if live.state() == GroupState::Stable || (live.is_empty() && is_recorded == Some(true)) {
                assert_eq!(replayed.groups[group].snapshot(), live.snapshot());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_nothing_is_lost_and_nothing_said_twice(events in prop::collection::vec(events(), 1..120)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.pass(600_000);
        prop_assert!(world.unanswered.is_empty(), "never answered: {:?}", world.unanswered);
    }
}
