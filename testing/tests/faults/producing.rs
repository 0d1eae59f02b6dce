//! Producing: nothing that was acknowledged is lost, nothing is written twice, order is kept, and errors tell the truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use naru_client::{ApiKey, ErrorKind, Producer, Record};
use naru_testing::FaultProxy;

use crate::support::cluster::Cluster;
use crate::support::{numbered, until, within};

/// A task that enqueues numbered records as fast as it may, and the count of those that are written.
struct Load {
    written: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Load {
    fn start(producer: Producer, topic: &str, partitions: i32, records: usize) -> Self {
        let written = Arc::new(AtomicUsize::new(0));
        let (count, topic) = (Arc::clone(&written), topic.to_owned());
        let task = tokio::spawn(async move {
            let mut outcomes = tokio::task::JoinSet::new();
            for value in numbered(0..records) {
                let partition = outcomes.len() as i32 % partitions;
                let record = Record::to(&*topic).partition(partition).value(value);
                let delivery = producer.enqueue(record).await.expect("room");
                let count = Arc::clone(&count);
                outcomes.spawn(async move {
                    delivery.await.expect("written");
                    count.fetch_add(1, Ordering::SeqCst);
                });
            }
            while let Some(outcome) = outcomes.join_next().await {
                outcome.expect("every record is written");
            }
        });
        Self { written, task }
    }

    async fn reached(&self, written: usize) {
        until("progress", async || {
            assert!(self.written.load(Ordering::SeqCst) >= written || !self.task.is_finished(), "the load has ended");
            self.written.load(Ordering::SeqCst) >= written
        })
        .await;
    }

    async fn done(self) {
        within("the end of the load", self.task).await.expect("the load");
    }
}

/// Every record once, and those of each partition in the order in which they were sent.
async fn holds_exactly(cluster: &Cluster, topic: &str, partitions: usize, records: usize) {
    for partition in 0..partitions {
        let expected: Vec<String> = (partition..records).step_by(partitions).map(|number| number.to_string()).collect();
        let values = cluster.values(topic, partition as i32).await;
        if let Some(at) = (0..expected.len().max(values.len())).find(|&at| expected.get(at) != values.get(at)) {
            panic!(
                "partition {partition}, offset {at} of {}: {:?} where {:?} was sent; around it {:?}",
                values.len(),
                values.get(at),
                expected.get(at),
                &values[at.saturating_sub(3)..(at + 4).min(values.len())]
            );
        }
    }
}

/// Small batches, so that several are in flight for each partition.
fn small_batches(cluster: &Cluster) -> Producer {
    cluster.producer_with(|builder| builder.batch_size(300))
}

#[tokio::test]
async fn a_broker_that_is_killed_again_and_again_costs_no_record_and_doubles_none() {
    let cluster = Cluster::with_broker().await;
    let topic = cluster.topic(2).await;
    let records = 6000;
    let load = Load::start(small_batches(&cluster), &topic, 2, records);
    for kill in 1..=3 {
        load.reached(kill * 1000).await;
        cluster.broker().kill().await;
        cluster.broker().restart().await;
    }
    load.done().await;
    holds_exactly(&cluster, &topic, 2, records).await;
}

#[tokio::test]
async fn a_broker_that_restarts_in_order_costs_no_record_and_doubles_none() {
    let cluster = Cluster::with_broker().await;
    let topic = cluster.topic(2).await;
    let records = 4000;
    let load = Load::start(small_batches(&cluster), &topic, 2, records);
    for stop in 1..=2 {
        load.reached(stop * 1000).await;
        cluster.broker().restart().await;
    }
    load.done().await;
    holds_exactly(&cluster, &topic, 2, records).await;
}

#[tokio::test]
async fn a_record_whose_answer_is_lost_is_written_once() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for n in 0..5 {
        let lost = cluster.broker().proxy().lose_answer(ApiKey::Produce);
        let written = within("an outcome", producer.send(Record::to(&*topic).value(n.to_string()))).await.unwrap();
        assert!(lost.has_happened());
        assert_eq!(written.offset, n, "the offset of the first append");
    }
    assert_eq!(cluster.values(&topic, 0).await, numbered(0..5));
}

#[tokio::test]
async fn order_and_uniqueness_hold_while_answers_and_requests_are_lost_and_cut() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(3).await;
    let records = 6000;
    let proxy = cluster.broker().proxy();
    let load = Load::start(small_batches(&cluster), &topic, 3, records);
    let faults: [fn(&FaultProxy) -> naru_testing::Fault; 3] = [
        |proxy| proxy.lose_answer(ApiKey::Produce),
        |proxy| proxy.lose_request(ApiKey::Produce),
        |proxy| proxy.cut_answer(ApiKey::Produce, 7),
    ];
    for round in 1..=9 {
        load.reached(round * 500).await;
        let fault = faults[round % 3](proxy);
        if !load.task.is_finished() {
            within("the fault", fault.happened()).await;
        }
    }
    load.done().await;
    proxy.heal().await;
    holds_exactly(&cluster, &topic, 3, records).await;
}

