//! Record batches made by Apache Kafka's own classes: every field is read, and what is rebuilt is the same batch.

use bytes::Bytes;
use naru_protocol::records::{
    Batch, BatchBuilder, Codec, EndTransactionMarker, HEADER_LEN, Header, Outcome, Record, TimestampType, batches,
};
use serde_json::Value;

struct Vector {
    name: String,
    bytes: Bytes,
    batches: Vec<Value>,
}

fn vectors() -> Vec<Vector> {
    include_str!("vectors/batches.jsonl")
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            Vector {
                name: line["name"].as_str().unwrap().to_owned(),
                bytes: unhex(line["hex"].as_str().unwrap()),
                batches: line["batches"].as_array().unwrap().clone(),
            }
        })
        .collect()
}

fn unhex(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect::<Vec<_>>().into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn records(batch: &Batch) -> Vec<Record> {
    batch.records().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_field_is_what_kafka_reads() {
    for vector in vectors() {
        let name = &vector.name;
        let found: Vec<Batch> = batches(vector.bytes.clone()).collect::<Result<_, _>>().unwrap();
        assert_eq!(found.len(), vector.batches.len(), "{name}");
        for (batch, expected) in found.iter().zip(&vector.batches) {
            assert_eq!(&as_json(batch), expected, "{name}");
        }
    }
}

/// A batch in the form of the vectors.
fn as_json(batch: &Batch) -> Value {
    let header = batch.header();
    let text = |bytes: &Option<Bytes>| match bytes {
        Some(bytes) if header.is_control() => Value::from(hex(bytes)),
        Some(bytes) => Value::from(std::str::from_utf8(bytes).unwrap()),
        None => Value::Null,
    };
    let records: Vec<Value> = records(batch)
        .iter()
        .map(|record| {
            let headers: Vec<Value> = record
                .headers
                .iter()
                .map(|header| serde_json::json!([std::str::from_utf8(&header.key).unwrap(), text(&header.value)]))
                .collect();
            serde_json::json!({
                "offset": record.offset, "timestamp": record.timestamp,
                "key": text(&record.key), "value": text(&record.value), "headers": headers,
            })
        })
        .collect();
    serde_json::json!({
        "baseOffset": header.base_offset, "lastOffset": header.last_offset(), "sizeInBytes": header.size(),
        "valid": batch.crc_is_valid(), "leaderEpoch": header.partition_leader_epoch,
        "codec": header.codec().unwrap().name(),
        "timestampType": match header.timestamp_type() {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        },
        "maxTimestamp": header.max_timestamp, "pid": header.producer_id, "epoch": header.producer_epoch,
        "baseSequence": header.base_sequence, "transactional": header.is_transactional(),
        "control": header.is_control(), "records": records,
    })
}

#[test]
fn a_header_is_encoded_as_it_was_read() {
    for vector in vectors() {
        let batch = Batch::parse(vector.bytes.clone()).unwrap();
        assert_eq!(batch.header().encode()[..], vector.bytes[..HEADER_LEN], "{}", vector.name);
    }
}

#[test]
fn what_is_rebuilt_is_the_same_batch() {
    for vector in vectors() {
        let name = &vector.name;
        let batch = Batch::parse(vector.bytes.clone()).unwrap();
        let rebuilt = rebuild(&batch);
        if batch.header().codec() == Ok(Codec::None) && name != "no-records-left-after-compaction" {
            assert_eq!(hex(&rebuilt), hex(&vector.bytes), "{name}");
        }
        let rebuilt = Batch::parse(rebuilt).unwrap();
        assert!(rebuilt.crc_is_valid(), "{name}");
        assert_eq!(records(&rebuilt), records(&batch), "{name}");
        let mut header = *rebuilt.header();
        header.batch_length = batch.header().batch_length;
        header.crc = batch.header().crc;
        if !vector.batches[0]["records"].as_array().unwrap().is_empty() {
            assert_eq!(&header, batch.header(), "{name}");
        }
    }
}

fn rebuild(batch: &Batch) -> Bytes {
    let header = batch.header();
    let mut builder = BatchBuilder::new(header.codec().unwrap())
        .base_offset(header.base_offset)
        .leader_epoch(header.partition_leader_epoch)
        .producer(header.producer_id, header.producer_epoch, header.base_sequence)
        .transactional(header.is_transactional())
        .control(header.is_control())
        .last_offset(header.last_offset());
    if header.timestamp_type() == TimestampType::LogAppendTime {
        // The records' own time stamps are hidden by the append time: they are read from the deltas.
        builder = builder.log_append_time(header.max_timestamp);
        let mut plain = *header;
        plain.attributes = plain.attributes.with_timestamp_type(TimestampType::CreateTime);
        let mut bytes = plain.encode().to_vec();
        bytes.extend_from_slice(&batch.payload());
        for record in records(&Batch::parse(bytes.into()).unwrap()) {
            builder.push_record(&record).unwrap();
        }
        return builder.build().unwrap();
    }
    for record in records(batch) {
        builder.push_record(&record).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn positions_are_those_of_the_records() {
    for vector in vectors() {
        let batch = Batch::parse(vector.bytes.clone()).unwrap();
        let mut skimmed = Vec::new();
        let end = batch
            .skim(|position| {
                skimmed.push((position.offset, position.timestamp, position.has_key));
                std::ops::ControlFlow::<()>::Continue(())
            })
            .unwrap();
        assert_eq!(end, None);
        let expected: Vec<_> =
            records(&batch).iter().map(|record| (record.offset, record.timestamp, record.key.is_some())).collect();
        assert_eq!(skimmed, expected, "{}", vector.name);
    }
}

#[test]
fn markers_are_kafkas() {
    for (name, outcome, timestamp, offset) in [
        ("marker-commit", Outcome::Commit, 1_700_000_000_000, 55),
        ("marker-abort", Outcome::Abort, 1_700_000_000_001, 56),
    ] {
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        let marker = EndTransactionMarker { outcome, coordinator_epoch: 9 };
        let made = Batch::parse(marker.batch(timestamp, 4001, 3).unwrap()).unwrap();
        let mut header = *made.header();
        header.base_offset = offset;
        header.partition_leader_epoch = 7;
        assert_eq!(hex(&header.encode()), hex(&vector.bytes[..HEADER_LEN]));
        assert_eq!(hex(&made.payload()), hex(&vector.bytes[HEADER_LEN..]));
        let record = &records(&Batch::parse(vector.bytes).unwrap())[0];
        assert_eq!(EndTransactionMarker::parse(record), Ok(Some(marker)));
    }
}

#[test]
fn an_emptied_batch_keeps_its_offsets() {
    let vector = vectors().into_iter().find(|vector| vector.name == "no-records-left-after-compaction").unwrap();
    let batch = Batch::parse(vector.bytes).unwrap();
    assert_eq!(batch.records().count(), 0);
    assert_eq!((batch.header().base_offset, batch.header().next_offset()), (90, 100));
}

#[test]
fn uncompressed_records_are_slices_of_the_batch() {
    let mut builder = BatchBuilder::new(Codec::None);
    let header = Header { key: Bytes::from_static(b"name"), value: Some(Bytes::from_static(b"content")) };
    builder.push(1, Some(b"the key"), Some(b"the value"), &[header]).unwrap();
    let bytes = builder.build().unwrap();
    let within = bytes.as_ptr_range();
    let record = &records(&Batch::parse(bytes.clone()).unwrap())[0];
    for slice in [&record.key, &record.value, &record.headers[0].value] {
        assert!(within.contains(&slice.as_ref().unwrap().as_ptr()));
    }
}
