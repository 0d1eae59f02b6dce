//! Plays a script: JSON lines, each a request, raw bytes, or a wait for an answer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use bytes::{Buf, Bytes};
use naru_protocol::json::Value;
use naru_protocol::records::{BatchBuilder, BatchError, Codec, batches, checksum};
use naru_protocol::wire::{Reader, Writer};
use naru_protocol::{ApiKey, RequestHeader, ResponseHeader};
use serde_json::{Map, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::Script;

/// Longer than any answer takes that Kafka gave.
const PATIENCE: Duration = Duration::from_secs(35);

struct Connection {
    stream: TcpStream,
    pending: VecDeque<(ApiKey, i16)>,
}

struct Player {
    address: String,
    connections: HashMap<String, Connection>,
    saved: HashMap<String, Value>,
}

/// The answers of a broker by step.
pub async fn play(address: &str, script: &Script) -> BTreeMap<usize, Value> {
    Player::new(address).play(script, |_| Duration::ZERO).await
}

/// The answers of Apache Kafka, which has just been started, by step.
pub async fn record(address: &str, script: &Script) -> BTreeMap<usize, Value> {
    let mut player = Player::new(address);
    if !script.is_cold {
        player.warm_up().await;
    }
    player.connections.clear();
    player.play(script, settling).await
}

/// Kafka answers before all its parts know of a change.
fn settling(step: &Value) -> Duration {
    const CHANGES: [&str; 5] = ["Create", "Delete", "Alter", "Incremental", "Update"];
    let changes = step["api"].as_str().is_some_and(|api| CHANGES.iter().any(|verb| api.starts_with(verb)));
    Duration::from_millis(if changes { 1000 } else { 0 })
}

impl Player {
    fn new(address: &str) -> Self {
        Self { address: address.to_owned(), connections: HashMap::new(), saved: HashMap::new() }
    }

    async fn play(&mut self, script: &Script, pause: fn(&Value) -> Duration) -> BTreeMap<usize, Value> {
        let mut answers = BTreeMap::new();
        for (number, step) in (1..).zip(&script.steps) {
            if let Some(answer) = self.step(number, step).await {
                answers.insert(number as usize, Value::Object(answer));
            }
            tokio::time::sleep(pause(step)).await;
        }
        answers
    }

    /// Waits until Kafka has made the topic of committed offsets and reads it, and has producer ids to give.
    async fn warm_up(&mut self) {
        let ask = json!({"api": "OffsetFetch", "version": 5, "body": {"groupId": "warm", "topics": []}});
        let find = json!({"api": "FindCoordinator", "version": 3, "body": {"key": "warm", "keyType": 0}});
        let id = json!({"api": "InitProducerId", "version": 4, "body": {"transactionalId": null, "producerId": -1, "producerEpoch": -1}});
        for _ in 0..300 {
            let mut is_ready = true;
            for step in [&find, &ask, &id] {
                let answer = self.step(0, step).await.unwrap_or_default();
                is_ready &= answer.get("body").is_some_and(|body| body["errorCode"] == 0);
            }
            if is_ready {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the coordinators are not ready after half a minute");
    }

    async fn step(&mut self, step: i32, script: &Value) -> Option<Map<String, Value>> {
        if let Some(pause) = script["sleep_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            return None;
        }
        let name = ["recv", "closed", "conn"].iter().find_map(|key| script[key].as_str()).unwrap_or("main").to_owned();
        if !self.connections.contains_key(&name) {
            let stream = TcpStream::connect(&self.address).await.unwrap();
            self.connections.insert(name.clone(), Connection { stream, pending: VecDeque::new() });
        }
        let body = script.get("body").map(|body| self.fill(body));
        let connection = self.connections.get_mut(&name)?;
        if let Some(raw) = script["raw"].as_str() {
            connection.stream.write_all(&unhex(raw)).await.unwrap();
            return None;
        }
        let outcome = if script.get("closed").is_some() {
            let patience = Duration::from_millis(script["timeout_ms"].as_u64().unwrap_or(3000));
            let read = tokio::time::timeout(patience, connection.stream.read_u8()).await;
            read.map(|byte| if byte.is_err() { Err(()) } else { Ok(Some(one("closed", json!(false)))) })
        } else {
            let patience = script["timeout_ms"].as_u64().map_or(PATIENCE, Duration::from_millis);
            tokio::time::timeout(patience, connection.ask(step, script, body)).await
        };
        match outcome {
            Err(_) => Some(one("timeout", json!(true))),
            Ok(Err(())) => {
                self.connections.remove(&name);
                let asked = ["api", "version"].map(|field| (field.to_owned(), script[field].clone()));
                let asked = asked.into_iter().filter(|(_, value)| !value.is_null());
                Some(asked.chain(one("closed", json!(true))).collect())
            }
            Ok(Ok(None)) => None,
            Ok(Ok(Some(answer))) => {
                for (name, pointer) in script["save"].as_object().into_iter().flatten() {
                    let value = answer["body"].pointer(pointer.as_str().unwrap()).cloned().unwrap_or(Value::Null);
                    self.saved.insert(name.clone(), value);
                }
                Some(answer.into_iter().map(|(name, value)| (name, readable(value))).collect())
            }
        }
    }

    /// Replaces `$name` by what was saved and `$batch` by the batch it describes.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                text.strip_prefix('$').and_then(|name| self.saved.get(name)).unwrap_or(value).clone()
            }
            Value::Array(elements) => elements.iter().map(|element| self.fill(element)).collect(),
            Value::Object(fields) => match fields.get("$batch") {
                Some(batch) => json!(base64(&build(&self.fill(batch)))),
                None => fields.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect(),
            },
            other => other.clone(),
        }
    }
}

