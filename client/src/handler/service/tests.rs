//! The loop with a source that the test feeds, handlers that it holds, and a clock that jumps when all wait.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use naru_protocol::records::TimestampType;
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::*;

const SETTINGS: Settings = Settings {
    concurrency: 4,
    order: Order::Key,
    on_error: OnError::Retry { first: Duration::from_millis(100), most: Duration::from_secs(1) },
    commit_interval: Duration::from_secs(1),
    drain: Duration::from_secs(20),
};

/// What the test and the loop share.
#[derive(Clone)]
struct Bench {
    world: Arc<Mutex<World>>,
    more: Arc<Notify>,
    /// Handlers of these offsets end; the others are held.
    open: watch::Sender<Vec<i64>>,
    changes: mpsc::UnboundedSender<Change>,
}

#[derive(Default)]
struct World {
    records: VecDeque<ConsumerRecord>,
    asked_for: usize,
    /// Partition and offset, in the order in which they were committed.
    commits: Vec<(i32, i64)>,
    commit_error: Option<Error>,
    /// What the next commit is answered, when the test says.
    commit_answer: Option<oneshot::Receiver<Result<(), Error>>>,
    paused: HashSet<TopicPartition>,
    /// Offsets of tries, in their order.
    tried: Vec<i64>,
    failing: HashSet<i64>,
}

impl Source for Bench {
    async fn recv(&mut self, max: usize) -> Result<Vec<ConsumerRecord>, Error> {
        loop {
            let records: Vec<_> = self.with(|world| {
                world.asked_for = max;
                let (mut given, mut kept) = (Vec::new(), VecDeque::new());
                for record in world.records.drain(..) {
                    let held = given.len() == max || world.paused.contains(&record.topic_partition());
                    if held { kept.push_back(record) } else { given.push(record) }
                }
                world.records = kept;
                given
            });
            if !records.is_empty() {
                return Ok(records);
            }
            self.more.notified().await;
        }
    }

    fn commit(&self, offsets: Vec<(TopicPartition, Position)>) -> Task<Result<(), Error>> {
        let bench = self.clone();
        Box::pin(async move {
            if let Some(held) = bench.with(|world| world.commit_answer.take()) {
                held.await.unwrap()?;
            }
            bench.with(|world| {
                if let Some(error) = world.commit_error.clone() {
                    return Err(error);
                }
                world.commits.extend(offsets.into_iter().map(|(partition, at)| (partition.partition, at.offset)));
                Ok(())
            })
        })
    }

    fn pause(&self, partition: &TopicPartition) {
        self.with(|world| world.paused.insert(partition.clone()));
    }

    fn resume(&self, partition: &TopicPartition) {
        self.with(|world| world.paused.remove(partition));
        self.more.notify_one();
    }
}

/// A service that runs until its switch is thrown.
struct Running {
    bench: Bench,
    switch: Arc<Notify>,
    task: JoinHandle<Result<(), Error>>,
}

impl Bench {
    fn start(settings: Settings) -> Running {
        let (changes, receiver) = mpsc::unbounded_channel();
        let bench = Self { world: Arc::default(), more: Arc::default(), open: watch::Sender::default(), changes };
        let (handlers, switch) = (bench.clone(), Arc::new(Notify::new()));
        let handler = move |record: ConsumerRecord| {
            let bench = handlers.clone();
            async move { bench.handle(record.offset).await }
        };
        let service = Service::new(bench.clone(), handler, settings, receiver);
        let thrown = Arc::clone(&switch);
        let task = tokio::spawn(async move { service.run(thrown.notified()).await.1 });
        bench.changes.send(Change::Assigned(vec![partition(0), partition(1)])).unwrap();
        Running { bench, switch, task }
    }

