//! Partitions over real logs. Where the high watermark has to lag behind, a test moves it by hand.

use naru_protocol::ErrorCode;
use naru_protocol::records::{BatchBuilder, Codec, PayloadValidation, TimestampType, Validation, batches, validate};
use tempfile::TempDir;

use super::*;
use crate::config::{BrokerConfig, DynamicBrokerConfig, Overrides};
use crate::storage::StorageOptions;
use crate::storage::clock::SystemClock;
use crate::storage::disk::SystemDisk;

const NOW: i64 = 1_700_000_000_000;
const TOPIC: Uuid = Uuid::from_u128(7);

fn open(dir: &TempDir) -> Arc<DataDirectory> {
    let clock = Arc::new(SystemClock::default());
    Arc::new(DataDirectory::open(Arc::new(SystemDisk), clock, dir.path(), StorageOptions::default()).unwrap())
}

/// The settings of a topic and a broker that nobody configured.
fn topic_config() -> TopicConfig {
    TopicConfig::resolve(&Overrides::default(), &DynamicBrokerConfig::default(), &BrokerConfig::default())
}

fn settings(log: LogConfig) -> PartitionConfig {
    PartitionConfig { topic: Arc::new(topic_config()), log }
}

fn orders(partitions: i32, config: LogConfig) -> TopicLogs {
    TopicLogs { topic_id: TOPIC, name: "orders".into(), partitions, config: settings(config) }
}

fn os() -> LogConfig {
    LogConfig { flush: FlushPolicy::Os { every_messages: None, every_ms: None }, ..LogConfig::default() }
}

/// A batch with one record for each timestamp.
fn batch(timestamps: &[i64]) -> ValidBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    for timestamp in timestamps {
        builder.push(*timestamp, Some(b"k"), Some(b"v"), &[]).unwrap();
    }
    let rules = Validation {
        max_message_bytes: 1 << 20,
        timestamp_type: TimestampType::CreateTime,
        now_ms: NOW,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: false,
        allow_zstd: true,
        payload: PayloadValidation::Full,
    };
    validate(builder.build().unwrap(), &rules).unwrap()
}

async fn append(partition: &Partition, timestamps: &[i64]) -> Appended {
    partition.append(&batch(timestamps), NOW, Origin::Client).await.unwrap()
}

/// The base offsets of the batches that a read from `from` finds.
async fn base_offsets(partition: &Partition, from: i64) -> Vec<i64> {
    let fetched = partition.read(Offset(from), 1 << 20, true).await.unwrap();
    fetched.records.into_iter().flat_map(batches).map(|batch| batch.unwrap().header().base_offset).collect()
}

async fn read_error(partition: &Partition, from: i64) -> ErrorCode {
    (&partition.read(Offset(from), 1 << 20, true).await.unwrap_err()).into()
}

/// Hears nothing.
struct Deaf;

impl LogObserver for Deaf {
    fn log_end_advanced(&self, _end: Offset) {}
    fn durable_end_advanced(&self, _end: Offset) {}
    fn log_start_advanced(&self, _start: Offset) {}
    fn offline(&self, _reason: &str) {}
}

/// A partition whose high watermark moves only by hand.
fn held_back(data: &DataDirectory, high_watermark: i64) -> Partition {
    let log = data.open_log(&TopicPartition::new("held", 0), TOPIC, LogConfig::default(), Arc::new(Deaf)).unwrap();
    let high_watermark = Arc::new(HighWatermark::new(Offset(high_watermark), Follows::DurableEnd));
    let topic_config = ArcSwap::from_pointee(topic_config());
    Partition { topic_id: TOPIC, log, high_watermark, leader_epoch: LeaderEpoch(0), topic_config }
}

