//! Conversations that were held with Apache Kafka 4.4, held again with a shard: `tests/oracle/groups/NAME.jsonl` says
//! what was asked, `NAME.kafka.jsonl` what Kafka answered. Time is simulated.
//!
//! Only what the coordinator decides is compared. Metadata and assignments are taken as they are written, in base64.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

struct Conversation {
    shard: Shard,
    now: Now,
    ids: u64,
    waiting: HashMap<String, VecDeque<ReplyToken>>,
    answers: HashMap<ReplyToken, Value>,
    saved: HashMap<String, String>,
}

impl Conversation {
    fn begin(config: GroupConfig) -> Self {
        let now = Now { monotonic: Millis(0), wall_ms: 1_700_000_000_000 };
        let shard = Shard::new(Arc::new(config), now);
        Self { shard, now, ids: 0, waiting: HashMap::new(), answers: HashMap::new(), saved: HashMap::new() }
    }

    fn advance_to(&mut self, at: Millis) {
        let passed = at.0 - self.now.monotonic.0;
        self.now = Now { monotonic: at, wall_ms: self.now.wall_ms + passed };
        let mut effects = Effects::default();
        self.shard.expire(self.now, &mut effects);
        self.deliver(effects);
    }

    fn sleep(&mut self, ms: i64) {
        let until = Millis(self.now.monotonic.0 + ms);
        while let Some(next) = self.shard.next_deadline().filter(|next| *next < until) {
            self.advance_to(next.max(self.now.monotonic));
        }
        self.advance_to(until);
    }

    fn deliver(&mut self, effects: Effects) {
        for (token, reply) in effects.joins {
            assert!(self.answers.insert(token, join_json(&reply)).is_none(), "answered twice");
        }
        for (token, reply) in effects.syncs {
            assert!(self.answers.insert(token, sync_json(&reply)).is_none(), "answered twice");
        }
    }

    /// The answer to the oldest request of the connection, however long it takes.
    fn receive(&mut self, connection: &str) -> Value {
        let token = self.waiting.get_mut(connection).and_then(VecDeque::pop_front).expect("nothing was asked");
        loop {
            if let Some(answer) = self.answers.remove(&token) {
                return answer;
            }
            let next = self.shard.next_deadline().expect("nobody will ever answer");
            self.advance_to(next.max(self.now.monotonic));
        }
    }

    fn play(&mut self, step: &Value) -> Option<Value> {
        self.sleep(1);
        if let Some(ms) = step["sleep_ms"].as_i64() {
            self.sleep(ms);
            return None;
        }
        if let Some(connection) = step["recv"].as_str() {
            let answer = self.receive(connection);
            self.save(step, &answer);
            return Some(answer);
        }
        let connection = step["conn"].as_str().unwrap_or("main");
        self.ids += 1;
        let token = ReplyToken(self.ids);
        let body = self.substituted(&step["body"]);
        if let Some(answer) = self.ask(step, &body, token) {
            self.answers.insert(token, answer);
        }
        self.waiting.entry(connection.to_owned()).or_default().push_back(token);
        if step["wait"] == json!(false) {
            return None;
        }
        let answer = self.receive(connection);
        self.save(step, &answer);
        Some(answer)
    }

    fn save(&mut self, step: &Value, answer: &Value) {
        for (name, pointer) in step["save"].as_object().into_iter().flatten() {
            let value = answer.pointer(pointer.as_str().unwrap()).and_then(Value::as_str).unwrap();
            self.saved.insert(format!("${name}"), value.to_owned());
        }
    }

