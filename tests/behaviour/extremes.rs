//! Requests, groups and records at the far ends of what is allowed.

use bytes::Bytes;
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use naru_protocol::messages::heartbeat::HeartbeatRequest;
use naru_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use naru_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use naru_protocol::records::{BatchBuilder, Codec};
use naru_protocol::{ErrorCode, encode_request};
use tokio::task::JoinSet;

use crate::client::{LATEST, batch, batch_at, fetch_request, fetched_batches, produce_request, records, values};
use crate::member::Member;
use crate::setup::{LONG_AGO, TestBroker, now_ms};

const TOPIC: &str = "extreme";
const MIB: usize = 1 << 20;
const HOUR_MS: i64 = 3_600_000;
const YEAR_2100: i64 = 4_102_444_800_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_requests_of_five_kinds_in_one_write_are_answered_in_their_order() {
    const ROUNDS: i32 = 100;
    const KINDS: i32 = 5;
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;

    let metadata = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { name: Some(TOPIC.into()), ..Default::default() }]),
        ..Default::default()
    };
    let heartbeat = HeartbeatRequest { group_id: "nobody".into(), generation_id: 1, ..Default::default() };
    let end = ListOffsetsTopic {
        name: TOPIC.into(),
        partitions: vec![ListOffsetsPartition { timestamp: -1, ..Default::default() }],
    };
    let list_offsets = ListOffsetsRequest { replica_id: -1, topics: vec![end], ..Default::default() };
    let fetch = fetch_request(&[(TOPIC, 0, 0)], 0);

    let mut written = Vec::new();
    let mut put = |frame: Vec<Bytes>| frame.iter().for_each(|chunk| written.extend_from_slice(chunk));
    for round in 0..ROUNDS {
        let id = round * KINDS;
        let produce = produce_request(TOPIC, 0, batch(&[&format!("value {round}")]), -1);
        put(encode_request(id, Some("odd".into()), &metadata, 9).expect("a request"));
        put(encode_request(id + 1, Some("odd".into()), &produce, 9).expect("a request"));
        put(encode_request(id + 2, None, &heartbeat, 0).expect("a request"));
        put(encode_request(id + 3, Some("odd".into()), &list_offsets, 1).expect("a request"));
        put(encode_request(id + 4, Some("".into()), &fetch, 4).expect("a request"));
    }
    client.send_raw(&written).await.expect("sent");
    for expected in 0..ROUNDS * KINDS {
        let frame = client.receive_raw().await.expect("an answer");
        let id = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        assert_eq!(id, Some(expected));
    }
    assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, i64::from(ROUNDS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_produce_and_one_fetch_have_5_000_partitions() {
    const PARTITIONS: i32 = 5000;
    let broker = TestBroker::start_in_memory("durability=os").await;
    let mut client = broker.client().await;
    client.create(TOPIC, PARTITIONS, &[]).await;

    let small = batch(&["news"]);
    let partitions = (0..PARTITIONS).map(|index| PartitionProduceData { index, records: Some(small.clone().into()) });
    let topic = TopicProduceData { name: TOPIC.into(), partition_data: partitions.collect(), ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 20_000, topic_data: vec![topic], ..Default::default() };
    let answer = client.send(&request, 9).await.expect("an answer");
    let outcomes = &answer.responses[0].partition_responses;
    assert_eq!(outcomes.len(), PARTITIONS as usize);
    assert!(outcomes.iter().all(|outcome| outcome.error_code == ErrorCode::NONE && outcome.base_offset == 0));

    let partitions = (0..PARTITIONS).map(|partition| FetchPartition {
        partition,
        partition_max_bytes: MIB as i32,
        ..Default::default()
    });
    let topic = FetchTopic { topic: TOPIC.into(), partitions: partitions.collect(), ..Default::default() };
    let request =
        FetchRequest { max_wait_ms: 0, min_bytes: 1, max_bytes: 64 << 20, topics: vec![topic], ..Default::default() };
    let answer = client.send(&request, 11).await.expect("an answer");
    let got = &answer.responses[0].partitions;
    assert_eq!(got.len(), PARTITIONS as usize);
    assert!(got.iter().all(|partition| values(partition) == ["news"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_200_members_that_join_at_once_is_one_generation() {
    const MEMBERS: usize = 200;
    let broker = TestBroker::start("group.initial.rebalance.delay.ms=500").await;
    let mut tasks = JoinSet::new();
    for _ in 0..MEMBERS {
        let client = broker.client().await;
        tasks.spawn(async move {
            let mut member = Member::new(client, "crowd");
            let joined = member.join().await;
            assert_eq!(joined.error_code, ErrorCode::NONE);
            let own = |id: &str| Bytes::copy_from_slice(id.as_bytes());
            let synced = member.sync(&joined, own).await;
            assert_eq!((synced.error_code, &synced.assignment), (ErrorCode::NONE, &own(&member.id)));
            (member, joined.members.len())
        });
    }
    let joined = tasks.join_all().await;
    assert!(joined.iter().all(|(member, _)| member.generation == 1));
    let told: Vec<usize> = joined.iter().map(|(_, members)| *members).filter(|members| *members > 0).collect();
    assert_eq!(told, [MEMBERS], "one leader is told of everybody");
    for (mut member, _) in joined {
        assert_eq!(member.leave().await, ErrorCode::NONE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_values_of_50_mb_and_of_nothing_pass_where_max_message_bytes_allows_them() {
    let broker = TestBroker::start_in_memory("durability=os").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("max.message.bytes", "60000000")]).await;
    let (nothing, large) = (Bytes::new(), Bytes::from(vec![b'x'; 50_000_000]));
    let sent = [(&large, &nothing), (&nothing, &large)];
    for (offset, (key, value)) in (0..).zip(sent) {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.push(LONG_AGO, Some(key), Some(value), &[]).expect("a record");
        assert_eq!(client.append(TOPIC, builder.build().expect("a batch")).await, offset);
    }
    for (offset, (key, value)) in (0..).zip(sent) {
        let got = records(&client.read(TOPIC, offset).await);
        let [record] = got.as_slice() else { panic!("{} records", got.len()) };
        assert!(record.key.as_ref() == Some(key) && record.value.as_ref() == Some(value));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_100_000_records_is_one_batch_for_everybody() {
    const RECORDS: i64 = 100_000;
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("max.message.bytes", "2000000")]).await;
    let sent: Vec<(i64, &str)> = (0..RECORDS).map(|number| (LONG_AGO + number, "")).collect();
    for (round, codec) in (0..).zip([Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd]) {
        let base = round * RECORDS;
        assert_eq!(client.append(TOPIC, batch_at(&sent, codec)).await, base);
        let got = client.read(TOPIC, base + RECORDS / 2).await;
        let batches = fetched_batches(&got);
        assert_eq!((batches[0].header().base_offset, batches[0].header().last_offset()), (base, base + RECORDS - 1));
        let read = records(&got);
        assert!(read.len() == sent.len() && read.iter().zip(&sent).all(|(record, sent)| record.timestamp == sent.0));
    }
    // The middle of the first batch by its time stamp: the first of equal ones.
    assert_eq!(client.list_offset(TOPIC, LONG_AGO + 55_555).await.offset, 55_555);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_of_1970_are_believed_and_those_of_2100_only_where_the_topic_says_so() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.create("strict", 1, &[("message.timestamp.before.max.ms", "3600000")]).await;
    client.create("trusting", 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]).await;
    let at = |timestamp| batch_at(&[(timestamp, "v")], Codec::None);

    assert_eq!(client.append(TOPIC, at(0)).await, 0);
    assert_eq!(client.append(TOPIC, at(now_ms() + HOUR_MS / 2)).await, 1);
    for (topic, timestamp) in
        [(TOPIC, YEAR_2100), (TOPIC, now_ms() + 2 * HOUR_MS), ("strict", 0), ("strict", YEAR_2100)]
    {
        let refused = client.produce(topic, at(timestamp)).await;
        assert_eq!(refused.error_code, ErrorCode::INVALID_TIMESTAMP, "{topic} {timestamp}");
        assert_eq!(refused.record_errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), [0]);
    }
    assert_eq!(client.append("trusting", at(YEAR_2100)).await, 0);
    assert_eq!(client.list_offset("trusting", YEAR_2100).await.offset, 0);
    assert_eq!(client.list_offset("trusting", YEAR_2100 + 1).await.offset, -1);
    assert_eq!(client.list_offset(TOPIC, 0).await.offset, 0);
    assert_eq!(client.list_offset(TOPIC, 1).await.offset, 1);
}
