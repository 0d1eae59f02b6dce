//! Services whose members come, go and die, and whose futures are dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use naru_client::handler::HandlerBuilder;
use naru_client::{Client, ConsumerRecord, Error, Record, TopicPartition};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::cluster::{Cluster, unique};
use crate::support::{polled, until, within};

const PARTITIONS: i32 = 4;
const KEYS: usize = 5;

/// What the handlers of all members have done.
#[derive(Clone, Default)]
struct Work(Arc<Mutex<Done>>);

#[derive(Default)]
struct Done {
    /// Who finished each record, each time.
    finished: BTreeMap<TopicPartition, BTreeMap<i64, Vec<&'static str>>>,
    /// The records that were finished, of each key of a partition.
    by_key: BTreeMap<(TopicPartition, String), BTreeSet<i64>>,
    /// What is being handled.
    running: BTreeSet<(TopicPartition, String)>,
    by_member: BTreeMap<&'static str, usize>,
    /// Handlers that were dropped before they were through.
    cut: usize,
    wrong: Vec<String>,
}

/// A handler that runs: it may be dropped before it is through.
struct Running {
    work: Work,
    lane: (TopicPartition, String),
    is_through: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut done = self.work.done();
        done.running.remove(&self.lane);
        done.cut += usize::from(!self.is_through);
    }
}

impl Work {
    fn done(&self) -> MutexGuard<'_, Done> {
        self.0.lock().expect("no panic")
    }

    async fn handle(self, member: &'static str, record: ConsumerRecord) -> Result<(), &'static str> {
        let text = |bytes: &Option<bytes::Bytes>| String::from_utf8(bytes.clone().expect("bytes").to_vec()).unwrap();
        let lane = (record.topic_partition(), text(&record.key));
        // The records of a key are numbered.
        let number: i64 = text(&record.value).parse().unwrap();
        {
            let mut done = self.done();
            let before = done.by_key.get(&lane).map_or(0, |numbers| numbers.range(..number).count() as i64);
            if before != number {
                done.wrong.push(format!("{lane:?}: {number} begins after {before} others"));
            }
            if !done.running.insert(lane.clone()) {
                done.wrong.push(format!("{lane:?}: {number} begins while another one runs"));
            }
        }
        let mut running = Running { work: self.clone(), lane: lane.clone(), is_through: false };
        sleep(Duration::from_millis(u64::from(lane.1 == "0") * 4 + 1)).await;
        running.is_through = true;
        drop(running);
        let mut done = self.done();
        done.finished.entry(lane.0.clone()).or_default().entry(record.offset).or_default().push(member);
        done.by_key.entry(lane).or_default().insert(number);
        *done.by_member.entry(member).or_default() += 1;
        Ok(())
    }

    /// The first record of a partition that is not finished.
    fn reached(&self, partition: &TopicPartition) -> i64 {
        let done = self.done();
        let finished = done.finished.get(partition);
        finished
            .map_or(0, |offsets| (0..).zip(offsets.keys()).take_while(|(next, offset)| next == *offset).count() as i64)
    }

    fn of(&self, member: &str) -> usize {
        self.done().by_member.get(member).copied().unwrap_or(0)
    }

    /// How many records were finished.
    fn records(&self) -> usize {
        self.done().finished.values().map(BTreeMap::len).sum()
    }

    /// The records that were finished more than once, and by whom.
    fn repeated(&self) -> Vec<(String, Vec<&'static str>)> {
        let done = self.done();
        let all = done.finished.iter().flat_map(|(partition, offsets)| offsets.iter().map(move |at| (partition, at)));
        let repeated = all.filter(|(_, (_, members))| members.len() > 1);
        repeated.map(|(partition, (offset, members))| (format!("{partition} {offset}"), members.clone())).collect()
    }
}

/// A topic, a group, and what its handlers do.
struct Setup {
    cluster: Cluster,
    topic: String,
    group: String,
    work: Work,
    order: fn(HandlerBuilder) -> HandlerBuilder,
    /// How many records of each key are sent.
    sent: usize,
}

/// A member that can be told to end.
struct Member {
    end: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Member {
    async fn end(self) {
        self.end.send(()).expect("it runs");
        within("the end of a service", self.running).await.expect("no panic").expect("an end in order");
    }
}

impl Setup {
    async fn new(order: fn(HandlerBuilder) -> HandlerBuilder) -> Self {
        let cluster = Cluster::any().await;
        let topic = cluster.topic(PARTITIONS).await;
        Self { cluster, topic, group: unique("group"), work: Work::default(), order, sent: 0 }
    }

    fn service(&self, client: &Client) -> HandlerBuilder {
        let service = (self.order)(client.group(&*self.group).topic(&*self.topic).concurrency(8));
        let service = service.commit_interval(Duration::from_millis(20));
        service.set("session.timeout.ms", "1500").set("heartbeat.interval.ms", "50")
    }

    /// A service in a task, here or on a runtime that can die.
    fn start(&self, name: &'static str, process: Option<&Runtime>) -> Member {
        let (end, ended) = oneshot::channel::<()>();
        let (service, work) = (self.service(&self.cluster.client()), self.work.clone());
        let service = service.run(move |record| work.clone().handle(name, record), async {
            let _ = ended.await;
        });
        let running = match process {
            Some(process) => process.spawn(service),
            None => tokio::spawn(service),
        };
        Member { end, running }
    }