    fn substituted(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.saved.get(text).unwrap_or(text)),
            Value::Array(items) => items.iter().map(|item| self.substituted(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), self.substituted(v))).collect(),
            other => other.clone(),
        }
    }

    fn ask(&mut self, step: &Value, body: &Value, token: ReplyToken) -> Option<Value> {
        let version = step["version"].as_i64().unwrap();
        let mut effects = Effects::default();
        let answer = match step["api"].as_str().unwrap() {
            "JoinGroup" => {
                let request = self.join_request(step, body, version);
                self.shard.join(&request, token, self.now, &mut effects);
                None
            }
            "SyncGroup" => {
                self.shard.sync(&sync_request(body, version), token, self.now, &mut effects);
                None
            }
            "Heartbeat" => Some(json!({"errorCode": self.shard.heartbeat(&heartbeat_request(body), self.now).0})),
            "LeaveGroup" => {
                let left = self.shard.leave(&leave_request(body, version), self.now, &mut effects);
                Some(leave_json(left, version))
            }
            "OffsetCommit" => Some(self.commit(body, version, &mut effects)),
            "OffsetFetch" => Some(self.fetch(body)),
            "OffsetDelete" => Some(self.delete_offsets(body, &mut effects)),
            "ListGroups" => Some(self.list(body)),
            "DescribeGroups" => Some(self.describe(body, version)),
            "DeleteGroups" => Some(self.delete(body, &mut effects)),
            _ => Some(json!({})),
        };
        self.deliver(effects);
        answer
    }

    fn join_request(&mut self, step: &Value, body: &Value, version: i64) -> JoinRequest {
        let session_timeout_ms = int(body, "sessionTimeoutMs").unwrap();
        JoinRequest {
            group: text(body, "groupId"),
            member_id: text(body, "memberId"),
            instance_id: maybe_text(body, "groupInstanceId"),
            client_id: step["client"].as_str().unwrap_or("oracle").into(),
            client_host: "/127.0.0.1".into(),
            protocol_type: text(body, "protocolType"),
            protocols: items(body, "protocols")
                .map(|p| Protocol { name: text(p, "name"), metadata: raw(p, "metadata") })
                .collect(),
            session_timeout_ms,
            rebalance_timeout_ms: int(body, "rebalanceTimeoutMs").unwrap_or(session_timeout_ms),
            require_known_member_id: version >= 4,
            supports_skipping_assignment: version >= 9,
            fresh_id: Uuid::from_u64_pair(self.ids, self.ids),
        }
    }

    fn commit(&mut self, body: &Value, version: i64, effects: &mut Effects) -> Value {
        let mut errors: Vec<(String, i64, ErrorCode)> = Vec::new();
        let mut offsets = Vec::new();
        for topic in items(body, "topics") {
            for partition in items(topic, "partitions") {
                let index = partition["partitionIndex"].as_i64().unwrap();
                if topic["name"] != "groups-t" || !(0..3).contains(&index) {
                    errors.push((text(topic, "name").to_string(), index, ErrorCode(3)));
                    continue;
                }
                offsets.push(OffsetToCommit {
                    topic: text(topic, "name"),
                    topic_id: Uuid::nil(),
                    partition: index as i32,
                    offset: partition["committedOffset"].as_i64().unwrap(),
                    leader_epoch: int(partition, "committedLeaderEpoch").unwrap_or(-1),
                    metadata: maybe_text(partition, "committedMetadata").unwrap_or_default(),
                });
            }
        }
        let request = CommitRequest {
            group: text(body, "groupId"),
            generation: int(body, "generationIdOrMemberEpoch").unwrap_or(-1),
            member_id: text(body, "memberId"),
            instance_id: maybe_text(body, "groupInstanceId"),
            retention_ms: -1,
            knows_group_id_not_found: version >= 9,
            offsets,
        };
        if !request.offsets.is_empty() {
            match self.shard.commit(&request, self.now, effects) {
                Ok(done) => {
                    errors.extend(done.into_iter().map(|c| (c.topic.to_string(), c.partition.into(), c.error)));
                }
                Err(error) => {
                    errors.extend(request.offsets.iter().map(|o| (o.topic.to_string(), i64::from(o.partition), error)));
                }
            }
        }
        errors.sort_by_key(|(_, partition, _)| *partition);
        let name = errors.first().map(|(topic, ..)| topic.clone());
        let partitions = errors.iter().map(|(_, p, error)| json!({"partitionIndex": p, "errorCode": error.0}));
        json!({"topics": [{"name": name, "partitions": partitions.collect::<Vec<_>>()}]})
    }

    fn fetch(&self, body: &Value) -> Value {
        let fetch_one = |group: &Value| {
            let topics: Option<Vec<OffsetsOfTopic>> = group["topics"].as_array().map(|topics| {
                let topic = |t: &Value| OffsetsOfTopic {
                    topic: text(t, "name"),
                    topic_id: Uuid::nil(),
                    partitions: items(t, "partitionIndexes").map(|p| p.as_i64().unwrap() as i32).collect(),
                };
                topics.iter().map(topic).collect()
            });
            let fetched = self.shard.fetch_offsets(&text(group, "groupId"), topics.as_deref());
            let topics = fetched.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|(index, offset)| match offset {
                    Some(o) => json!({"partitionIndex": index, "committedOffset": o.offset,
                        "committedLeaderEpoch": o.leader_epoch, "metadata": &*o.metadata, "errorCode": 0}),
                    None => json!({"partitionIndex": index, "committedOffset": -1,
                        "committedLeaderEpoch": -1, "metadata": "", "errorCode": 0}),
                });
                json!({"name": &*topic.topic, "partitions": partitions.collect::<Vec<_>>()})
            });
            json!({"groupId": group["groupId"], "errorCode": 0, "topics": topics.collect::<Vec<_>>()})
        };
        match body["groups"].as_array() {
            Some(groups) => json!({"groups": groups.iter().map(fetch_one).collect::<Vec<_>>()}),
            None => fetch_one(body),
        }
    }

    fn delete_offsets(&mut self, body: &Value, effects: &mut Effects) -> Value {
        let asked: Vec<OffsetsOfTopic> = items(body, "topics")
            .filter(|topic| topic["name"] == "groups-t")
            .map(|topic| OffsetsOfTopic {
                topic: text(topic, "name"),
                topic_id: Uuid::nil(),
                partitions: items(topic, "partitions").map(|p| int(p, "partitionIndex").unwrap()).collect(),
            })
            .collect();
        let deleted = match self.shard.delete_offsets(&text(body, "groupId"), &asked, effects) {
            Err(error) => return json!({"errorCode": error.0, "topics": []}),
            Ok(deleted) => deleted,
        };
        let mut topics = Vec::new();
        for topic in items(body, "topics") {
            let known = deleted.iter().find(|(name, _)| topic["name"] == **name);
            let error = known.map_or(ErrorCode(3), |(_, error)| *error);
            let partitions = items(topic, "partitions")
                .map(|p| json!({"partitionIndex": p["partitionIndex"], "errorCode": error.0}))
                .collect::<Vec<_>>();
            topics.push(json!({"name": topic["name"], "partitions": partitions}));
        }
        topics.sort_by_key(|topic| text(topic, "name"));
        json!({"errorCode": 0, "topics": topics})
    }

    fn list(&self, body: &Value) -> Value {
        let names = |field: &str| items(body, field).filter_map(Value::as_str).map(ByteString::from).collect();
        let filter = ListFilter { states: names("statesFilter"), types: names("typesFilter") };
        let mut groups: Vec<Value> = self
            .shard
            .list()
            .filter(|group| filter.accepts(group))
            .map(|group| {
                json!({"groupId": &*group.group, "protocolType": &*group.protocol_type,
                    "groupState": group.state.name(), "groupType": group.type_name()})
            })
            .collect();
        groups.sort_by_key(|group| text(group, "groupId"));
        json!({"errorCode": 0, "groups": groups})
    }

    fn describe(&self, body: &Value, version: i64) -> Value {
        let groups = items(body, "groups").map(|id| {
            let group = self.shard.describe(&id.as_str().unwrap().into());
            let members = group.members.iter().map(|member| {
                json!({"memberId": &*member.member_id, "groupInstanceId": member.instance_id.as_deref(),
                    "clientId": &*member.client_id, "clientHost": &*member.client_host,
                    "memberMetadata": utf8(&member.metadata), "memberAssignment": utf8(&member.assignment)})
            });
            json!({"errorCode": if version < 6 { 0 } else { group.error.0 }, "groupId": &*group.group,
                "groupState": group.state.name(), "protocolType": &*group.protocol_type,
                "protocolData": &*group.protocol, "members": members.collect::<Vec<_>>()})
        });
        json!({"groups": groups.collect::<Vec<_>>()})
    }

    fn delete(&mut self, body: &Value, effects: &mut Effects) -> Value {
        let mut ids: Vec<&str> = items(body, "groupsNames").filter_map(Value::as_str).collect();
        ids.dedup();
        let results = ids.into_iter().map(|id| {
            let error = self.shard.delete_group(&id.into(), effects).err().unwrap_or(ErrorCode::NONE);
            json!({"groupId": id, "errorCode": error.0})
        });
        json!({"results": results.collect::<Vec<_>>()})
    }
}

