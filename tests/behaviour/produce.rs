//! Producers: what is accepted, what is refused, and in which order the answers come.

use bytes::{Bytes, BytesMut};
use naru_client::raw::Error;
use naru_protocol::messages::list_offsets::ListOffsetsRequest;
use naru_protocol::messages::metadata::MetadataRequest;
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use naru_protocol::records::{BatchBuilder, Codec, Header, TimestampType, checksum};
use naru_protocol::{ErrorCode, Records};

use crate::client::{LATEST, batch, batch_at, bytes, fetched_batches, produce_request, produced, records, sequenced};
use crate::setup::{LONG_AGO, TestBroker, now_ms};

const TOPIC: &str = "crossings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order_while_flushes_overlap() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 8, &[]).await;
    let rounds = 25;
    for round in 0..rounds {
        for partition in 0..8 {
            let large = "x".repeat(1 + 7000 * (round % 3));
            client.submit(&produce_request(TOPIC, partition, batch(&[&large]), -1), 11).await.expect("sent");
        }
        client.submit(&MetadataRequest { topics: None, ..Default::default() }, 12).await.expect("sent");
        client.submit(&ListOffsetsRequest::default(), 7).await.expect("sent");
    }
    for round in 0..rounds {
        for partition in 0..8 {
            let outcome = produced(client.receive::<ProduceRequest>().await.expect("the next answer"));
            assert_eq!((outcome.index, outcome.error_code), (partition, ErrorCode::NONE));
            assert_eq!(outcome.base_offset, round as i64);
        }
        client.receive::<MetadataRequest>().await.expect("the next answer");
        client.receive::<ListOffsetsRequest>().await.expect("the next answer");
    }
}

#[tokio::test]
async fn acks_0_gets_no_bytes_back() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.submit_unanswered(&produce_request(TOPIC, 0, batch(&["silent"]), 0), 11).await.expect("sent");
    // The connection checks that the next answer is that of the next request.
    assert_eq!(client.append(TOPIC, batch(&["loud"])).await, 1);
    assert_eq!(client.values(TOPIC, 0).await, ["silent", "loud"]);
}

#[tokio::test]
async fn an_error_with_acks_0_closes_the_connection_after_earlier_answers() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.submit(&produce_request(TOPIC, 0, batch(&["good"]), -1), 11).await.expect("sent");
    client.submit_unanswered(&produce_request("nowhere", 0, batch(&["lost"]), 0), 11).await.expect("sent");
    let outcome = produced(client.receive::<ProduceRequest>().await.expect("the answer before the error"));
    assert_eq!(outcome.error_code, ErrorCode::NONE);
    assert!(matches!(client.receive_raw().await, Err(Error::Closed)));
}

#[tokio::test]
async fn acks_other_than_0_1_and_all_are_refused() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let answer = client.send(&produce_request(TOPIC, 0, batch(&["x"]), 2), 11).await.expect("an answer");
    assert_eq!(produced(answer).error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 0);
}

#[tokio::test]
async fn a_batch_above_max_message_bytes_is_refused_and_nothing_is_appended() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    let exact = batch(&[&"x".repeat(900)]);
    client.create(TOPIC, 1, &[("max.message.bytes", &exact.len().to_string())]).await;
    assert_eq!(client.append(TOPIC, exact).await, 0);
    let refused = client.produce(TOPIC, batch(&[&"x".repeat(901)])).await;
    assert_eq!(refused.error_code, ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_10_mb_passes_where_max_message_bytes_allows_it() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("max.message.bytes", "12000000")]).await;
    let value = "0123456789".repeat(1 << 20);
    assert_eq!(client.append(TOPIC, batch(&[&value])).await, 0);
    assert_eq!(client.append(TOPIC, batch(&["small"])).await, 1);
    assert_eq!(client.values(TOPIC, 0).await, [&value, "small"]);
    let broker = broker.restart().await;
    assert_eq!(broker.client().await.values(TOPIC, 0).await, [&value, "small"]);
}