#[tokio::test]
async fn several_batches_are_in_flight_while_answers_are_slow() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let producer = small_batches(&cluster);
    within("the topic", producer.send(Record::to(&*topic).value("first"))).await.unwrap();
    let hold = cluster.broker().proxy().hold_answers(ApiKey::Produce);
    let mut deliveries = Vec::new();
    for value in numbered(0..500) {
        deliveries.push(within("room", producer.enqueue(Record::to(&*topic).value(value))).await.unwrap());
    }
    within("requests in flight", hold.held(5)).await;
    drop(hold);
    for (n, delivery) in deliveries.into_iter().enumerate() {
        assert_eq!(within("an outcome", delivery).await.unwrap().offset, n as i64 + 1);
    }
}

#[tokio::test]
async fn answers_that_take_longer_than_the_request_timeout_lead_to_no_second_copy() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let client = cluster.settings().request_timeout(Duration::from_millis(300)).build().unwrap();
    let producer = client.producer().batch_size(300).build().unwrap();
    within("the topic", producer.send(Record::to(&*topic).value("0"))).await.unwrap();
    let hold = cluster.broker().proxy().hold_answers(ApiKey::Produce);
    let mut deliveries = Vec::new();
    for value in numbered(1..200) {
        deliveries.push(within("room", producer.enqueue(Record::to(&*topic).value(value))).await.unwrap());
    }
    within("requests in flight", hold.held(2)).await;
    let before = cluster.broker().proxy().accepted();
    until("a new connection", async || cluster.broker().proxy().accepted() > before).await;
    drop(hold);
    for (n, delivery) in deliveries.into_iter().enumerate() {
        assert_eq!(within("an outcome", delivery).await.unwrap().offset, n as i64 + 1);
    }
    assert_eq!(cluster.values(&topic, 0).await, numbered(0..200));
}

#[tokio::test]
async fn a_connection_that_closes_towards_the_client_only_is_given_up() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for n in 0..3 {
        let written = within("an outcome", producer.send(Record::to(&*topic).value(n.to_string()))).await.unwrap();
        assert_eq!(written.offset, n);
        cluster.broker().proxy().half_close();
    }
    assert_eq!(cluster.values(&topic, 0).await, numbered(0..3));
}

#[tokio::test]
async fn every_connection_is_cut_at_once_and_the_load_goes_on() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(2).await;
    let records = 4000;
    let load = Load::start(small_batches(&cluster), &topic, 2, records);
    for cut in 1..=5 {
        load.reached(cut * 500).await;
        within("a cut", cluster.broker().proxy().cut()).await;
    }
    load.done().await;
    holds_exactly(&cluster, &topic, 2, records).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_delivered_in_time_says_whether_it_may_have_been_written() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let client = cluster.settings().request_timeout(Duration::from_millis(200)).build().unwrap();
    let producer = client.producer().delivery_timeout(Duration::from_millis(600)).build().unwrap();
    within("the topic", producer.send(Record::to(&*topic).value("0"))).await.unwrap();

    // Sent, and no answer comes.
    let hold = cluster.broker().proxy().hold_answers(ApiKey::Produce);
    let error = within("an outcome", producer.send(Record::to(&*topic).value("1"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(error.may_have_been_written() && error.is_retriable());
    drop(hold);

    // Never sent: nobody listens.
    cluster.broker().proxy().refuse(true).await;
    within("a cut", cluster.broker().proxy().cut()).await;
    // This one may still leave before the client notices the cut.
    within("an outcome", producer.send(Record::to(&*topic).value("x"))).await.unwrap_err();
    let error = within("an outcome", producer.send(Record::to(&*topic).value("2"))).await.unwrap_err();
    assert!(error.is_retriable() && !error.may_have_been_written(), "{error:?}");

    // And all is well again. What was given up does not come later.
    cluster.broker().proxy().heal().await;
    within("an outcome", producer.send(Record::to(&*topic).value("3"))).await.unwrap();
    let values = cluster.values(&topic, 0).await;
    assert_eq!(values, ["0", "1", "3"]);
}

#[tokio::test]
async fn a_producer_that_begins_while_the_broker_is_down_waits_for_it() {
    let cluster = Cluster::with_broker().await;
    let topic = cluster.topic(1).await;
    cluster.broker().kill().await;
    let producer = cluster.producer();
    let sending = tokio::spawn({
        let (producer, topic) = (producer.clone(), topic.clone());
        async move { producer.send(Record::to(&*topic).value("0")).await }
    });
    tokio::task::yield_now().await;
    cluster.broker().restart().await;
    within("an outcome", sending).await.unwrap().unwrap();
    assert_eq!(cluster.values(&topic, 0).await, numbered(0..1));
}

#[tokio::test]
async fn close_gives_up_at_its_deadline_when_nobody_answers() {
    let cluster = Cluster::with_proxy().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    within("the topic", producer.send(Record::to(&*topic).value("0"))).await.unwrap();
    cluster.broker().proxy().stall(true);
    let delivery = within("room", producer.enqueue(Record::to(&*topic).value("1"))).await.unwrap();
    let late = within("the deadline", producer.close(Duration::from_millis(100))).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut, "{late}");
    let error = within("an outcome", delivery).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}
