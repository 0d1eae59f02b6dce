//! How long does it take to read a request and to write a response?

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use naru_protocol::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use naru_protocol::messages::metadata::{MetadataResponse, MetadataResponsePartition, MetadataResponseTopic};
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use naru_protocol::{Records, RequestHeader, decode_request, encode_request, encode_response};

/// What a batch of records looks like to the codec: bytes.
fn freight() -> Records {
    Records::from(Bytes::from(vec![7; 16 << 10]))
}

fn produce_request(c: &mut Criterion) {
    const VERSION: i16 = 9;
    let topic = TopicProduceData {
        name: "orders".into(),
        partition_data: vec![PartitionProduceData { index: 0, records: Some(freight()) }],
        ..Default::default()
    };
    let request = ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() };
    let frame = encode_request(1, Some("bench".into()), &request, VERSION).expect("a request").concat();
    let frame = Bytes::from(frame).slice(4..);
    c.bench_function("decode a Produce request", |b| {
        b.iter(|| {
            let (_, body) = RequestHeader::split(black_box(frame.clone())).expect("a header");
            decode_request::<ProduceRequest>(body, VERSION).expect("a request")
        });
    });
}

fn fetch_response(c: &mut Criterion) {
    const VERSION: i16 = 12;
    for partitions in [1, 100] {
        let partition = |partition_index| PartitionData {
            partition_index,
            high_watermark: 1_000_000,
            records: Some(freight()),
            ..Default::default()
        };
        let topic = FetchableTopicResponse {
            topic: "orders".into(),
            partitions: (0..partitions).map(partition).collect(),
            ..Default::default()
        };
        let response = FetchResponse { responses: vec![topic], ..Default::default() };
        c.bench_function(&format!("encode a Fetch response of {partitions} partitions"), |b| {
            b.iter(|| encode_response(1, black_box(&response), VERSION).expect("a response"));
        });
    }
}

fn metadata_response(c: &mut Criterion) {
    const VERSION: i16 = 12;
    let topic = |number| MetadataResponseTopic {
        name: Some(format!("topic-{number}").into()),
        partitions: vec![MetadataResponsePartition {
            leader_id: 1,
            replica_nodes: vec![1],
            isr_nodes: vec![1],
            ..Default::default()
        }],
        ..Default::default()
    };
    let response = MetadataResponse { topics: (0..1000).map(topic).collect(), ..Default::default() };
    c.bench_function("encode a Metadata response of 1,000 topics", |b| {
        b.iter(|| encode_response(1, black_box(&response), VERSION).expect("a response"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = produce_request, fetch_response, metadata_response
}
criterion_main!(benches);
