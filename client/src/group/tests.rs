//! A member beside a coordinator that says what it is told to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use naru_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use naru_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use naru_protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use naru_protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use naru_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use naru_protocol::{ApiKey, ErrorCode, RequestHeader};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::*;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::fake_broker::{FakeBroker, Reply, body};
use crate::record::TopicPartition;

/// What the coordinator saw, and what it says next: no error where nothing is scripted.
#[derive(Default)]
struct Script {
    /// Port of the broker, for its Metadata.
    port: i32,
    partitions: i32,
    generation: i32,
    says: HashMap<ApiKey, VecDeque<ErrorCode>>,
    /// Whether a static leader is told to leave everything as it is.
    skip_assignment: bool,
    /// What the member gets; what it chose as leader if there is nothing.
    assigns: VecDeque<Bytes>,
    /// Members by their subscriptions, beside the one that is tested.
    others: Vec<JoinGroupResponseMember>,
    /// The ids under which the member joined.
    joins: Vec<ByteString>,
    syncs: Vec<SyncGroupRequest>,
    /// The generations of the heartbeats.
    heartbeats: Vec<i32>,
    commits: Vec<OffsetCommitRequest>,
    leaves: Vec<LeaveGroupRequest>,
}

impl Script {
    fn says(&mut self, api: ApiKey, codes: &[ErrorCode]) {
        self.says.entry(api).or_default().extend(codes);
    }

    fn code(&mut self, api: ApiKey) -> ErrorCode {
        self.says.get_mut(&api).and_then(VecDeque::pop_front).unwrap_or(ErrorCode::NONE)
    }

    fn reply(&mut self, header: &RequestHeader, bytes: Bytes) -> Reply {
        let api = header.api().unwrap();
        match api {
            ApiKey::Metadata => self.metadata(header, &body(header, bytes)),
            ApiKey::FindCoordinator => {
                let request: FindCoordinatorRequest = body(header, bytes);
                let found = request.coordinator_keys.into_iter().map(|key| Coordinator {
                    key,
                    node_id: 1,
                    error_code: self.code(api),
                    ..Default::default()
                });
                let coordinators = found.collect();
                Reply::answer(header, &FindCoordinatorResponse { coordinators, ..Default::default() })
            }
            ApiKey::JoinGroup => self.join(header, body(header, bytes)),
            ApiKey::SyncGroup => {
                let request: SyncGroupRequest = body(header, bytes);
                let chosen = request.assignments.iter().find(|chosen| chosen.member_id == request.member_id);
                let chosen = chosen.map(|chosen| chosen.assignment.clone()).unwrap_or_default();
                let answer = SyncGroupResponse {
                    error_code: self.code(api),
                    assignment: self.assigns.pop_front().unwrap_or(chosen),
                    ..Default::default()
                };
                self.syncs.push(request);
                Reply::answer(header, &answer)
            }
            ApiKey::Heartbeat => {
                self.heartbeats.push(body::<HeartbeatRequest>(header, bytes).generation_id);
                Reply::answer(header, &HeartbeatResponse { error_code: self.code(api), ..Default::default() })
            }
            ApiKey::LeaveGroup => {
                self.leaves.push(body(header, bytes));
                Reply::answer(header, &LeaveGroupResponse::default())
            }
            ApiKey::OffsetCommit => self.commit(header, body(header, bytes)),
            other => panic!("{other:?}"),
        }
    }

    fn metadata(&self, header: &RequestHeader, request: &MetadataRequest) -> Reply {
        let partition =
            |index| MetadataResponsePartition { partition_index: index, leader_id: 1, ..Default::default() };
        let topics = request.topics.iter().flatten().map(|asked| MetadataResponseTopic {
            name: asked.name.clone(),
            partitions: (0..self.partitions).map(partition).collect(),
            ..Default::default()
        });
        let broker =
            MetadataResponseBroker { node_id: 1, host: "127.0.0.1".into(), port: self.port, ..Default::default() };
        let answer = MetadataResponse { topics: topics.collect(), brokers: vec![broker], ..Default::default() };
        Reply::answer(header, &answer)
    }