fn sync_request(body: &Value, version: i64) -> SyncRequest {
    SyncRequest {
        group: text(body, "groupId"),
        generation: int(body, "generationId").unwrap(),
        member_id: text(body, "memberId"),
        instance_id: maybe_text(body, "groupInstanceId"),
        protocol_type: maybe_text(body, "protocolType"),
        protocol: maybe_text(body, "protocolName"),
        must_name_protocol: version >= 5,
        assignments: items(body, "assignments")
            .map(|a| MemberAssignment { member_id: text(a, "memberId"), assignment: raw(a, "assignment") })
            .collect(),
    }
}

fn heartbeat_request(body: &Value) -> HeartbeatRequest {
    HeartbeatRequest {
        group: text(body, "groupId"),
        generation: int(body, "generationId").unwrap(),
        member_id: text(body, "memberId"),
        instance_id: maybe_text(body, "groupInstanceId"),
    }
}

fn leave_request(body: &Value, version: i64) -> LeaveRequest {
    let leaving =
        |m: &Value| LeavingMember { member_id: text(m, "memberId"), instance_id: maybe_text(m, "groupInstanceId") };
    let members = if version < 3 { vec![leaving(body)] } else { items(body, "members").map(leaving).collect() };
    LeaveRequest { group: text(body, "groupId"), members }
}

