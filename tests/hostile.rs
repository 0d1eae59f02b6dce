//! Clients that mean harm, or have lost their mind. Whatever they do, the broker stays up, its memory stays bounded, and a
//! good client is served all the time.

#[path = "behaviour/process.rs"]
mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use naru_broker::api::TABLE;
use naru_client::raw::Connection;
use naru_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use naru_protocol::records::{BatchBuilder, Codec};
use naru_protocol::wire::Writer;
use naru_protocol::{ApiKey, ErrorCode, Records, RequestHeader, encode_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::process::BrokerProcess;

const TOPIC: &str = "crossings";
/// Longest that the good client waits for any answer; milliseconds, but for a machine that does much else.
const SERVED_WITHIN: Duration = Duration::from_secs(3);
/// What all requests together may take of the broker's memory, and the setting that says so.
const REQUEST_BYTES: usize = 32 << 20;
const SETTINGS: &str = "queued.max.request.bytes=33554432 max.partitions=500 max.partitions.per.topic=50";
/// What the broker may take beside: itself, its buffers, and what its allocator keeps.
const OTHER_BYTES: usize = 128 << 20;
/// The same when large frames grow by doubling in many places: the allocator keeps the sizes that they left.
const OTHER_BYTES_OF_LARGE_FRAMES: usize = 320 << 20;

/// A broker and a good client that uses it until the end of the test.
struct Siege {
    broker: BrokerProcess,
    memory_limit: usize,
    over: Arc<AtomicBool>,
    good_client: JoinHandle<u32>,
}

impl Siege {
    async fn begin() -> Self {
        let broker = BrokerProcess::start_in_memory(SETTINGS);
        let mut client = Connection::connect(broker.address()).await.expect("the broker listens");
        let topic =
            CreatableTopic { name: TOPIC.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: false };
        let answer = client.send(&request, 7).await.expect("an answer");
        assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
        let over = Arc::new(AtomicBool::new(false));
        let good_client = tokio::spawn(use_it(broker.address().to_owned(), Arc::clone(&over)));
        Self { broker, memory_limit: REQUEST_BYTES + OTHER_BYTES, over, good_client }
    }

    async fn attacker(&self) -> TcpStream {
        TcpStream::connect(self.broker.address()).await.expect("the broker listens")
    }

    fn check_memory(&mut self) {
        let resident = self.broker.resident_bytes();
        assert!(resident < self.memory_limit, "{} MiB resident", resident >> 20);
    }

    /// The good client must have been served all the time, and a new one is too.
    async fn end(mut self) {
        self.check_memory();
        self.over.store(true, Ordering::Relaxed);
        let rounds = self.good_client.await.expect("the good client was served");
        assert!(rounds > 0);
        round(&mut Connection::connect(self.broker.address()).await.expect("the broker listens")).await;
    }
}

async fn use_it(address: String, over: Arc<AtomicBool>) -> u32 {
    let mut client = Connection::connect(&address).await.expect("the broker listens");
    let mut rounds = 0;
    while !over.load(Ordering::Relaxed) {
        round(&mut client).await;
        rounds += 1;
        // Not a load of its own.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    rounds
}

/// Writes a record and reads it again, each within its time.
async fn round(client: &mut Connection) {
    let begun = Instant::now();
    let answer = client.send(&produce(b"good"), 9).await.expect("an answer");
    let outcome = &answer.responses[0].partition_responses[0];
    assert_eq!(outcome.error_code, ErrorCode::NONE);
    let written = begun.elapsed();
    let got = client.send(&fetch(outcome.base_offset), 11).await.expect("an answer");
    assert_eq!(got.responses[0].partitions[0].error_code, ErrorCode::NONE);
    assert!(!got.responses[0].partitions[0].records.as_ref().expect("records").is_empty());
    assert!(written < SERVED_WITHIN && begun.elapsed() < 2 * SERVED_WITHIN, "{written:?}, {:?}", begun.elapsed());
}

fn produce(value: &[u8]) -> ProduceRequest {
    let mut batch = BatchBuilder::new(Codec::None);
    batch.push(1_700_000_000_000, None, Some(value), &[]).expect("a small record");
    let records = Some(Records::from(batch.build().expect("a batch")));
    let topic = TopicProduceData {
        name: TOPIC.into(),
        partition_data: vec![PartitionProduceData { index: 0, records }],
        ..Default::default()
    };
    ProduceRequest { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

fn fetch(fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition { fetch_offset, partition_max_bytes: 16 << 20, ..Default::default() };
    let topic = FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_bytes: 16 << 20, topics: vec![topic], ..Default::default() }
}

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// Sends bytes over connections of their own, many at a time. Each waits a moment for what the broker makes of it, then goes.
async fn bombard(siege: &mut Siege, attacks: Vec<Vec<u8>>) {
    const AT_ONCE: usize = 64;
    const A_MOMENT: Duration = Duration::from_millis(100);
    let mut running = JoinSet::new();
    for (number, bytes) in attacks.into_iter().enumerate() {
        if running.len() == AT_ONCE {
            running.join_next().await.expect("some run").expect("no panic");
        }
        let mut stream = siege.attacker().await;
        running.spawn(async move {
            // The broker may hang up in the middle.
            if stream.write_all(&bytes).await.is_ok() && stream.shutdown().await.is_ok() {
                let all = async { while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} };
                // Some requests wait for longer than anybody here does.
                let _ = tokio::time::timeout(A_MOMENT, all).await;
            }
        });
        if number % 256 == 0 {
            siege.check_memory();
        }
    }
    running.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes() {
    let mut siege = Siege::begin().await;
    let mut random = Random(0x6e61_7275);
    let attacks = (0..600).map(|number| {
        let length = 1 + random.below(300);
        let bytes = random.bytes(length);
        if number % 2 == 0 { bytes } else { framed(&bytes) }
    });
    let attacks = attacks.collect();
    bombard(&mut siege, attacks).await;
    siege.end().await;
}

/// A request frame without its length, of an API that the broker speaks.
struct Vector {
    head: Vec<u8>,
    body: Vec<u8>,
}

/// Requests of every API and version in the table, as Kafka's own classes write them.
fn vectors() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol/tests/vectors/messages.jsonl");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let mut vectors = Vec::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let key = line["key"].as_i64().and_then(|key| ApiKey::try_from(key as i16).ok()).expect("an API");
        let version = line["version"].as_i64().expect("a version") as i16;
        let served = TABLE.iter().any(|api| api.key == key && api.versions.contains(&version));
        if line["kind"] == "request" && served {
            vectors.push(Vector { head: head(key, version), body: from_hex(line["hex"].as_str().expect("bytes")) });
        }
    }
    for api in TABLE {
        let first = head(api.key, *api.versions.start());
        assert!(vectors.iter().any(|vector| vector.head == first), "{} has no vector", api.key.name());
    }
    vectors
}

fn head(api_key: ApiKey, api_version: i16) -> Vec<u8> {
    let header = RequestHeader { api_key: api_key as i16, api_version, correlation_id: 1, client_id: Some("x".into()) };
    let mut writer = Writer::new();
    header.encode(&mut writer).expect("a header");
    writer.into_chunks().concat()
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_and_bit_flipped_requests_of_every_api_and_version() {
    let mut siege = Siege::begin().await;
    let mut random = Random(0xfe44);
    let mut attacks = Vec::new();
    for Vector { head, body } in vectors() {
        let whole = [head.clone(), body.clone()].concat();
        attacks.push(framed(&whole));
        // Cut, with a length that tells the truth, and with one that promises more.
        let cut = random.below(whole.len());
        attacks.push(framed(&whole[..cut]));
        attacks.push(framed(&whole)[..4 + cut].to_vec());
        for _ in 0..3 {
            let mut flipped = whole.clone();
            for _ in 0..=random.below(3) {
                // The key and the version stay: other APIs have their turn.
                let at = 4 + random.below(flipped.len() - 4);
                flipped[at] ^= 1 << random.below(8);
            }
            attacks.push(framed(&flipped));
        }
    }
    bombard(&mut siege, attacks).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn huge_lengths_and_counts_at_every_place_of_every_api() {
    const LIES: &[&[u8]] = &[
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x7f, 0xff],
        &[0x80, 0, 0, 0],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0x03],
    ];
    let mut siege = Siege::begin().await;
    let mut attacks = vec![[0x7f, 0xff, 0xff, 0xff].to_vec(), [0xff; 4].to_vec(), [0x80, 0, 0, 0].to_vec()];
    for (number, Vector { head, body }) in vectors().into_iter().enumerate() {
        for part in 0..4 {
            let lie = LIES[(number + part) % LIES.len()];
            let at = body.len() * part / 4;
            attacks.push(framed(&[&head, &body[..at], lie, &body[at..]].concat()));
        }
    }
    bombard(&mut siege, attacks).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_that_say_nothing_or_half_of_it() {
    let mut siege = Siege::begin().await;
    let frame = framed(&[head(ApiKey::Metadata, 1), vec![0; 64]].concat());
    let mut held = Vec::new();
    for number in 0..1000 {
        let mut stream = siege.attacker().await;
        match number % 4 {
            0 => {}
            1 => stream.write_all(&frame[..2]).await.expect("sent"),
            2 => stream.write_all(&frame[..frame.len() / 2]).await.expect("sent"),
            _ => stream.shutdown().await.expect("half closed"),
        }
        held.push(stream);
    }
    siege.check_memory();
    // Half closed ones are left by the broker, the others wait as long as it lets them.
    for stream in held.iter_mut().skip(3).step_by(4) {
        let read = tokio::time::timeout(SERVED_WITHIN, stream.read(&mut [0])).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "a half closed connection stays");
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_arrive_byte_by_byte() {
    let mut siege = Siege::begin().await;
    let frame = framed(&head(ApiKey::ApiVersions, 0));
    let mut dripping = Vec::new();
    for _ in 0..200 {
        dripping.push(siege.attacker().await);
    }
    for byte in &frame {
        for stream in &mut dripping {
            stream.write_all(&[*byte]).await.expect("sent");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Slow is not wrong: they are answered.
    for stream in &mut dripping {
        let length = tokio::time::timeout(SERVED_WITHIN, stream.read_u32()).await.expect("in time").expect("an answer");
        assert!(length > 4);
    }
    siege.check_memory();
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_more_large_requests_than_fit_into_memory() {
    let mut siege = Siege::begin().await;
    siege.memory_limit = REQUEST_BYTES + OTHER_BYTES_OF_LARGE_FRAMES;
    let mut held = JoinSet::new();
    for _ in 0..100 {
        let mut stream = siege.attacker().await;
        held.spawn(async move {
            let mut sent = 0;
            // 100 MiB are promised and 8 MiB sent, as far as the broker reads.
            let promise = stream.write_all(&(100_u32 << 20).to_be_bytes()).await;
            let part = vec![0; 64 << 10];
            while promise.is_ok() && sent < 8 << 20 {
                match tokio::time::timeout(Duration::from_millis(500), stream.write(&part)).await {
                    Ok(Ok(written)) => sent += written,
                    Ok(Err(_)) | Err(_) => break,
                }
            }
            stream
        });
    }
    while !held.is_empty() {
        siege.check_memory();
        let next = tokio::time::timeout(Duration::from_millis(20), held.join_next()).await;
        next.into_iter().flatten().for_each(|stream| drop(stream.expect("no panic")));
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_never_reads() {
    let mut siege = Siege::begin().await;
    let mut writer = Connection::connect(siege.broker.address()).await.expect("the broker listens");
    let mut first = None;
    for _ in 0..8 {
        let answer = writer.send(&produce(&vec![b'x'; 1_000_000]), 9).await.expect("an answer");
        first.get_or_insert(answer.responses[0].partition_responses[0].base_offset);
    }
    let request = encode_request(1, None, &fetch(first.expect("written")), 11).expect("a request").concat();
    let mut attackers = JoinSet::new();
    for _ in 0..20 {
        let (mut stream, request) = (siege.attacker().await, request.clone());
        attackers.spawn(async move {
            // 8 MB are asked for a thousand times; the broker stops reading when nobody takes them.
            for _ in 0..1000 {
                let sent = tokio::time::timeout(Duration::from_millis(500), stream.write_all(&request)).await;
                if sent.is_err() {
                    break;
                }
            }
            stream
        });
    }
    let mut held = Vec::new();
    while !attackers.is_empty() {
        siege.check_memory();
        let next = tokio::time::timeout(Duration::from_millis(20), attackers.join_next()).await;
        held.extend(next.into_iter().flatten());
    }
    siege.check_memory();
    assert_eq!(held.len(), 20);
    siege.end().await;
}
