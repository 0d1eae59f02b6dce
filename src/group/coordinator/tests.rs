use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex as StdMutex;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::*;
use crate::group::{
    BoxFuture, GroupState, KeyValue, LeavingMember, MemberAssignment, Millis, OffsetToCommit, OffsetsLog,
    OffsetsLogError, Protocol,
};

/// A topic in memory. What is appended is durable when the test says so.
struct MemoryTopic {
    partitions: u32,
    logs: StdMutex<HashMap<u32, Arc<MemoryLog>>>,
    flushes_at_once: bool,
}

struct MemoryLog {
    records: StdMutex<Vec<KeyValue>>,
    batch_sizes: StdMutex<Vec<usize>>,
    durable: watch::Sender<i64>,
    flushes_at_once: bool,
    failure: StdMutex<Option<OffsetsLogError>>,
    /// Appends wait while this is true.
    stalls: watch::Sender<bool>,
}

impl MemoryTopic {
    fn new(flushes_at_once: bool) -> Arc<Self> {
        Arc::new(Self { partitions: 4, logs: StdMutex::default(), flushes_at_once })
    }

    fn log(&self, partition: u32) -> Arc<MemoryLog> {
        let mut logs = self.logs.lock().unwrap();
        Arc::clone(logs.entry(partition).or_insert_with(|| {
            Arc::new(MemoryLog {
                records: StdMutex::default(),
                batch_sizes: StdMutex::default(),
                durable: watch::Sender::new(0),
                flushes_at_once: self.flushes_at_once,
                failure: StdMutex::default(),
                stalls: watch::Sender::new(false),
            })
        }))
    }
}

impl OffsetsTopic for MemoryTopic {
    fn partition_count(&self) -> u32 {
        self.partitions
    }

    fn exists(&self) -> bool {
        !self.logs.lock().unwrap().is_empty()
    }

    fn open(&self, partition: u32) -> BoxFuture<'_, Result<Arc<dyn OffsetsLog>, OffsetsLogError>> {
        let log = self.log(partition);
        Box::pin(async move { Ok(log as Arc<dyn OffsetsLog>) })
    }
}

impl MemoryLog {
    fn flush(&self) {
        let end = self.records.lock().unwrap().len() as i64;
        self.durable.send_replace(end);
    }

    fn len(&self) -> usize {
        self.records.lock().unwrap().len()
    }

    fn fail(&self, failure: Option<OffsetsLogError>) {
        *self.failure.lock().unwrap() = failure;
    }
}

impl OffsetsLog for MemoryLog {
    fn append(&self, records: Vec<KeyValue>, _: i64) -> BoxFuture<'_, Result<i64, OffsetsLogError>> {
        Box::pin(async move {
            self.stalls.subscribe().wait_for(|stalls| !stalls).await.unwrap();
            if let Some(failure) = self.failure.lock().unwrap().clone() {
                return Err(failure);
            }
            self.batch_sizes.lock().unwrap().push(records.iter().map(KeyValue::size).sum());
            self.records.lock().unwrap().extend(records);
            if self.flushes_at_once {
                self.flush();
            }
            Ok(self.len() as i64)
        })
    }

    fn durable(&self, until: i64) -> BoxFuture<'_, Result<(), OffsetsLogError>> {
        Box::pin(async move {
            self.durable.subscribe().wait_for(|durable| *durable >= until).await.unwrap();
            Ok(())
        })
    }

    fn replay<'a>(&'a self, apply: &'a mut (dyn FnMut(KeyValue) + Send)) -> BoxFuture<'a, Result<(), OffsetsLogError>> {
        Box::pin(async move {
            let records = self.records.lock().unwrap().clone();
            records.into_iter().for_each(apply);
            Ok(())
        })
    }
}