    /// More records of every key in every partition.
    async fn send(&mut self, each: usize) {
        let producer = self.cluster.producer();
        for number in self.sent..self.sent + each {
            for partition in 0..PARTITIONS {
                for key in 0..KEYS {
                    let record = Record::to(&*self.topic).partition(partition).key(key.to_string());
                    drop(within("room", producer.enqueue(record.value(number.to_string()))).await.unwrap());
                }
            }
        }
        within("a flush", producer.flush()).await;
        self.sent += each;
    }

    fn all(&self) -> usize {
        self.sent * KEYS * PARTITIONS as usize
    }

    /// What is committed, and only what is finished, from the beginning on.
    async fn committed(&self) -> BTreeMap<TopicPartition, i64> {
        let admin = self.cluster.client().admin();
        let committed = within("offsets", admin.committed_offsets(&*self.group)).await.expect("offsets");
        for (partition, at) in &committed {
            // Looked at later: it can only have grown.
            let reached = self.work.reached(partition);
            assert!(at.offset <= reached, "{partition}: {} is committed, {reached} reached", at.offset);
        }
        committed.into_iter().map(|(partition, at)| (partition, at.offset)).collect()
    }

    /// Waits until something was done, and sends more as long as it is not.
    async fn under_load(&mut self, what: &str, holds: impl Fn(&Work) -> bool) {
        within(what, async {
            while !holds(&self.work) {
                if self.work.records() + KEYS * 10 > self.all() {
                    self.send(20).await;
                }
                self.committed().await;
            }
        })
        .await;
    }

    /// Waits for the rest, and for its commit.
    async fn complete(&self) {
        until("every record", async || {
            self.committed().await;
            self.work.records() == self.all()
        })
        .await;
        let each = (self.sent * KEYS) as i64;
        until("the last commit", async || {
            let committed = self.committed().await;
            committed.len() == PARTITIONS as usize && committed.values().all(|offset| *offset == each)
        })
        .await;
        assert_eq!(self.work.done().wrong, Vec::<String>::new());
    }

    async fn is_left(&self) {
        let admin = self.cluster.client().admin();
        until("nobody is in the group", async || {
            admin.describe_group(&*self.group).await.is_ok_and(|group| group.members.is_empty())
        })
        .await;
    }
}

#[tokio::test]
async fn members_that_come_and_go_under_load_finish_what_they_started() {
    for by_partition in [false, true] {
        let order = if by_partition { HandlerBuilder::ordered_by_partition } else { HandlerBuilder::ordered_by_key };
        let mut setup = Setup::new(order).await;
        let first = setup.start("first", None);
        setup.under_load("the first one works", |work| work.of("first") > 50).await;
        let second = setup.start("second", None);
        setup.under_load("the second one works", |work| work.of("second") > 50).await;
        let third = setup.start("third", None);
        setup.under_load("the third one works", |work| work.of("third") > 50).await;
        second.end().await;
        let by_second = setup.work.of("second");
        setup.send(20).await;
        setup.complete().await;
        assert_eq!((setup.work.of("second"), setup.work.done().cut), (by_second, 0));
        if by_partition {
            // Otherwise those behind one of another key that was not started come again.
            assert_eq!(setup.work.repeated(), []);
        }
        first.end().await;
        third.end().await;
        setup.is_left().await;
    }
}

#[tokio::test]
async fn what_a_member_had_that_was_killed_under_load_is_handled_by_the_others_in_order() {
    let mut setup = Setup::new(HandlerBuilder::ordered_by_key).await;
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let survivor = setup.start("survivor", None);
    let victim = setup.start("victim", Some(&process));
    setup.under_load("both work", |work| work.of("victim") > 50 && work.of("survivor") > 50).await;
    process.shutdown_background();
    setup.send(20).await;
    setup.complete().await;
    drop(victim);
    survivor.end().await;
    setup.is_left().await;
}

#[tokio::test]
async fn a_service_that_is_dropped_in_the_middle_loses_nothing_and_leaves() {
    let mut setup = Setup::new(HandlerBuilder::ordered_by_key).await;
    setup.send(20).await;
    // One that waits for a session to end waits longer than this test does.
    let service = |setup: &Setup| setup.service(&setup.cluster.client()).set("session.timeout.ms", "300000");
    let mut enough = 0;
    while setup.work.records() < setup.all() {
        enough += 5;
        let work = setup.work.clone();
        let running = service(&setup).run(move |record| work.clone().handle("dropped", record), std::future::pending());
        // In the middle of the join at first, of the work later.
        assert!(polled(enough, running).await.is_none(), "it ends when it is told to");
        until("its handlers have ended", async || setup.work.done().running.is_empty()).await;
        setup.committed().await;
    }
    assert_eq!(setup.work.done().wrong, Vec::<String>::new());
    setup.is_left().await;
    // What was not committed comes again, and is committed now.
    let work = setup.work.clone();
    let (end, ended) = oneshot::channel::<()>();
    let last = service(&setup).run(move |record| work.clone().handle("last", record), async {
        let _ = ended.await;
    });
    let last = Member { end, running: tokio::spawn(last) };
    setup.complete().await;
    last.end().await;
}