#[tokio::test]
async fn a_keyless_record_on_a_compacted_topic_is_refused_with_its_number() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("cleanup.policy", "compact")]).await;
    let mut builder = BatchBuilder::new(Codec::None);
    builder.push(LONG_AGO, Some(b"key"), Some(b"good"), &[]).expect("a small record");
    builder.push(LONG_AGO, None, Some(b"keyless"), &[]).expect("a small record");
    let refused = client.produce(TOPIC, builder.build().expect("a batch")).await;
    assert_eq!(refused.error_code, ErrorCode::INVALID_RECORD);
    assert_eq!(refused.record_errors.iter().map(|record| record.batch_index).collect::<Vec<_>>(), [1]);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 0);
}

/// Changes bytes of a batch, and makes its checksum right again.
fn forge(batch: &Bytes, at: usize, bytes: &[u8]) -> Bytes {
    let mut forged = BytesMut::from(&batch[..]);
    forged[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = checksum(&forged).to_be_bytes();
    forged[17..21].copy_from_slice(&crc);
    forged.freeze()
}

#[tokio::test]
async fn batches_that_lie_are_refused_and_nothing_is_appended() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let good = batch(&["one", "two"]);
    let mut flipped = BytesMut::from(&good[..]);
    *flipped.last_mut().expect("bytes") ^= 1;
    let control = BatchBuilder::new(Codec::None).control(true);
    let lies = [
        ("checksum", flipped.freeze(), ErrorCode::CORRUPT_MESSAGE),
        ("count", forge(&good, 57, &3_i32.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("negative count", forge(&good, 57, &(-1_i32).to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("last offset delta", forge(&good, 23, &7_i32.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("control batch", crate::client::build(control, &[(LONG_AGO, "x")]), ErrorCode::INVALID_RECORD),
        ("length of a record", forge(&good, 61, &[0x03]), ErrorCode::INVALID_RECORD),
    ];
    for (lie, batch, expected) in lies {
        assert_eq!(client.produce(TOPIC, batch).await.error_code, expected, "{lie}");
    }
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 0);
    assert_eq!(client.append(TOPIC, good).await, 0);
}

#[tokio::test]
async fn the_broker_overwrites_base_offset_and_leader_epoch_and_nothing_else() {
    let broker = TestBroker::start("").await.restart().await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["first"])).await;
    let sent = crate::client::build(BatchBuilder::new(Codec::None).leader_epoch(77), &[(LONG_AGO, "second")]);
    assert_eq!(client.append(TOPIC, sent.clone()).await, 1);
    let got = bytes(&client.read(TOPIC, 1).await);
    assert_eq!(&got[..8], 1_i64.to_be_bytes());
    assert_eq!(got[8..12], sent[8..12]);
    assert_eq!(&got[12..16], 1_i32.to_be_bytes(), "the epoch of the second start");
    assert_eq!(got[16..], sent[16..]);
}

#[tokio::test]
async fn log_append_time_is_stamped_and_the_checksum_stays_valid() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let before = now_ms();
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let outcome = client.produce(TOPIC, batch_at(&[(LONG_AGO, "a"), (LONG_AGO + 5, "b")], codec)).await;
        assert!((before..=now_ms()).contains(&outcome.log_append_time_ms), "{}", outcome.log_append_time_ms);
        let got = client.read(TOPIC, outcome.base_offset).await;
        let batches = fetched_batches(&got);
        assert!(batches[0].crc_is_valid());
        assert_eq!(batches[0].header().timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(batches[0].header().max_timestamp, outcome.log_append_time_ms);
        assert!(records(&got).iter().all(|record| record.timestamp == outcome.log_append_time_ms));
    }
}

#[tokio::test]
async fn compressed_batches_are_stored_and_served_as_they_were_sent() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let value = "the ferry crosses the river ".repeat(500);
    for (number, codec) in (0..).zip([Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd]) {
        let sent = batch_at(&[(LONG_AGO, &value)], codec);
        assert_eq!(client.append(TOPIC, sent.clone()).await, number);
        let got = client.read(TOPIC, number).await;
        assert_eq!(bytes(&got)[16..], sent[16..], "{codec:?}");
        assert_eq!(crate::client::values(&got), [value.as_str()]);
    }
}

#[tokio::test]
async fn keys_values_and_headers_come_back_null_empty_and_repeated_as_they_were() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let header = |key: &'static str, value: Option<&'static str>| Header {
        key: Bytes::from_static(key.as_bytes()),
        value: value.map(|value| Bytes::from_static(value.as_bytes())),
    };
    let headers = [header("a", Some("1")), header("a", None), header("", Some("2")), header("a", Some(""))];
    let mut builder = BatchBuilder::new(Codec::None);
    for (key, value) in [(None, None), (Some(""), None), (None, Some("")), (Some(""), Some(""))] {
        builder.push(LONG_AGO, key.map(str::as_bytes), value.map(str::as_bytes), &headers).expect("a small record");
    }
    client.append(TOPIC, builder.build().expect("a batch")).await;
    let got = records(&client.read(TOPIC, 0).await);
    let pairs: Vec<_> = got.iter().map(|record| (record.key.as_deref(), record.value.as_deref())).collect();
    let empty: &[u8] = b"";
    assert_eq!(pairs, [(None, None), (Some(empty), None), (None, Some(empty)), (Some(empty), Some(empty))]);
    assert!(got.iter().all(|record| record.headers == headers));
}