async fn start(topic: &Arc<MemoryTopic>) -> Arc<GroupCoordinator> {
    let began = Instant::now();
    let time: TellTime = Arc::new(move || {
        let ms = began.elapsed().as_millis() as i64;
        Now { monotonic: Millis(ms), wall_ms: 1_700_000_000_000 + ms }
    });
    let config = GroupConfig { initial_rebalance_delay_ms: 100, ..GroupConfig::default() };
    GroupCoordinator::start(config, Arc::clone(topic) as Arc<dyn OffsetsTopic>, time).await
}

fn joining(group: &str, member_id: &str) -> JoinRequest {
    JoinRequest {
        group: group.into(),
        member_id: member_id.into(),
        instance_id: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::from_static(b"m") }],
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        require_known_member_id: false,
        supports_skipping_assignment: true,
        fresh_id: Uuid::from_u128(7),
    }
}

fn syncing(group: &str, member_id: &ByteString, generation: i32) -> SyncRequest {
    SyncRequest {
        group: group.into(),
        generation,
        member_id: member_id.clone(),
        instance_id: None,
        protocol_type: None,
        protocol: None,
        must_name_protocol: false,
        assignments: vec![MemberAssignment { member_id: member_id.clone(), assignment: Bytes::from_static(b"a") }],
    }
}

fn beating(group: &str, member_id: &ByteString, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest { group: group.into(), generation, member_id: member_id.clone(), instance_id: None }
}

fn committing(group: &str, offset: i64) -> CommitRequest {
    CommitRequest {
        group: group.into(),
        generation: -1,
        member_id: ByteString::new(),
        instance_id: None,
        retention_ms: -1,
        knows_group_id_not_found: true,
        offsets: vec![OffsetToCommit {
            topic: "t".into(),
            topic_id: Uuid::nil(),
            partition: 0,
            offset,
            leader_epoch: -1,
            metadata: ByteString::new(),
        }],
    }
}

async fn stable_member(coordinator: &GroupCoordinator, group: &str) -> ByteString {
    let joined = coordinator.join(joining(group, "")).await;
    assert_eq!((joined.error, joined.generation), (ErrorCode::NONE, 1));
    let synced = coordinator.sync(syncing(group, &joined.member_id, 1)).await;
    assert_eq!((synced.error, synced.assignment), (ErrorCode::NONE, Bytes::from_static(b"a")));
    joined.member_id
}

async fn committed(coordinator: &GroupCoordinator, group: &str) -> Option<i64> {
    let topics = coordinator.fetch_offsets(&group.into(), None).await.kept().await.unwrap();
    topics.first().and_then(|topic| topic.partitions[0].1.as_ref().map(|offset| offset.offset))
}

/// Polls a future that must not be ready.
async fn assert_waits<F: Future>(future: &mut std::pin::Pin<Box<F>>) {
    let ready = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
    assert!(!ready, "it did not wait");
}