    fn join(&mut self, header: &RequestHeader, request: JoinGroupRequest) -> Reply {
        self.joins.push(request.member_id.clone());
        let error_code = match self.code(ApiKey::JoinGroup) {
            ErrorCode::NONE if request.member_id.is_empty() && request.group_instance_id.is_none() => {
                ErrorCode::MEMBER_ID_REQUIRED
            }
            code => code,
        };
        let member_id = match &*request.member_id {
            "" => format!("m{}", self.joins.len()).into(),
            _ => request.member_id,
        };
        if error_code.is_error() {
            return Reply::answer(header, &JoinGroupResponse { error_code, member_id, ..Default::default() });
        }
        self.generation += 1;
        let itself = JoinGroupResponseMember {
            member_id: member_id.clone(),
            group_instance_id: request.group_instance_id,
            metadata: request.protocols[0].metadata.clone(),
        };
        let answer = JoinGroupResponse {
            generation_id: self.generation,
            protocol_name: Some(request.protocols[0].name.clone()),
            leader: member_id.clone(),
            member_id,
            skip_assignment: self.skip_assignment,
            members: self.others.iter().cloned().chain([itself]).collect(),
            ..Default::default()
        };
        Reply::answer(header, &answer)
    }

    fn commit(&mut self, header: &RequestHeader, request: OffsetCommitRequest) -> Reply {
        let error_code = self.code(ApiKey::OffsetCommit);
        let topics = request.topics.iter().map(|topic| OffsetCommitResponseTopic {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|at| OffsetCommitResponsePartition { partition_index: at.partition_index, error_code })
                .collect(),
            ..Default::default()
        });
        let answer = OffsetCommitResponse { topics: topics.collect(), ..Default::default() };
        self.commits.push(request);
        Reply::answer(header, &answer)
    }
}

/// What a consumer would have been told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Revoked(Vec<i32>),
    Lost(Vec<i32>),
    Assigned(Vec<i32>),
    Failed(ErrorKind),
}

struct Told {
    events: Mutex<Vec<Event>>,
    /// A revocation takes one of these, and waits for it if there is none.
    may_revoke: Semaphore,
    panics: bool,
}

impl Told {
    fn tell(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

fn numbers(partitions: Vec<TopicPartition>) -> Vec<i32> {
    partitions.into_iter().map(|partition| partition.partition).collect()
}

impl RebalanceEvents for Told {
    fn revoked(&self, partitions: Vec<TopicPartition>) -> Work<'_> {
        Box::pin(async move {
            assert!(!self.panics, "a hook that panics");
            self.may_revoke.acquire().await.unwrap().forget();
            self.tell(Event::Revoked(numbers(partitions)));
        })
    }

    fn lost(&self, partitions: Vec<TopicPartition>) -> Work<'_> {
        Box::pin(async move { self.tell(Event::Lost(numbers(partitions))) })
    }

    fn assigned(&self, partitions: Vec<TopicPartition>) -> Work<'_> {
        Box::pin(async move { self.tell(Event::Assigned(numbers(partitions))) })
    }

    fn failed(&self, error: Error) {
        self.tell(Event::Failed(error.kind()));
    }
}

struct Group {
    script: Arc<Mutex<Script>>,
    told: Arc<Told>,
    topics: watch::Sender<Vec<ByteString>>,
    client: Client,
    _broker: FakeBroker,
}

impl Group {
    async fn start() -> Self {
        Self::with(|told| told).await
    }

    async fn with(change: impl FnOnce(Told) -> Told) -> Self {
        let script = Arc::new(Mutex::new(Script { partitions: 2, ..Default::default() }));
        let says = Arc::clone(&script);
        let broker = FakeBroker::start(move |header, bytes| says.lock().unwrap().reply(&header, bytes)).await;
        script.lock().unwrap().port = broker.address.rsplit(':').next().unwrap().parse().unwrap();
        let told = Told { events: Mutex::default(), may_revoke: Semaphore::new(Semaphore::MAX_PERMITS), panics: false };
        Self {
            script,
            told: Arc::new(change(told)),
            topics: watch::Sender::new(vec!["t".into()]),
            client: Client::builder().bootstrap(&broker.address).set("retry.backoff.ms", "5").build().unwrap(),
            _broker: broker,
        }
    }

    fn join(&self) -> Membership {
        self.join_as(config())
    }

