//! What is in a partition, read over a raw connection: what the client says is held against it.

use bytes::Bytes;
use naru_client::raw::Connection;
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use naru_protocol::records::{BatchHeader, Codec, Record, batches};
use naru_protocol::{ErrorCode, Records};

/// The newest version that names topics.
const FETCH: i16 = 12;

#[derive(Debug)]
pub struct Stored {
    pub record: Record,
    pub batch: BatchHeader,
}

impl Stored {
    pub fn value(&self) -> String {
        self.record.value.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned()
    }

    pub fn codec(&self) -> Codec {
        self.batch.codec().expect("a codec that exists")
    }
}

/// All records of a partition, up to its high watermark.
pub async fn read(address: &str, topic: &str, partition: i32) -> Vec<Stored> {
    let mut broker = Connection::connect(address).await.expect("the broker listens");
    let mut stored = Vec::new();
    let mut next = 0;
    loop {
        let wanted =
            FetchPartition { partition, fetch_offset: next, partition_max_bytes: 1 << 20, ..Default::default() };
        let topics = vec![FetchTopic { topic: topic.into(), partitions: vec![wanted], ..Default::default() }];
        let request = FetchRequest { max_wait_ms: 0, min_bytes: 0, max_bytes: 50 << 20, topics, ..Default::default() };
        let answer = broker.send(&request, FETCH).await.expect("an answer");
        let found = &answer.responses[0].partitions[0];
        assert_eq!(found.error_code, ErrorCode::NONE, "{topic}-{partition} at {next}");
        let set: Vec<u8> = found.records.iter().flat_map(Records::chunks).flat_map(|chunk| chunk.to_vec()).collect();
        for batch in batches(Bytes::from(set)) {
            // The end of an answer may cut a batch.
            let Ok(batch) = batch else { break };
            let header = *batch.header();
            let records = batch.records().map(|record| record.expect("a readable record"));
            stored
                .extend(records.filter(|record| record.offset >= next).map(|record| Stored { record, batch: header }));
            next = header.next_offset();
        }
        if next >= found.high_watermark {
            return stored;
        }
    }
}