#[tokio::test]
async fn a_read_ends_at_the_high_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(&dir);
    let partition = held_back(&data, 0);
    append(&partition, &[NOW, NOW]).await;
    append(&partition, &[NOW]).await;
    assert!(base_offsets(&partition, 0).await.is_empty(), "nothing is visible yet");
    assert!(base_offsets(&partition, 3).await.is_empty(), "the log end is in range before it is visible");
    partition.high_watermark.advance(Offset(2));
    assert_eq!(base_offsets(&partition, 1).await, [0], "the batch that holds the offset");
    assert!(base_offsets(&partition, 2).await.is_empty());
    partition.high_watermark.advance(Offset(3));
    assert_eq!(base_offsets(&partition, 0).await, [0, 2]);
    let fetched = partition.read(Offset(3), 1, true).await.unwrap();
    assert_eq!(
        (fetched.high_watermark, fetched.last_stable_offset, fetched.log_start),
        (Offset(3), Offset(3), Offset(0))
    );
    for outside in [4, 99, -1] {
        assert_eq!(read_error(&partition, outside).await, ErrorCode::OFFSET_OUT_OF_RANGE);
    }
}

#[tokio::test]
async fn a_log_that_went_offline_shows_what_was_visible_and_says_so_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(&dir);
    let partition = held_back(&data, 0);
    append(&partition, &[NOW]).await;
    append(&partition, &[NOW]).await;
    partition.high_watermark.advance(Offset(1));
    let observer = Observer { high_watermark: partition.high_watermark.clone(), log_starts: Arc::default() };
    observer.offline("a flush failed");
    observer.durable_end_advanced(Offset(2));
    assert_eq!(base_offsets(&partition, 0).await, [0]);
    assert_eq!(read_error(&partition, 1).await, ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(partition.high_watermark.reached(Offset(2)).await, Err(Closed::Offline));
}

#[tokio::test]
async fn an_append_becomes_visible_when_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let partitions = Partitions::new(open(&dir));
    assert!(partitions.ensure(&[orders(1, LogConfig::default())]).is_empty());
    let partition = partitions.get(&TOPIC, 0).unwrap();
    let appended = append(&partition, &[NOW, NOW]).await;
    assert_eq!(appended.durable_at, Offset(2));
    partition.high_watermark.reached(appended.durable_at).await.unwrap();
    assert_eq!(partition.log.durable_end(), Offset(2));
    assert_eq!(base_offsets(&partition, 0).await, [0]);
}

#[tokio::test]
async fn with_durability_os_an_append_is_visible_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let partitions = Partitions::new(open(&dir));
    partitions.ensure(&[orders(1, os())]);
    let partition = partitions.get(&TOPIC, 0).unwrap();
    append(&partition, &[NOW]).await;
    assert_eq!(partition.high_watermark.get(), Offset(1));
    let topic = Arc::new(TopicConfig { flush_messages: Some(1), ..topic_config() });
    partitions.set_config(&TOPIC, &PartitionConfig { topic, ..settings(LogConfig::default()) });
    assert_eq!(partition.topic_config().flush_messages, Some(1));
    let appended = append(&partition, &[NOW]).await;
    partition.high_watermark.reached(appended.durable_at).await.unwrap();
    assert_eq!(partition.log.durable_end(), Offset(2));
}

#[tokio::test]
async fn loosening_durability_shows_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(&dir);
    let partition = held_back(&data, 0);
    append(&partition, &[NOW]).await;
    partition.set_config(settings(os()));
    assert_eq!(partition.high_watermark.get(), Offset(1));
}

#[tokio::test]
async fn a_long_poll_wakes_for_any_of_its_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let partitions = Partitions::new(open(&dir));
    partitions.ensure(&[orders(3, LogConfig::default())]);
    let (followed, news): (Vec<_>, Arc<News>) =
        ((0..3).map(|n| partitions.get(&TOPIC, n).unwrap()).collect(), Arc::default());
    let watches = followed.iter().enumerate().map(|(n, p)| news.watch(p.high_watermark(), Offset(1), n));
    let _watches: Vec<_> = watches.collect();
    let waiting = Arc::clone(&news);
    let long_poll = tokio::spawn(async move { waiting.arrived().await });
    append(&followed[1], &[NOW]).await;
    long_poll.await.unwrap();
    assert_eq!(news.take(), [1]);
}