#[tokio::test(start_paused = true)]
async fn a_restart_causes_no_rebalance() {
    let topic = MemoryTopic::new(true);
    let before = start(&topic).await;
    let member = stable_member(&before, "g").await;
    before.close().await;

    let after = start(&topic).await;
    assert_eq!(after.heartbeat(&beating("g", &member, 1)).await, ErrorCode::NONE);
    let synced = after.sync(syncing("g", &member, 1)).await;
    assert_eq!(synced.assignment, Bytes::from_static(b"a"));
    assert_eq!(after.describe(&"g".into()).await.kept().await.unwrap().state, GroupState::Stable);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_silent_member_has_one_more_session_timeout() {
    let topic = MemoryTopic::new(true);
    stable_member(&*start(&topic).await, "g").await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    let after = start(&topic).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(after.describe(&"g".into()).await.kept().await.unwrap().state, GroupState::Stable);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(after.describe(&"g".into()).await.kept().await.unwrap().state, GroupState::Empty);
}

#[tokio::test(start_paused = true)]
async fn commits_are_applied_at_once_and_answered_when_durable() {
    let topic = MemoryTopic::new(false);
    let coordinator = start(&topic).await;
    let first = coordinator.commit(&committing("g", 1)).await;
    let second = coordinator.commit(&committing("g", 2)).await;
    let log = topic.log(coordinator.partition_of("g"));
    assert_eq!(log.len(), 2);

    let mut first = Box::pin(first.kept());
    assert_waits(&mut first).await;
    let group = ByteString::from("g");
    let mut fetched = Box::pin(coordinator.fetch_offsets(&group, None).await.kept());
    assert_waits(&mut fetched).await;
    log.flush();
    assert_eq!(first.await.unwrap()[0].error, ErrorCode::NONE);
    assert_eq!(second.kept().await.unwrap()[0].error, ErrorCode::NONE);
    assert_eq!(fetched.await.unwrap()[0].partitions[0].1.as_ref().unwrap().offset, 2);
}

#[tokio::test(start_paused = true)]
async fn an_assignment_is_told_when_it_is_durable() {
    let topic = MemoryTopic::new(false);
    let coordinator = start(&topic).await;
    let joined = coordinator.join(joining("g", "")).await;
    let mut sync = Box::pin(coordinator.sync(syncing("g", &joined.member_id, 1)));
    assert_waits(&mut sync).await;
    let log = topic.log(coordinator.partition_of("g"));
    while log.len() == 0 {
        tokio::task::yield_now().await;
        assert_waits(&mut sync).await;
    }
    assert_waits(&mut sync).await;
    log.flush();
    assert_eq!(sync.await.error, ErrorCode::NONE);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_appended_did_not_happen() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let member = stable_member(&coordinator, "g").await;
    let left = coordinator.commit(&committing("other", 1)).await.kept().await.unwrap();
    assert_eq!(left[0].error, ErrorCode::NONE);

    let log = topic.log(coordinator.partition_of("g"));
    log.fail(Some(OffsetsLogError::NoSpace("test".into())));
    let leaving = LeavingMember { member_id: member.clone(), instance_id: None };
    let leave = LeaveRequest { group: "g".into(), members: vec![leaving] };
    let refused = coordinator.leave(&leave).await.kept().await;
    assert_eq!(refused, Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
    assert_eq!(coordinator.heartbeat(&beating("g", &member, 1)).await, ErrorCode::COORDINATOR_NOT_AVAILABLE);

    log.fail(None);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(coordinator.heartbeat(&beating("g", &member, 1)).await, ErrorCode::NONE);
    assert_eq!(committed(&coordinator, "other").await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_failed_for_good_is_not_asked_again() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let log = topic.log(coordinator.partition_of("g"));
    log.fail(Some(OffsetsLogError::Offline("test".into())));
    assert_eq!(coordinator.commit(&committing("g", 1)).await.kept().await, Err(ErrorCode::NOT_COORDINATOR));
    log.fail(None);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(coordinator.commit(&committing("g", 1)).await.kept().await, Err(ErrorCode::NOT_COORDINATOR));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_during_an_append_leaves_nothing_half_done() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let log = topic.log(coordinator.partition_of("g"));
    log.stalls.send_replace(true);
    let request = committing("g", 5);
    let mut commit = Box::pin(coordinator.commit(&request));
    assert_waits(&mut commit).await;
    drop(commit);
    log.stalls.send_replace(false);
    assert_eq!(committed(&coordinator, "g").await, Some(5));
    assert_eq!(committed(&*start(&topic).await, "g").await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_before_there_is_something_to_write() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    assert_eq!(committed(&coordinator, "g").await, None);
    assert_eq!(coordinator.list(&ListFilter::default()).await.unwrap(), []);
    assert_eq!(coordinator.describe(&"g".into()).await.kept().await.unwrap().state, GroupState::Dead);
    assert!(!topic.exists());
    coordinator.commit(&committing("g", 1)).await.kept().await.unwrap();
    assert!(topic.exists());
}

#[tokio::test(start_paused = true)]
async fn groups_of_all_partitions_are_listed_and_lose_the_offsets_of_a_deleted_topic() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let groups = ["a", "b", "c", "d", "e"];
    for group in groups {
        coordinator.commit(&committing(group, 1)).await.kept().await.unwrap();
    }
    let mut listed: Vec<String> =
        coordinator.list(&ListFilter::default()).await.unwrap().iter().map(|g| g.group.to_string()).collect();
    listed.sort();
    assert_eq!(listed, groups);
    coordinator.topic_deleted(&"t".into(), Uuid::from_u128(1)).await.unwrap();
    let after = start(&topic).await;
    for group in groups {
        assert_eq!(committed(&coordinator, group).await, None);
        assert_eq!(committed(&after, group).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_of_many_groups_wait_for_flushes_together() {
    let topic = MemoryTopic::new(false);
    let coordinator = start(&topic).await;
    let groups: Vec<ByteString> = ["a", "b", "c", "d", "e"].map(Into::into).to_vec();
    let mut promises = Vec::new();
    for group in &groups {
        drop(coordinator.commit(&committing(group, 1)).await);
        drop(coordinator.describe(group).await);
        promises.push(coordinator.delete_group(group).await);
    }
    // All are applied, and none is durable.
    let filter = ListFilter::default();
    let mut list = Box::pin(coordinator.list(&filter));
    assert_waits(&mut list).await;
    for group in &groups {
        topic.log(coordinator.partition_of(group)).flush();
    }
    assert_eq!(list.await.unwrap(), []);
    for promise in promises {
        promise.kept().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn offsets_of_topics_that_were_deleted_unseen_go_at_start() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let of = |group, topic_id| {
        let mut request = committing(group, 1);
        request.offsets[0].topic_id = topic_id;
        request
    };
    let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
    for (group, id) in [("old", old), ("new", new), ("unknown id", Uuid::nil())] {
        coordinator.commit(&of(group, id)).await.kept().await.unwrap();
    }
    let remaining = async |exists: &dyn Fn(&str) -> Option<Uuid>| {
        let after = start(&topic).await;
        after.forget_deleted_topics(exists).await.unwrap();
        let after = start(&topic).await;
        let mut groups = Vec::new();
        for group in ["old", "new", "unknown id"] {
            groups.extend(committed(&after, group).await.map(|_| group));
        }
        groups
    };
    assert_eq!(remaining(&|name| (name == "t").then_some(new)).await, ["new", "unknown id"]);
    assert_eq!(remaining(&|_| None).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn closing_refuses_who_waits() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let mut join = Box::pin(coordinator.join(joining("g", "")));
    assert_waits(&mut join).await;
    coordinator.close().await;
    assert_eq!(join.await.error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert_eq!(coordinator.join(joining("g", "")).await.error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_large_request_becomes_several_batches() {
    let topic = MemoryTopic::new(true);
    let coordinator = start(&topic).await;
    let mut request = committing("g", 1);
    let template = request.offsets.remove(0);
    request.offsets = (0..20_000).map(|partition| OffsetToCommit { partition, ..template.clone() }).collect();
    let committed = coordinator.commit(&request).await.kept().await.unwrap();
    assert!(committed.iter().all(|c| c.error == ErrorCode::NONE));
    let log = topic.log(coordinator.partition_of("g"));
    assert_eq!(log.len(), 20_000);
    let sizes = log.batch_sizes.lock().unwrap().clone();
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size < coordinator.config().max_record_bytes), "{sizes:?}");
}

#[tokio::test]
async fn groups_live_where_kafka_would_put_them() {
    let topic = Arc::new(MemoryTopic { partitions: 50, logs: StdMutex::default(), flushes_at_once: true });
    let coordinator = start(&topic).await;
    // "polygenelubricants" has the hash -2147483648, which has no absolute value.
    let kafka = [("", 0), ("orders", 31), ("polygenelubricants", 0), ("나루-그룹", 48), ("consumer-group-17", 29)];
    for (group, partition) in kafka {
        assert_eq!(coordinator.partition_of(group), partition, "{group}");
    }
}