    fn join_as(&self, config: GroupConfig) -> Membership {
        let told: Arc<dyn RebalanceEvents> = Arc::clone(&self.told) as _;
        Membership::start(self.client.clone(), config, self.topics.subscribe(), told)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Script) -> bool) {
        let waiting = async {
            while !holds(&self.script()) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("{what} does not happen"));
    }

    /// Waits until the consumer was told exactly this since last asked.
    async fn told(&self, expected: &[Event]) {
        let waiting = async {
            loop {
                let told = self.told.events.lock().unwrap().clone();
                if told.len() >= expected.len() {
                    assert_eq!(told, expected);
                    self.told.events.lock().unwrap().clear();
                    return;
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = timeout(Duration::from_secs(20), waiting).await;
        waited.unwrap_or_else(|_| panic!("not {expected:?}, but {:?}", self.told.events.lock().unwrap()));
    }
}

fn config() -> GroupConfig {
    GroupConfig {
        group_id: "g".into(),
        instance_id: None,
        session_timeout: Duration::from_secs(10),
        heartbeat_interval: Duration::from_millis(10),
        max_poll_interval: Duration::from_mins(1),
        assignors: vec![Assignor::CooperativeSticky],
        rack: None,
    }
}

fn eager() -> GroupConfig {
    GroupConfig { assignors: vec![Assignor::Range], ..config() }
}

fn of_instance(instance: &str) -> GroupConfig {
    GroupConfig { instance_id: Some(ByteString::from(instance)), ..config() }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

/// An assignment as the leader would send it.
fn assignment(partitions: &[i32]) -> Bytes {
    rebalance::assignment(&partitions.iter().copied().map(partition).collect::<Vec<_>>()).unwrap()
}

const LIMIT: Duration = Duration::from_secs(20);
const AT: Committed = Committed { offset: 7, leader_epoch: 3 };

#[tokio::test]
async fn a_member_gets_an_id_and_partitions_and_gives_them_back() {
    let group = Group::start().await;
    let membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    assert_eq!(group.script().joins, ["", "m1"]);
    assert_eq!(membership.identity(), ("m1".into(), 1));
    timeout(LIMIT, membership.leave()).await.unwrap();
    group.told(&[Event::Revoked(vec![0, 1])]).await;
    assert_eq!(group.script().leaves[0].members[0].member_id, "m1");
    assert_eq!(membership.identity().1, -1);
}

#[tokio::test]
async fn a_dropped_member_says_goodbye_without_asking_anybody() {
    let group = Group::start().await;
    let membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    drop(membership);
    group.until("a goodbye", |script| !script.leaves.is_empty()).await;
    group.told(&[]).await;
}

#[tokio::test]
async fn a_static_member_keeps_its_place() {
    let group = Group::start().await;
    let membership = group.join_as(of_instance("i"));
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    timeout(LIMIT, membership.leave()).await.unwrap();
    group.told(&[Event::Revoked(vec![0, 1])]).await;
    assert!(group.script().leaves.is_empty());
}

#[tokio::test]
async fn who_never_joined_leaves_at_once() {
    let group = Group::start().await;
    let membership = Membership::without_joining(group.client.clone(), config());
    timeout(LIMIT, membership.leave()).await.unwrap();
}

#[tokio::test]
async fn heartbeats_and_commits_go_on_while_partitions_are_given_back() {
    let group = Group::with(|told| Told { may_revoke: Semaphore::new(0), ..told }).await;
    let membership = group.join_as(eager());
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::REBALANCE_IN_PROGRESS; 1000]);
    group.until("the notice", |script| !script.heartbeats.is_empty()).await;
    let so_far = group.script().heartbeats.len();
    group.until("more heartbeats", |script| script.heartbeats.len() > so_far + 10).await;
    membership.commit(&[(partition(1), AT)], LIMIT).await.unwrap();
    assert_eq!(group.script().commits[0].generation_id_or_member_epoch, 1);
    assert_eq!(group.script().joins.len(), 2, "joined before the work was done");
    group.script().says.clear();
    group.told.may_revoke.add_permits(1);
    group.told(&[Event::Revoked(vec![0, 1]), Event::Assigned(vec![0, 1])]).await;
    group.until("heartbeats of the next generation", |script| script.heartbeats.ends_with(&[2])).await;
}

#[tokio::test]
async fn work_that_takes_too_long_is_not_waited_for() {
    let group = Group::with(|told| Told { may_revoke: Semaphore::new(0), ..told }).await;
    let config = GroupConfig { max_poll_interval: Duration::from_millis(200), ..eager() };
    let membership = group.join_as(config);
    membership.activity().waits(true);
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::REBALANCE_IN_PROGRESS]);
    group.told(&[Event::Failed(ErrorKind::TimedOut), Event::Assigned(vec![0, 1])]).await;
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_a_revocation_lets_it_end_and_does_it_once() {
    let group = Group::with(|told| Told { may_revoke: Semaphore::new(0), ..told }).await;
    let membership = group.join_as(eager());
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::REBALANCE_IN_PROGRESS]);
    group.until("the notice", |script| script.heartbeats.len() > 2).await;
    {
        let mut leave = std::pin::pin!(membership.leave());
        assert!(timeout(Duration::from_millis(50), &mut leave).await.is_err());
        group.told.may_revoke.add_permits(1);
        timeout(LIMIT, leave).await.unwrap();
    }
    group.told(&[Event::Revoked(vec![0, 1])]).await;
    assert_eq!(group.script().leaves.len(), 1);
}