fn join_json(reply: &JoinReply) -> Value {
    let members = reply.members.iter().map(|member| {
        json!({"memberId": &*member.member_id, "groupInstanceId": member.instance_id.as_deref(),
            "metadata": utf8(&member.metadata)})
    });
    json!({"errorCode": reply.error.0, "generationId": reply.generation,
        "protocolType": reply.protocol_type.as_deref(), "protocolName": reply.protocol.as_deref(),
        "leader": &*reply.leader, "skipAssignment": reply.skip_assignment, "memberId": &*reply.member_id,
        "members": members.collect::<Vec<_>>()})
}

fn sync_json(reply: &SyncReply) -> Value {
    json!({"errorCode": reply.error.0, "protocolType": reply.protocol_type.as_deref(),
        "protocolName": reply.protocol.as_deref(), "assignment": utf8(&reply.assignment)})
}

fn leave_json(left: Result<Vec<LeftMember>, ErrorCode>, version: i64) -> Value {
    match left {
        Err(error) => json!({"errorCode": error.0, "members": []}),
        Ok(left) if version < 3 => json!({"errorCode": left[0].error.0}),
        Ok(left) => {
            let members = left.iter().map(|member| {
                json!({"memberId": &*member.member_id, "groupInstanceId": member.instance_id.as_deref(),
                    "errorCode": member.error.0})
            });
            json!({"errorCode": 0, "members": members.collect::<Vec<_>>()})
        }
    }
}

fn text(value: &Value, field: &str) -> ByteString {
    maybe_text(value, field).unwrap_or_default()
}

fn maybe_text(value: &Value, field: &str) -> Option<ByteString> {
    value[field].as_str().map(ByteString::from)
}