impl Connection {
    /// Sends the step's request, if it has one, and reads the oldest answer due, if the step waits for one.
    /// `Err` is a connection that the broker closed.
    async fn ask(&mut self, step: i32, script: &Value, body: Option<Value>) -> Result<Option<Map<String, Value>>, ()> {
        if let Some(api) = script["api"].as_str() {
            let known = ApiKey::ALL.iter().copied().find(|key| key.name() == api);
            let key = known.unwrap_or_else(|| panic!("no API is called {api}"));
            let version = script["version"].as_i64().unwrap() as i16;
            let body = body.unwrap_or_else(|| json!({}));
            self.send(step, key, version, &body, script["client"].as_str().unwrap_or("oracle")).await?;
            let unanswered = key == ApiKey::Produce && body["acks"] == 0;
            if unanswered {
                return Ok(None);
            }
            self.pending.push_back((key, version));
            if script["wait"] == false {
                return Ok(None);
            }
        }
        let (key, version) = self.pending.pop_front().expect("no answer is due");
        let body = self.receive(key, version).await?;
        Ok(Some(
            [("api", json!(key.name())), ("version", json!(version)), ("body", body)]
                .map(|(n, v)| (n.into(), v))
                .into_iter()
                .collect(),
        ))
    }

    async fn send(&mut self, id: i32, key: ApiKey, version: i16, body: &Value, client: &str) -> Result<(), ()> {
        // A version that nobody knows is sent with the newest body.
        let known = version.min(*key.versions().end());
        let body = (key.json().request.encode)(body, known).unwrap_or_else(|error| panic!("step {id}: {error}"));
        let header = RequestHeader {
            api_key: key as i16,
            api_version: known,
            correlation_id: id,
            client_id: Some(client.into()),
        };
        let mut head = Writer::new();
        header.encode(&mut head).unwrap_or_else(|error| panic!("step {id}: {error}"));
        let mut head = head.into_chunks().concat();
        head[2..4].copy_from_slice(&version.to_be_bytes());
        let frame = [&((head.len() + body.len()) as u32).to_be_bytes()[..], &head, &body].concat();
        self.stream.write_all(&frame).await.map_err(drop)
    }

    async fn receive(&mut self, key: ApiKey, version: i16) -> Result<Value, ()> {
        let length = self.stream.read_u32().await.map_err(drop)?;
        let mut frame = vec![0; length as usize];
        self.stream.read_exact(&mut frame).await.map_err(drop)?;
        let frame = Bytes::from(frame);
        let known = version.min(*key.versions().end());
        let mut frame = Reader::new(frame);
        ResponseHeader::decode(&mut frame, key, known).unwrap();
        let mut body = frame.into_rest();
        let refused = key == ApiKey::ApiVersions && body.get(..2) == Some(&[0, 35]);
        let version = if refused { 0 } else { known };
        Ok((key.json().response.decode)(body.copy_to_bytes(body.len()), version).unwrap())
    }
}