#[tokio::test]
async fn a_member_that_was_left_behind_comes_back_under_its_id() {
    let group = Group::start().await;
    let _membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::ILLEGAL_GENERATION]);
    group.told(&[Event::Lost(vec![0, 1]), Event::Assigned(vec![0, 1])]).await;
    assert_eq!(group.script().joins, ["", "m1", "m1"]);
}

#[tokio::test]
async fn a_member_that_was_forgotten_begins_anew() {
    let group = Group::start().await;
    let _membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::UNKNOWN_MEMBER_ID]);
    group.told(&[Event::Lost(vec![0, 1]), Event::Assigned(vec![0, 1])]).await;
    assert_eq!(group.script().joins, ["", "m1", "", "m3"]);
}

#[tokio::test]
async fn a_member_whose_place_was_taken_ends() {
    let group = Group::start().await;
    let membership = group.join_as(of_instance("i"));
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::FENCED_INSTANCE_ID]);
    group.told(&[Event::Lost(vec![0, 1]), Event::Failed(ErrorKind::Fenced)]).await;
    timeout(LIMIT, membership.leave()).await.unwrap();
    assert_eq!(group.script().joins.len(), 1);
}

#[tokio::test]
async fn a_coordinator_that_loads_or_moves_costs_nothing() {
    let group = Group::start().await;
    group.script().says(ApiKey::FindCoordinator, &[ErrorCode::COORDINATOR_NOT_AVAILABLE]);
    group.script().says(ApiKey::JoinGroup, &[ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::NOT_COORDINATOR]);
    let membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    let passing =
        [ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::COORDINATOR_NOT_AVAILABLE];
    group.script().says(ApiKey::Heartbeat, &passing);
    group.script().says(ApiKey::OffsetCommit, &passing);
    membership.commit(&[(partition(0), AT)], LIMIT).await.unwrap();
    assert_eq!(group.script().commits.len(), 4);
    group.until("heartbeats", |script| script.heartbeats.len() > 6).await;
    assert_eq!(group.script().generation, 1);
    group.told(&[]).await;
}

#[tokio::test]
async fn a_rebalance_in_the_middle_of_another_joins_again() {
    let group = Group::start().await;
    group.script().says(ApiKey::SyncGroup, &[ErrorCode::REBALANCE_IN_PROGRESS; 2]);
    let _membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    assert_eq!(group.script().generation, 3);
}

#[tokio::test]
async fn what_moves_away_is_given_back_before_the_next_rebalance() {
    let group = Group::start().await;
    let _membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().assigns.extend([assignment(&[1]), assignment(&[1])]);
    group.script().says(ApiKey::Heartbeat, &[ErrorCode::REBALANCE_IN_PROGRESS]);
    group.told(&[Event::Revoked(vec![0]), Event::Assigned(vec![]), Event::Assigned(vec![])]).await;
    assert_eq!(group.script().generation, 3);
}

#[tokio::test]
async fn a_leader_divides_partitions_that_come_to_be() {
    let group = Group::start().await;
    let _membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().partitions = 3;
    group.client.metadata().stale();
    group.told(&[Event::Assigned(vec![2])]).await;
}

#[tokio::test]
async fn a_static_leader_that_comes_back_leaves_all_as_it_is_and_sees_new_partitions() {
    let group = Group::start().await;
    (group.script().skip_assignment, group.script().assigns) = (true, [assignment(&[0])].into());
    let _membership = group.join_as(of_instance("i"));
    group.told(&[Event::Assigned(vec![0])]).await;
    assert!(group.script().syncs[0].assignments.is_empty());
    (group.script().skip_assignment, group.script().partitions) = (false, 3);
    group.client.metadata().stale();
    group.told(&[Event::Assigned(vec![1, 2])]).await;
}