fn raw(value: &Value, field: &str) -> Bytes {
    Bytes::copy_from_slice(value[field].as_str().unwrap_or("").as_bytes())
}

fn int(value: &Value, field: &str) -> Option<i32> {
    value[field].as_i64().map(|value| value as i32)
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Gives every member id of an answer the name that Kafka's member has. Order among members is nobody's promise.
fn rename(answer: &Value, names: &mut HashMap<String, String>, kafka: &Value) -> Value {
    match (answer, kafka) {
        (Value::String(ours), Value::String(theirs)) => {
            let is_id = theirs.contains("<uuid-");
            let name = if is_id { names.entry(ours.clone()).or_insert_with(|| theirs.clone()) } else { ours };
            json!(name)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let mut ours = ours.clone();
            if ours.iter().all(|item| item["memberId"].is_string() && item["errorCode"].is_null()) {
                let place = |item: &Value| {
                    let name = item["memberId"].as_str().and_then(|id| names.get(id));
                    theirs.iter().position(|t| Some(&t["memberId"]) == name.map(|n| json!(n)).as_ref())
                };
                ours.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
            }
            let pairs = ours.iter().enumerate();
            pairs.map(|(at, item)| rename(item, names, theirs.get(at).unwrap_or(&Value::Null))).collect()
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let common = ours.iter().filter(|(name, _)| theirs.contains_key(*name));
            common.map(|(name, value)| (name.clone(), rename(value, names, &theirs[name]))).collect()
        }
        _ => answer.clone(),
    }
}

/// What the coordinator does not decide.
fn without_what_the_api_adds(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_what_the_api_adds).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "errorMessage" && *name != "authorizedOperations")
            .map(|(name, value)| {
                let absent = name == "protocolName" && value == "";
                (name.clone(), if absent { Value::Null } else { without_what_the_api_adds(value) })
            })
            .collect(),
        other => other.clone(),
    }
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/groups").join(path);
    std::fs::read_to_string(&path).unwrap()
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| serde_json::from_str(line).unwrap())
}

/// A script may begin with a comment that names the settings its broker had.
fn settings(script: &str) -> GroupConfig {
    let mut config =
        GroupConfig { initial_rebalance_delay_ms: 0, min_session_timeout_ms: 1_000, ..GroupConfig::default() };
    let header = script.lines().next().and_then(|line| line.strip_prefix('#')).unwrap_or_default();
    for (name, value) in header.split_whitespace().filter_map(|setting| setting.split_once('=')) {
        match name {
            "group.initial.rebalance.delay.ms" => config.initial_rebalance_delay_ms = value.parse().unwrap(),
            "group.min.session.timeout.ms" => config.min_session_timeout_ms = value.parse().unwrap(),
            "group.max.size" => config.max_size = value.parse().unwrap(),
            other => panic!("unknown setting {other}"),
        }
    }
    config
}

fn same_as_kafka(name: &str) {
    let script = read(&format!("{name}.jsonl"));
    let mut conversation = Conversation::begin(settings(&script));
    let mut names = HashMap::new();
    let recorded: HashMap<i64, Value> = lines(&read(&format!("{name}.kafka.jsonl")))
        .map(|line| (line["step"].as_i64().unwrap(), without_what_the_api_adds(&line["body"])))
        .collect();
    for (at, step) in (1..).zip(lines(&script)) {
        let Some(answer) = conversation.play(&step) else { continue };
        let kafka = &recorded[&at];
        assert_eq!(rename(&answer, &mut names, kafka), *kafka, "{name}, step {at}: {step}");
    }
    assert!(conversation.answers.is_empty(), "answers that nobody asked for");
}

macro_rules! conversations {
    ($($name:ident)*) => {
        $(#[test] fn $name() { same_as_kafka(stringify!($name)); })*
    };
}

conversations! {
    member_id_required validation rebalance protocol_vote static_members static_join_while_waiting leave commit
    fetch_offsets list_describe_delete timeouts initial_rebalance_delay group_max_size
}
