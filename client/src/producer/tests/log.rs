//! A broker's partitions, with Kafka's rules for idempotent producers, in a few lines.

use std::collections::HashMap;

use bytes::Bytes;
use naru_protocol::ErrorCode;
use naru_protocol::records::Batch;

/// Batches of a producer that are recognised when they come again.
const REMEMBERED: usize = 5;

/// What one partition has.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The values of its records.
    pub(super) values: Vec<String>,
    producers: HashMap<i64, Producer>,
    /// Larger batches are refused.
    pub(super) most_records: Option<usize>,
}

#[derive(Debug, Default)]
struct Producer {
    epoch: i16,
    /// First and next sequence and base offset of the last batches.
    batches: Vec<(i32, i32, i64)>,
}

impl Log {
    /// Appends a batch and says at which offset, or why not.
    pub(super) fn append(&mut self, bytes: Bytes) -> Result<i64, ErrorCode> {
        let batch = Batch::parse(bytes).unwrap();
        assert!(batch.crc_is_valid());
        let header = *batch.header();
        let values: Vec<String> =
            batch.records().map(|record| String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap()).collect();
        if self.most_records.is_some_and(|most| values.len() > most) {
            return Err(ErrorCode::MESSAGE_TOO_LARGE);
        }
        let offset = self.values.len() as i64;
        if header.producer_id >= 0 {
            let first = header.base_sequence;
            let next = first + values.len() as i32;
            let known = self.producers.contains_key(&header.producer_id);
            let producer = self.producers.entry(header.producer_id).or_default();
            if header.producer_epoch < producer.epoch {
                return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
            }
            if header.producer_epoch == producer.epoch {
                if let Some((.., offset)) = producer.batches.iter().find(|batch| (batch.0, batch.1) == (first, next)) {
                    return Ok(*offset);
                }
                if known && producer.batches.last().is_some_and(|last| last.1 != first) {
                    return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
                }
            } else if first != 0 {
                return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            } else {
                *producer = Producer { epoch: header.producer_epoch, batches: Vec::new() };
            }
            producer.batches.push((first, next, offset));
            if producer.batches.len() > REMEMBERED {
                producer.batches.remove(0);
            }
        }
        self.values.extend(values);
        Ok(offset)
    }

    /// The broker knows its producers no more.
    pub(super) fn forget_producers(&mut self) {
        self.producers.clear();
    }
}