#[tokio::test]
async fn good_partitions_succeed_beside_an_unknown_topic_and_partition() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let topic = |name: &str, partitions: &[i32]| TopicProduceData {
        name: name.into(),
        partition_data: partitions
            .iter()
            .map(|&index| PartitionProduceData { index, records: Some(Records::from(batch(&["x"]))) })
            .collect(),
        ..Default::default()
    };
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 5000,
        topic_data: vec![topic("nowhere", &[0]), topic(TOPIC, &[0, 1])],
        ..Default::default()
    };
    let answer = client.send(&request, 11).await.expect("an answer");
    let outcomes: Vec<_> = answer.responses.iter().flat_map(|topic| &topic.partition_responses).collect();
    let codes: Vec<_> = outcomes.iter().map(|outcome| (outcome.error_code, outcome.base_offset)).collect();
    let unknown = (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1);
    assert_eq!(codes, [unknown, (ErrorCode::NONE, 0), unknown]);
    // Unlike Metadata, Produce creates nothing.
    assert_eq!(client.topics().await, [TOPIC]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producers_of_one_partition_never_share_an_offset() {
    let broker = TestBroker::start("").await;
    broker.client().await.create(TOPIC, 1, &[]).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let mut client = broker.client().await;
        writers.spawn(async move {
            let mut written = Vec::new();
            for number in 0..20 {
                let value = format!("{writer}:{number}");
                written.push((client.append(TOPIC, batch(&[&value])).await, value));
            }
            written
        });
    }
    let mut written: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    written.sort();
    let got = records(&broker.client().await.read(TOPIC, 0).await);
    let got: Vec<_> = got
        .into_iter()
        .map(|record| (record.offset, String::from_utf8_lossy(&record.value.expect("a value")).into_owned()))
        .collect();
    assert_eq!(got, written);
}

#[tokio::test]
async fn batches_of_one_producer_pipelined_are_in_sequence() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let id = client.producer_id().await;
    for sequence in 0..5 {
        let batch = sequenced((id, 0, sequence), &["x"]);
        client.submit(&produce_request(TOPIC, 0, batch, -1), 11).await.expect("sent");
    }
    for sequence in 0..5 {
        let outcome = produced(client.receive::<ProduceRequest>().await.expect("an answer"));
        assert_eq!((outcome.error_code, outcome.base_offset), (ErrorCode::NONE, sequence));
    }
}