/// Apache Kafka 4.4 answers the same at epoch 2 after two restarts, for a partition with 15 records of epoch 0 and for an empty one.
#[tokio::test]
async fn epochs_end_where_the_next_one_begins_even_before_its_first_append() {
    let dir = tempfile::tempdir().unwrap();
    {
        let partitions = Partitions::new(open(&dir));
        partitions.ensure(&[orders(2, LogConfig::default())]);
        let partition = partitions.get(&TOPIC, 0).unwrap();
        let appended = append(&partition, &[NOW; 15]).await;
        partition.high_watermark.reached(appended.durable_at).await.unwrap();
    }
    drop(open(&dir));
    let partitions = Partitions::new(open(&dir));
    partitions.ensure(&[orders(2, LogConfig::default())]);
    let [written, empty] = [0, 1].map(|n| partitions.get(&TOPIC, n).unwrap());
    let ends = |partition: &Partition| {
        (-1..=3).map(|e| partition.end_offset_for_epoch(LeaderEpoch(e)).map(|(e, o)| (e.0, o.0))).collect::<Vec<_>>()
    };
    assert_eq!(ends(&written), [None, Some((0, 15)), Some((0, 15)), Some((2, 15)), None]);
    assert_eq!(ends(&empty), [None, Some((0, 0)), Some((1, 0)), Some((2, 0)), None]);
    let divergence = |from, last| written.divergence(Offset(from), last).map_err(|e| ErrorCode::from(&e));
    let diverging = Some(Divergence { epoch: LeaderEpoch(0), end: Offset(15) });
    assert_eq!(divergence(5, -1), Ok(None));
    assert_eq!(divergence(15, 0), Ok(None));
    assert_eq!(divergence(15, 1), Ok(diverging));
    assert_eq!(divergence(15, 2), Ok(None));
    assert_eq!(divergence(16, 0), Ok(diverging));
    assert_eq!(divergence(15, 3), Err(ErrorCode::OFFSET_OUT_OF_RANGE));

    let latest = written.list_offset(OffsetSpec::Latest).await.unwrap();
    assert_eq!(latest, Some(ListedOffset { timestamp: None, offset: Offset(15), leader_epoch: LeaderEpoch(2) }));
    let earliest = written.list_offset(OffsetSpec::Earliest).await.unwrap();
    assert_eq!(earliest, Some(ListedOffset { timestamp: None, offset: Offset(0), leader_epoch: LeaderEpoch(0) }));
    let earliest = empty.list_offset(OffsetSpec::Earliest).await.unwrap();
    assert_eq!(earliest, Some(ListedOffset { timestamp: None, offset: Offset(0), leader_epoch: LeaderEpoch(2) }));

    let code = |epoch| written.check_leader_epoch(epoch).map_err(|e| ErrorCode::from(&e));
    assert_eq!((code(-1), code(2)), (Ok(()), Ok(())));
    assert_eq!((code(1), code(-2)), (Err(ErrorCode::FENCED_LEADER_EPOCH), Err(ErrorCode::FENCED_LEADER_EPOCH)));
    assert_eq!(code(3), Err(ErrorCode::UNKNOWN_LEADER_EPOCH));

    append(&written, &[NOW]).await;
    assert_eq!(ends(&written), [None, Some((0, 15)), Some((0, 15)), Some((2, 16)), None]);
}

