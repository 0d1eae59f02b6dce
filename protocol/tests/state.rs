//! The records of internal topics against what Kafka's own classes wrote.

mod vectors;

use naru_protocol::consumer_protocol::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use naru_protocol::json::MessageJson;
use naru_protocol::state::{cluster_metadata, consumer_offsets, transaction_state};
use naru_protocol::{DecodeError, Message};
use serde_json::Value;

use crate::vectors::{differences, from_hex, lines, to_hex};

/// Decodes the bytes behind the first `prefix` bytes, compares with the JSON, encodes, compares with the bytes.
fn check(json: MessageJson, version: i16, hex: &str, prefix: usize, expected: &Value) {
    let body = &hex[prefix * 2..];
    let decoded = (json.decode)(from_hex(body), version).unwrap();
    assert_eq!(differences(expected, &decoded), Vec::<String>::new(), "{hex}");
    assert_eq!(to_hex(&(json.encode)(&decoded, version).unwrap()), body);
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap()
}

fn number(line: &Value, field: &str) -> i16 {
    line[field].as_i64().unwrap() as i16
}

/// `OFFSET_COMMIT` is called `OffsetCommit` here.
fn camel_case(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect()
}

#[test]
fn keys_and_values_of_the_coordinators_are_those_of_kafka() {
    for line in lines("state.jsonl") {
        let name = camel_case(text(&line, "type"));
        let found = match text(&line, "topic") {
            "__consumer_offsets" => consumer_offsets::Record::json(&name),
            _ => transaction_state::Record::json(&name),
        };
        let (key, value) = found.unwrap_or_else(|| panic!("{name} is missing"));
        match text(&line, "part") {
            "key" => check(key, 0, text(&line, "hex"), 2, &line["json"]),
            _ => check(value, number(&line, "prefix"), text(&line, "hex"), 2, &line["json"]),
        }
    }
}

#[test]
fn a_whole_record_is_told_by_its_key() {
    let lines = lines("state.jsonl");
    let mut key = None;
    for line in &lines {
        let bytes = from_hex(text(line, "hex"));
        let offsets = text(line, "topic") == "__consumer_offsets";
        if text(line, "part") == "key" {
            key = Some(bytes.clone());
        }
        let key = key.clone().unwrap();
        let value = (text(line, "part") == "value").then_some(bytes);
        let record = if offsets {
            consumer_offsets::Record::decode(key, value).map(|record| format!("{record:?}"))
        } else {
            transaction_state::Record::decode(key, value).map(|record| format!("{record:?}"))
        };
        let name = camel_case(text(line, "type"));
        let record = record.unwrap();
        assert!(record.starts_with(&format!("{name}(")), "{name}: {record}");
    }
}

#[test]
fn metadata_records_have_the_frame_of_kafka() {
    for line in lines("metadata_records.jsonl") {
        let (version, hex) = (number(&line, "version"), text(&line, "hex"));
        let frame = from_hex(hex);
        assert_eq!(frame[0], 1, "the version of the frame");
        let json = cluster_metadata::Record::json(i16::from(frame[1])).unwrap();
        check(json, version, hex, 3, &line["json"]);
        let record = cluster_metadata::Record::decode(frame.clone()).unwrap();
        let name = camel_case(text(&line, "type"));
        assert!(format!("{record:?}").starts_with(name.trim_end_matches("Record")), "{name}: {record:?}");
        if record.encode().unwrap()[2] == frame[2] {
            assert_eq!(to_hex(&record.encode().unwrap()), hex);
        }
    }
}

#[test]
fn a_metadata_record_that_kafka_refuses_is_refused() {
    let error = |hex| cluster_metadata::Record::decode(from_hex(hex)).unwrap_err();
    assert_eq!(error("011400000000"), DecodeError::TrailingBytes { count: 2 });
    assert_eq!(error("001400"), DecodeError::UnknownFrameVersion { version: 0 });
    assert_eq!(error("01ff7f00"), DecodeError::UnknownRecordType { topic: "__cluster_metadata", record_type: 16383 });
    assert_eq!(error("01140100"), DecodeError::UnknownVersion { name: "NoOpRecord", version: 1 });
}

#[test]
fn subscription_and_assignment_are_those_of_kafka() {
    for line in lines("consumer_protocol.jsonl") {
        let (version, hex) = (number(&line, "version"), text(&line, "hex"));
        if text(&line, "type") == "Subscription" {
            check(MessageJson::of::<ConsumerProtocolSubscription>(), version, hex, 2, &line["json"]);
            let subscription = ConsumerProtocolSubscription::from_bytes(from_hex(hex)).unwrap();
            assert_eq!(to_hex(&subscription.to_bytes(version).unwrap()), hex);
        } else {
            check(MessageJson::of::<ConsumerProtocolAssignment>(), version, hex, 2, &line["json"]);
            let assignment = ConsumerProtocolAssignment::from_bytes(from_hex(hex)).unwrap();
            assert_eq!(to_hex(&assignment.to_bytes(version).unwrap()), hex);
        }
    }
}

#[test]
fn a_subscription_from_the_future_is_read_as_the_newest_known() {
    let newest = *ConsumerProtocolSubscription::VERSIONS.end();
    let subscription = ConsumerProtocolSubscription { rack_id: Some("r1".into()), ..Default::default() };
    let mut bytes = subscription.to_bytes(newest).unwrap().to_vec();
    bytes[1] = 99;
    bytes.push(7);
    assert_eq!(ConsumerProtocolSubscription::from_bytes(bytes.into()).unwrap(), subscription);
}