fn one(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

/// Builds the record batch of a script.
fn build(spec: &Value) -> Vec<u8> {
    let codec = match spec["codec"].as_str().unwrap_or("none") {
        "none" => Codec::None,
        "gzip" => Codec::Gzip,
        "snappy" => Codec::Snappy,
        "lz4" => Codec::Lz4,
        "zstd" => Codec::Zstd,
        other => panic!("no codec is called {other}"),
    };
    let number = |name: &str, default: i64| spec[name].as_i64().unwrap_or(default);
    let first = number("baseOffset", 0);
    let mut builder = BatchBuilder::new(codec)
        .base_offset(first)
        .leader_epoch(number("leaderEpoch", -1) as i32)
        .transactional(spec["txn"] == true)
        .control(spec["control"] == true);
    if spec.get("pid").is_some() {
        builder = builder.producer(number("pid", -1), number("epoch", -1) as i16, number("seq", -1) as i32);
    }
    if spec["tsType"] == "append" {
        builder = builder.log_append_time(number("logAppendTime", -1));
    }
    for (offset, record) in (first..).zip(spec["records"].as_array().into_iter().flatten()) {
        let bytes = |value: &Value| match value["times"].as_u64() {
            Some(times) => Some(Bytes::from(value["repeat"].as_str().unwrap().repeat(times as usize))),
            None => value.as_str().map(|text| Bytes::from(text.to_owned())),
        };
        let timestamp = record["ts"].as_i64().unwrap_or_else(now_ms);
        let headers = record["h"].as_array().into_iter().flatten().map(|header| naru_protocol::records::Header {
            key: bytes(&header[0]).unwrap_or_default(),
            value: bytes(&header[1]),
        });
        let (key, value) = (bytes(&record["k"]), bytes(&record["v"]));
        builder
            .push_record(&naru_protocol::records::Record { offset, timestamp, key, value, headers: headers.collect() })
            .unwrap();
    }
    let mut batch = builder.build().unwrap().to_vec();
    for patch in spec["patch"].as_array().into_iter().flatten() {
        let bytes = unhex(patch[1].as_str().unwrap());
        let at = patch[0].as_u64().unwrap() as usize;
        batch[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    if spec["recrc"] == true {
        let crc = checksum(&batch).to_be_bytes();
        batch[17..21].copy_from_slice(&crc);
    }
    batch
}

fn now_ms() -> i64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64
}

/// Replaces record sets by what they hold.
fn readable(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match (name.as_str(), &value) {
                ("records", Value::String(set)) => (name, decode(&unbase64(set))),
                _ => (name, readable(value)),
            })
            .collect(),
        Value::Array(elements) => elements.into_iter().map(readable).collect(),
        other => other,
    }
}

fn decode(set: &[u8]) -> Value {
    let mut decoded = Vec::new();
    for batch in batches(Bytes::copy_from_slice(set)) {
        let batch = match batch {
            Ok(batch) => batch,
            // Kafka cuts at the limit, also within a batch; a client leaves out what is not there as a whole.
            Err(BatchError::Truncated { .. }) => break,
            Err(error) => panic!("{error}"),
        };
        let header = batch.header();
        let text = |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let records = batch.records().map(|record| {
            let record = record.unwrap();
            let headers: Vec<_> =
                record.headers.iter().map(|h| json!([text(&Some(h.key.clone())), text(&h.value)])).collect();
            json!({"offset": record.offset, "timestamp": record.timestamp, "key": text(&record.key),
                "value": text(&record.value), "headers": headers})
        });
        let records: Vec<Value> = records.collect();
        decoded.push(json!({
            "baseOffset": header.base_offset, "lastOffset": header.last_offset(), "sizeInBytes": header.size(),
            "valid": batch.crc_is_valid(), "leaderEpoch": header.partition_leader_epoch,
            "codec": format!("{:?}", header.codec().unwrap()).to_lowercase(),
            "timestampType": format!("{:?}", header.timestamp_type()), "maxTimestamp": header.max_timestamp,
            "pid": header.producer_id, "epoch": header.producer_epoch, "baseSequence": header.base_sequence,
            "transactional": header.is_transactional(), "control": header.is_control(), "records": records,
        }));
    }
    Value::Array(decoded)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::prelude::{BASE64_STANDARD, Engine};
    BASE64_STANDARD.encode(bytes)
}

fn unbase64(text: &str) -> Vec<u8> {
    use ::base64::prelude::{BASE64_STANDARD, Engine};
    BASE64_STANDARD.decode(text).unwrap()
}