#[tokio::test]
async fn a_member_that_speaks_nonsense_gets_nothing_and_stops_nobody() {
    let group = Group::start().await;
    let metadata = Bytes::from_static(b"\0\x01\xff");
    group.script().others.push(JoinGroupResponseMember { member_id: "a".into(), metadata, ..Default::default() });
    let _membership = group.join();
    group.told(&[Event::Failed(ErrorKind::Protocol), Event::Assigned(vec![0, 1])]).await;
    let others = group.script().syncs[0].assignments.iter().find(|chosen| chosen.member_id == "a").cloned().unwrap();
    assert!(rebalance::assigned(others.assignment).unwrap().is_empty());
}

#[tokio::test]
async fn a_new_topic_makes_the_member_join_again() {
    let group = Group::start().await;
    let _membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.topics.send_replace(vec!["t".into(), "u".into()]);
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.topics.send_replace(Vec::new());
    group.told(&[Event::Revoked(vec![0, 1, 0, 1]), Event::Assigned(vec![])]).await;
}

#[tokio::test]
async fn an_application_that_asks_for_nothing_gives_its_place_to_others() {
    let group = Group::start().await;
    let config = GroupConfig { max_poll_interval: Duration::from_millis(100), ..config() };
    let membership = group.join_as(config);
    group.told(&[Event::Assigned(vec![0, 1]), Event::Failed(ErrorKind::TimedOut), Event::Lost(vec![0, 1])]).await;
    assert_eq!(group.script().leaves.len(), 1);
    membership.activity().called();
    membership.activity().waits(true);
    group.told(&[Event::Assigned(vec![0, 1])]).await;
}

#[tokio::test]
async fn a_hook_that_panics_ends_the_membership_and_says_so() {
    let group = Group::with(|told| Told { panics: true, ..told }).await;
    let membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    timeout(LIMIT, membership.leave()).await.unwrap();
    group.told(&[Event::Failed(ErrorKind::Closed)]).await;
}

#[tokio::test]
async fn a_commit_of_a_generation_that_is_over_is_an_error() {
    let group = Group::start().await;
    let membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    for code in [ErrorCode::ILLEGAL_GENERATION, ErrorCode::UNKNOWN_MEMBER_ID, ErrorCode::REBALANCE_IN_PROGRESS] {
        group.script().says(ApiKey::OffsetCommit, &[code]);
        let error = membership.commit(&[(partition(0), AT)], LIMIT).await.unwrap_err();
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test]
async fn a_commit_that_waited_does_not_undo_what_the_next_owner_commits() {
    let group = Group::start().await;
    let membership = group.join();
    group.told(&[Event::Assigned(vec![0, 1])]).await;
    group.script().says(ApiKey::OffsetCommit, &vec![ErrorCode::COORDINATOR_LOAD_IN_PROGRESS; 10_000]);
    let (of_0, of_1) = ([(partition(0), AT)], [(partition(1), AT)]);
    let (lost, kept) = (membership.commit(&of_0, LIMIT), membership.commit(&of_1, LIMIT));
    let rebalance = async {
        group.until("a try", |script| script.commits.len() > 1).await;
        group.script().assigns.extend([assignment(&[1]), assignment(&[1])]);
        group.script().says(ApiKey::Heartbeat, &[ErrorCode::REBALANCE_IN_PROGRESS]);
        group.told(&[Event::Revoked(vec![0]), Event::Assigned(vec![]), Event::Assigned(vec![])]).await;
        group.script().says.clear();
    };
    let (lost, kept, ()) = tokio::join!(lost, kept, rebalance);
    assert_eq!(lost.unwrap_err().code(), Some(ErrorCode::ILLEGAL_GENERATION));
    kept.unwrap();
    let last = group.script().commits.pop().unwrap();
    assert_eq!((last.generation_id_or_member_epoch, last.topics[0].partitions[0].partition_index), (3, 1));
}

#[tokio::test]
async fn commits_without_a_membership_have_no_generation() {
    let group = Group::start().await;
    let membership = Membership::without_joining(group.client.clone(), of_instance("i"));
    membership.commit(&[(partition(0), AT)], LIMIT).await.unwrap();
    let commit = group.script().commits.remove(0);
    assert_eq!((commit.generation_id_or_member_epoch, &*commit.member_id, commit.group_instance_id), (-1, "", None));
    assert_eq!(commit.topics[0].partitions[0].committed_leader_epoch, 3);
}
