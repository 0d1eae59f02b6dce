//! Bytes that no honest peer sends: whatever they are, decoding ends with a value or an error, without a panic, and within
//! the memory that the codec promises.

mod vectors;

use bytes::Bytes;
use naru_protocol::json::MessageJson;
use naru_protocol::state::{cluster_metadata, consumer_offsets, transaction_state};
use naru_protocol::wire::{BASE_MEMORY, MEMORY_PER_BYTE};
use naru_protocol::{ApiKey, DecodeError};
use peak_alloc::PeakAlloc;
use serde_json::Value;

use crate::vectors::{from_hex, lines};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What an error and the reference count of the frame may take.
const SLACK: usize = 512;

/// Lengths and counts that lie, as int32, as int16 and in both compact forms.
const LIES: &[&[u8]] = &[
    &[0x7f, 0xff, 0xff, 0xff],
    &[0x7f, 0xff],
    &[0x00, 0x01, 0x00, 0x00],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0x03],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

/// A decoder, and a body that it can read.
struct Subject {
    name: String,
    parse: Box<dyn Fn(Bytes) -> Result<(), DecodeError>>,
    body: Vec<u8>,
}

impl Subject {
    /// Decodes `body` and checks the memory that it took.
    fn feed(&self, body: &[u8]) -> Result<(), DecodeError> {
        let body = Bytes::copy_from_slice(body);
        let allowed = body.len() * MEMORY_PER_BYTE + BASE_MEMORY + SLACK;
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let result = (self.parse)(body.clone());
        let taken = ALLOCATOR.peak_usage().saturating_sub(before);
        assert!(taken <= allowed, "{}: {taken} bytes taken for a body of {} bytes: {body:02x?}", self.name, body.len());
        result
    }
}

/// One test for everything: the allocator counts for the whole process.
#[test]
fn no_bytes_make_the_codec_panic_or_take_too_much_memory() {
    let subjects: Vec<Subject> = messages().chain(coordinator_records()).chain(metadata_records()).collect();
    for subject in &subjects {
        subject.feed(&subject.body).unwrap_or_else(|error| panic!("{}: {error}", subject.name));
        truncated(subject);
        bits_flipped(subject);
        lengths_that_lie(subject);
        counts_before_much_filling(subject);
    }
}

fn truncated(subject: &Subject) {
    for length in 0..subject.body.len() {
        let result = subject.feed(&subject.body[..length]);
        assert!(result.is_err(), "{}: {length} of {} bytes are a value", subject.name, subject.body.len());
    }
}

fn bits_flipped(subject: &Subject) {
    let mut body = subject.body.clone();
    for position in 0..body.len() {
        for bit in 0..8 {
            body[position] ^= 1 << bit;
            let _ = subject.feed(&body);
            body[position] ^= 1 << bit;
        }
    }
}

fn lengths_that_lie(subject: &Subject) {
    for position in 0..subject.body.len() {
        for lie in LIES {
            let mut body = subject.body.clone();
            let end = body.len().min(position + lie.len());
            body[position..end].copy_from_slice(&lie[..end - position]);
            let _ = subject.feed(&body);
        }
    }
}

/// Counts that could be true, before many bytes that are the smallest elements: the values are larger than the bytes.
fn counts_before_much_filling(subject: &Subject) {
    for filling in [0x00, 0x01] {
        for count in [&[0x00, 0x00, 0x10, 0x00][..], &[0x00, 0x00, 0x40, 0x00], &[0x80, 0x20], &[0x80, 0x80, 0x01]] {
            for position in 0..subject.body.len() {
                let mut body = subject.body[..position].to_vec();
                body.extend_from_slice(count);
                body.resize(position + (1 << 14), filling);
                let _ = subject.feed(&body);
            }
        }
    }
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap()
}

fn number(line: &Value, field: &str) -> i16 {
    line[field].as_i64().unwrap() as i16
}

fn subject(name: String, json: MessageJson, version: i16, body: Vec<u8>) -> Subject {
    Subject { name, parse: Box::new(move |body| (json.parse)(body, version)), body }
}

fn messages() -> impl Iterator<Item = Subject> {
    lines("messages.jsonl").into_iter().map(|line| {
        let api = ApiKey::try_from(number(&line, "key")).unwrap().json();
        let (kind, version) = (text(&line, "kind"), number(&line, "version"));
        let json = if kind == "request" { api.request } else { api.response };
        subject(format!("{} {kind} {version}", line["api"]), json, version, from_hex(text(&line, "hex")).to_vec())
    })
}

fn coordinator_records() -> impl Iterator<Item = Subject> {
    let lines = lines("state.jsonl");
    let mut key = Bytes::new();
    lines.into_iter().map(move |line| {
        let bytes = from_hex(text(&line, "hex"));
        let offsets = text(&line, "topic") == "__consumer_offsets";
        let name = format!("{} {}", line["type"], line["part"]);
        if text(&line, "part") == "key" {
            key = bytes.clone();
            return Subject { name, parse: Box::new(move |key| decode(offsets, key, None)), body: bytes.to_vec() };
        }
        let key = key.clone();
        Subject { name, parse: Box::new(move |value| decode(offsets, key.clone(), Some(value))), body: bytes.to_vec() }
    })
}

fn decode(offsets: bool, key: Bytes, value: Option<Bytes>) -> Result<(), DecodeError> {
    if offsets {
        consumer_offsets::Record::decode(key, value).map(drop)
    } else {
        transaction_state::Record::decode(key, value).map(drop)
    }
}

fn metadata_records() -> impl Iterator<Item = Subject> {
    lines("metadata_records.jsonl").into_iter().map(|line| Subject {
        name: text(&line, "type").to_owned(),
        parse: Box::new(|frame| cluster_metadata::Record::decode(frame).map(drop)),
        body: from_hex(text(&line, "hex")).to_vec(),
    })
}
