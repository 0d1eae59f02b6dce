//! What Apache Kafka 4.4 answered to 300 good and damaged batches, and what it stored: ours must be the same, but for a
//! short list of batches that Kafka stores and somebody then cannot read.

use bytes::Bytes;
use naru_protocol::records::{HEADER_LEN, PayloadValidation, TimestampType, Validation, validate};
use serde_json::Value;

const UNKNOWN_SERVER_ERROR: i16 = -1;
const CORRUPT_MESSAGE: i16 = 2;
const INVALID_RECORD: i16 = 87;

/// Where our answer differs: the batch (with `*`, in both codecs), our error code, and why.
const DIFFERENT: &[(&str, i16, &str)] = &[
    ("offset-deltas-repeat-*", INVALID_RECORD, OFFSETS),
    ("offset-deltas-reversed-*", INVALID_RECORD, OFFSETS),
    ("offset-deltas-gap-*", INVALID_RECORD, OFFSETS),
    ("offset-delta-negative-*", INVALID_RECORD, OFFSETS),
    ("offset-delta-from-1-*", INVALID_RECORD, OFFSETS),
    ("offset-delta-beyond-*", INVALID_RECORD, OFFSETS),
    ("record-length-0-gzip", INVALID_RECORD, LENGTHS),
    ("record-length-minus-1-gzip", INVALID_RECORD, LENGTHS),
    ("record-length-plus-1-gzip", INVALID_RECORD, LENGTHS),
    ("record-length-swallows-next-gzip", INVALID_RECORD, LENGTHS),
    ("gzip-bytes-behind", UNKNOWN_SERVER_ERROR, BEHIND),
    ("gzip-two-members-second-bad", UNKNOWN_SERVER_ERROR, BEHIND),
    ("snappy-bytes-behind", UNKNOWN_SERVER_ERROR, BEHIND),
    ("lz4-bytes-behind", UNKNOWN_SERVER_ERROR, BEHIND),
    ("lz4-first-of-two-frames-is-whole", UNKNOWN_SERVER_ERROR, BEHIND),
    ("lz4-two-frames", UNKNOWN_SERVER_ERROR, BEHIND),
    ("lz4-content-checksum-wrong", UNKNOWN_SERVER_ERROR, "readers other than Kafka's check it"),
    ("lz4-empty-block", UNKNOWN_SERVER_ERROR, "refused by both, named for what it is"),
    ("batch-length-max", INVALID_RECORD, "an overflow in Kafka: a batch that is not there as a whole"),
    ("record-length-varint-6-bytes-none", INVALID_RECORD, "Kafka itself says so for compressed batches"),
];

const OFFSETS: &str = "two records would have one offset, or offsets of other batches";
const LENGTHS: &str = "Kafka does not look in compressed batches, and its consumers then fail";
const BEHIND: &str = "data that some readers skip and others refuse";

fn difference(name: &str) -> Option<i16> {
    DIFFERENT
        .iter()
        .find(|(pattern, ..)| match pattern.strip_suffix('*') {
            Some(prefix) => name.strip_prefix(prefix).is_some_and(|codec| codec == "none" || codec == "gzip"),
            None => *pattern == name,
        })
        .map(|&(_, code, _)| code)
}

fn rules(vector: &Value) -> Validation {
    let topic = vector["topic"].as_str().unwrap();
    Validation {
        max_message_bytes: if topic == "small" { 200 } else { 1_048_588 },
        timestamp_type: if topic == "lat" { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
        now_ms: vector["now"].as_i64().unwrap(),
        before_max_ms: if topic == "before" { 3_600_000 } else { i64::MAX },
        after_max_ms: 3_600_000,
        compacted: topic == "compact",
        allow_control: false,
        allow_zstd: vector["version"].as_i64().unwrap() >= 7,
        payload: PayloadValidation::Full,
    }
}

fn unhex(hex: &Value) -> Bytes {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect::<Vec<_>>().into()
}

fn vectors() -> Vec<Value> {
    include_str!("vectors/produce.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn damaged_batches_get_kafkas_answer() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let name = vector["name"].as_str().unwrap();
        let kafka = vector["error"].as_i64().unwrap() as i16;
        let expected = difference(name).unwrap_or(kafka);
        let result = validate(unhex(&vector["hex"]), &rules(&vector));
        let code = result.as_ref().map_or_else(|error| error.error_code(), |_| 0);
        if code != expected {
            wrong.push(format!("{name}: {code} instead of {expected}: {:?}", result.err()));
            continue;
        }
        assert!(difference(name).is_none_or(|ours| ours != kafka), "{name} is no difference");
        let rejected: Vec<i64> = result
            .as_ref()
            .err()
            .map(|error| error.rejected_records().iter().map(|record| i64::from(record.batch_index)).collect())
            .unwrap_or_default();
        let kafkas: Vec<i64> =
            vector["rejected"].as_array().into_iter().flatten().map(|index| index.as_i64().unwrap()).collect();
        if rejected != kafkas {
            wrong.push(format!("{name}: rejects {rejected:?} instead of {kafkas:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn accepted_batches_are_stored_as_kafka_stores_them() {
    let mut stored = 0;
    for vector in vectors().iter().filter(|vector| vector["stored"].is_string()) {
        let name = vector["name"].as_str().unwrap();
        let Ok(mut batch) = validate(unhex(&vector["hex"]), &rules(vector)) else {
            assert!(difference(name).is_some(), "{name}");
            continue;
        };
        batch.header.base_offset = vector["offset"].as_i64().unwrap();
        batch.header.partition_leader_epoch = 0;
        let mut ours = batch.header.encode().to_vec();
        ours.extend_from_slice(batch.body());
        assert_eq!(Bytes::from(ours), unhex(&vector["stored"]), "{name}");
        assert_eq!(batch.size(), batch.header.size(), "{name}");
        assert_eq!(HEADER_LEN + batch.body().len(), batch.size(), "{name}");
        stored += 1;
    }
    assert!(stored > 90, "{stored}");
}

#[test]
fn a_closed_payload_is_believed_only_when_the_broker_says_so() {
    let vector = vectors().into_iter().find(|vector| vector["name"] == "gzip-garbage").unwrap();
    let mut rules = rules(&vector);
    assert_eq!(validate(unhex(&vector["hex"]), &rules).unwrap_err().error_code(), UNKNOWN_SERVER_ERROR);
    rules.payload = PayloadValidation::Header;
    assert!(validate(unhex(&vector["hex"]), &rules).is_ok());
    let damaged = vectors().into_iter().find(|vector| vector["name"] == "crc-wrong-gzip").unwrap();
    assert_eq!(validate(unhex(&damaged["hex"]), &rules).unwrap_err().error_code(), CORRUPT_MESSAGE);
}