    async fn handle(self, offset: i64) -> Result<(), &'static str> {
        self.with(|world| world.tried.push(offset));
        let _ = self.open.subscribe().wait_for(|open| open.contains(&offset)).await;
        if self.with(|world| world.failing.contains(&offset)) { Err("not now") } else { Ok(()) }
    }

    fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().unwrap())
    }

    fn feed(&self, partition: i32, records: &[(i64, Option<&'static str>)]) {
        self.with(|world| world.records.extend(records.iter().map(|(offset, key)| record(partition, *offset, *key))));
        self.more.notify_one();
    }

    fn let_go(&self, offsets: &[i64]) {
        self.open.send_modify(|open| open.extend(offsets));
    }

    fn hold_next_commit(&self) -> oneshot::Sender<Result<(), Error>> {
        let (answer, held) = oneshot::channel();
        self.with(|world| world.commit_answer = Some(held));
        answer
    }

    fn revoke(&self, number: i32) -> oneshot::Receiver<()> {
        let (reply, done) = oneshot::channel();
        self.changes.send(Change::Revoked(vec![partition(number)], reply)).unwrap();
        done
    }

    fn tried(&self) -> Vec<i64> {
        self.with(|world| world.tried.clone())
    }

    fn commits(&self) -> Vec<(i32, i64)> {
        self.with(|world| world.commits.clone())
    }
}

impl Running {
    async fn stop(self) -> Result<(), Error> {
        self.switch.notify_one();
        self.task.await.unwrap()
    }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("orders", number)
}

fn record(partition: i32, offset: i64, key: Option<&'static str>) -> ConsumerRecord {
    ConsumerRecord {
        topic: "orders".into(),
        partition,
        offset,
        leader_epoch: 0,
        timestamp: -1,
        timestamp_type: TimestampType::CreateTime,
        key: key.map(Bytes::from),
        value: None,
        headers: Vec::new(),
    }
}

/// Everybody does what can be done now.
async fn settled() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_handled_in_order_and_other_keys_beside_it() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    bench.feed(0, &[(0, Some("a")), (1, Some("a")), (2, Some("b")), (3, None), (4, None)]);
    settled().await;
    assert_eq!(bench.tried(), [0, 2, 3, 4]);
    bench.let_go(&[2, 3]);
    settled().await;
    assert_eq!(bench.tried().len(), 4, "1 waits for 0");
    bench.let_go(&[0, 1, 4]);
    settled().await;
    assert_eq!(bench.tried(), [0, 2, 3, 4, 1]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_while_all_workers_are_busy() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    let records: Vec<_> = (0..10).map(|offset| (offset, None)).collect();
    bench.feed(0, &records);
    settled().await;
    assert_eq!((bench.tried().len(), bench.with(|world| world.records.len())), (4, 6));
    bench.let_go(&[1]);
    settled().await;
    assert_eq!((bench.tried().len(), bench.with(|world| (world.records.len(), world.asked_for))), (5, (5, 1)));
    bench.let_go(&(0..10).collect::<Vec<_>>());
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_what_is_done_without_a_gap_is_committed() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    bench.feed(0, &[(0, None), (1, None), (2, None)]);
    bench.let_go(&[0, 2]);
    sleep(SETTINGS.commit_interval * 2).await;
    assert_eq!(bench.commits(), [(0, 1)]);
    bench.let_go(&[1]);
    sleep(SETTINGS.commit_interval * 2).await;
    assert_eq!(bench.commits(), [(0, 1), (0, 3)], "and nothing twice");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_finishes_what_was_started_and_starts_nothing_else() {
    let running = Bench::start(SETTINGS);
    let bench = running.bench.clone();
    bench.feed(0, &[(0, Some("a")), (1, Some("a")), (2, Some("b"))]);
    settled().await;
    running.switch.notify_one();
    settled().await;
    assert!(!running.task.is_finished());
    bench.let_go(&[0, 1, 2]);
    running.task.await.unwrap().unwrap();
    assert_eq!((bench.tried(), bench.commits()), (vec![0, 2], vec![(0, 1)]));
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_no_longer_than_it_may() {
    let running = Bench::start(SETTINGS);
    let bench = running.bench.clone();
    bench.feed(0, &[(0, None), (1, None)]);
    bench.let_go(&[0]);
    settled().await;
    let error = timeout(SETTINGS.drain + Duration::from_secs(1), running.stop()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().starts_with("1 handlers were not finished"), "{error}");
    assert_eq!(bench.commits(), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_given_up_when_what_was_started_is_done_and_committed() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    bench.feed(0, &[(0, Some("a")), (1, Some("a"))]);
    bench.feed(1, &[(10, Some("b"))]);
    settled().await;
    let mut given_up = bench.revoke(0);
    settled().await;
    assert!(given_up.try_recv().is_err());
    bench.let_go(&[0, 1]);
    given_up.await.unwrap();
    assert_eq!((bench.tried(), bench.commits()), (vec![0, 10], vec![(0, 1)]));
    // A record that was on its way is not ours any more; the other partition goes on.
    bench.feed(0, &[(2, None)]);
    bench.feed(1, &[(11, None)]);
    bench.let_go(&[10, 11]);
    settled().await;
    assert_eq!(bench.tried(), [0, 10, 11]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_former_assignment_started_says_nothing_about_the_new_one() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    bench.feed(0, &[(0, None)]);
    settled().await;
    timeout(SETTINGS.drain + Duration::from_secs(1), bench.revoke(0)).await.unwrap().unwrap();
    bench.changes.send(Change::Assigned(vec![partition(0)])).unwrap();
    bench.feed(0, &[(0, None), (1, None)]);
    settled().await;
    bench.with(|world| world.failing.insert(0));
    bench.let_go(&[1]);
    sleep(SETTINGS.commit_interval * 2).await;
    assert_eq!((bench.tried(), bench.commits()), (vec![0, 0, 1], vec![]));
    bench.with(|world| world.failing.clear());
    bench.let_go(&[0]);
    sleep(SETTINGS.commit_interval * 2).await;
    assert_eq!(bench.commits(), [(0, 2)]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failing_record_holds_up_its_key_alone_until_it_succeeds() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    bench.let_go(&[0, 1, 2]);
    bench.with(|world| world.failing.insert(0));
    bench.feed(0, &[(0, Some("a")), (1, Some("a")), (2, Some("b"))]);
    sleep(Duration::from_secs(5)).await;
    let tried = bench.tried();
    assert!(tried.iter().filter(|offset| **offset == 0).count() > 4 && tried.contains(&2) && !tried.contains(&1));
    assert_eq!(bench.commits(), []);
    bench.with(|world| world.failing.clear());
    sleep(Duration::from_secs(3)).await;
    assert_eq!((bench.tried().last(), bench.commits()), (Some(&1), vec![(0, 3)]));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_a_record_that_keeps_failing() {
    let running = Bench::start(SETTINGS);
    let bench = running.bench.clone();
    bench.let_go(&[0, 1]);
    bench.with(|world| world.failing.insert(1));
    bench.feed(0, &[(0, None), (1, None)]);
    settled().await;
    timeout(Duration::from_secs(1), running.stop()).await.unwrap().unwrap();
    assert_eq!(bench.commits(), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_the_service_if_that_is_wanted() {
    let running = Bench::start(Settings { on_error: OnError::Stop, ..SETTINGS });
    let bench = running.bench.clone();
    bench.with(|world| world.failing.insert(1));
    bench.feed(0, &[(0, None), (1, None), (2, None)]);
    settled().await;
    bench.let_go(&[1]);
    settled().await;
    bench.let_go(&[0, 2]);
    let error = running.task.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::Handler, "a handler failed: not now"));
    assert_eq!(bench.commits(), [(0, 1)], "the failed record is handled again after the next start");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_is_made_good_by_the_next() {
    let running = Bench::start(SETTINGS);
    let bench = running.bench.clone();
    let failing = Error::broker_code(ApiKey::OffsetCommit, ErrorCode::REBALANCE_IN_PROGRESS);
    bench.with(|world| world.commit_error = Some(failing.clone()));
    bench.let_go(&[0, 1]);
    bench.feed(0, &[(0, None)]);
    sleep(SETTINGS.commit_interval * 2).await;
    bench.with(|world| world.commit_error = None);
    sleep(SETTINGS.commit_interval * 2).await;
    assert_eq!(bench.commits(), [(0, 1)]);
    // The last one has no next.
    bench.with(|world| world.commit_error = Some(failing));
    bench.feed(0, &[(1, None)]);
    settled().await;
    let error = timeout(Duration::from_secs(1), running.stop()).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_failed_before_a_partition_is_done_is_not_its_last() {
    let running = Bench::start(SETTINGS);
    running.bench.feed(0, &[(0, Some("a")), (1, Some("b"))]);
    settled().await;
    running.bench.let_go(&[0]);
    // It is told when the partition is done; by then the group takes commits again.
    let answer = running.bench.hold_next_commit();
    sleep(SETTINGS.commit_interval * 2).await;
    let revoked = running.bench.revoke(0);
    running.bench.let_go(&[1]);
    settled().await;
    answer.send(Err(Error::broker_code(ApiKey::OffsetCommit, ErrorCode::REBALANCE_IN_PROGRESS))).unwrap();
    timeout(Duration::from_secs(1), revoked).await.unwrap().unwrap();
    assert_eq!(running.bench.commits(), [(0, 2)]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_whose_records_wait_for_one_key_does_not_hold_up_the_others() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    let records: Vec<_> = (0..1000).map(|offset| (offset, Some("a"))).collect();
    bench.feed(0, &records);
    settled().await;
    assert_eq!(bench.with(|world| world.paused.clone()), HashSet::from([partition(0)]));
    bench.let_go(&(0..1000).collect::<Vec<_>>());
    settled().await;
    assert!(bench.with(|world| world.paused.is_empty()));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_with_one_stuck_record_is_paused_before_too_much_depends_on_it() {
    let running = Bench::start(SETTINGS);
    let bench = &running.bench;
    let last = i64::try_from(OUTSTANDING_MAX).unwrap() - 1;
    let records: Vec<_> = (0..=last).map(|offset| (offset, None)).collect();
    bench.let_go(&(1..=last).collect::<Vec<_>>());
    bench.feed(0, &records);
    settled().await;
    assert_eq!(bench.with(|world| world.paused.clone()), HashSet::from([partition(0)]));
    bench.let_go(&[0]);
    settled().await;
    assert!(bench.with(|world| world.paused.is_empty()));
    running.stop().await.unwrap();
}