#[tokio::test]
async fn look_ups_by_time_end_at_the_high_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(&dir);
    let partition = held_back(&data, 0);
    append(&partition, &[NOW, NOW + 1]).await;
    append(&partition, &[NOW + 500, NOW + 501]).await;
    append(&partition, &[NOW + 200]).await;
    let find = async |spec| {
        partition.list_offset(spec).await.unwrap().map(|found| (found.timestamp.map(|t| t - NOW), found.offset.0))
    };
    assert_eq!(find(OffsetSpec::MaxTimestamp).await, None);
    assert_eq!(find(OffsetSpec::AtOrAfter(0)).await, None);
    assert_eq!(find(OffsetSpec::Latest).await, Some((None, 0)));
    partition.high_watermark.advance(Offset(2));
    assert_eq!(find(OffsetSpec::MaxTimestamp).await, Some((Some(1), 1)));
    assert_eq!(find(OffsetSpec::AtOrAfter(NOW + 2)).await, None);
    partition.high_watermark.advance(Offset(5));
    assert_eq!(find(OffsetSpec::MaxTimestamp).await, Some((Some(501), 3)));
    assert_eq!(find(OffsetSpec::AtOrAfter(0)).await, Some((Some(0), 0)));
    assert_eq!(find(OffsetSpec::AtOrAfter(NOW + 1)).await, Some((Some(1), 1)), "by record, inside a batch");
    assert_eq!(find(OffsetSpec::AtOrAfter(NOW + 2)).await, Some((Some(500), 2)), "the first in the order of offsets");
    assert_eq!(find(OffsetSpec::AtOrAfter(NOW + 502)).await, None);
    assert_eq!(find(OffsetSpec::LatestTiered).await, None);
    assert_eq!(find(OffsetSpec::EarliestPendingUpload).await, None);
}

#[tokio::test]
async fn a_topic_gets_more_partitions_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let partitions = Partitions::new(open(&dir));
    partitions.ensure(&[orders(1, LogConfig::default())]);
    let first = partitions.get(&TOPIC, 0).unwrap();
    assert!(partitions.get(&TOPIC, 1).is_none());
    assert!(partitions.ensure(&[orders(3, LogConfig::default())]).is_empty());
    assert!(Arc::ptr_eq(&first, &partitions.get(&TOPIC, 0).unwrap()), "an open log stays");
    assert_eq!(partitions.get(&TOPIC, 2).unwrap().topic_partition(), &TopicPartition::new("orders", 2));
    assert!(partitions.get(&TOPIC, 3).is_none() && partitions.get(&TOPIC, -1).is_none());
    assert!(partitions.get(&Uuid::from_u128(8), 0).is_none());

    let waiter = {
        let first = first.clone();
        tokio::spawn(async move { first.high_watermark.reached(Offset(1)).await })
    };
    partitions.delete(&TOPIC).unwrap();
    assert_eq!(waiter.await.unwrap(), Err(Closed::Deleted));
    assert!(partitions.get(&TOPIC, 0).is_none());
    assert!(!dir.path().join("orders-0").exists() && !dir.path().join("orders-2").exists());
    assert_eq!(read_error(&first, 0).await, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let refused = first.append(&batch(&[NOW]), NOW, Origin::Client).await.unwrap_err();
    assert_eq!(ErrorCode::from(&refused), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    partitions.delete(&TOPIC).unwrap();
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_leaves_the_others_available() {
    let dir = tempfile::tempdir().unwrap();
    let partitions = Partitions::new(open(&dir));
    std::fs::create_dir(dir.path().join("orders-1")).unwrap();
    std::fs::write(dir.path().join("orders-1/partition.metadata"), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ")
        .unwrap();
    let failures = partitions.ensure(&[orders(3, LogConfig::default())]);
    assert_eq!(failures.iter().map(|f| f.partition.to_string()).collect::<Vec<_>>(), ["orders-1"]);
    assert!(
        partitions.get(&TOPIC, 0).is_some()
            && partitions.get(&TOPIC, 1).is_none()
            && partitions.get(&TOPIC, 2).is_some()
    );
    std::fs::remove_dir_all(dir.path().join("orders-1")).unwrap();
    assert!(partitions.ensure(&[orders(3, LogConfig::default())]).is_empty());
    assert!(partitions.get(&TOPIC, 1).is_some());
}
