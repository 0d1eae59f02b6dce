//! Members and brokers that die, and networks that fail.

use naru_client::{Assignor, Consumer, ConsumerBuilder, ErrorKind};
use naru_testing::ApiKey;
use tokio::runtime::{Builder, Runtime};

use super::owners::{Event, Owners};
use super::{PATIENCE, SHORT_SESSION, broker, member, partition, rest, send, share, topic, until};

/// A consumer on a runtime of its own, which can be stopped as a process is killed: no task of it says goodbye.
struct Process {
    runtime: Option<Runtime>,
    _consumer: Consumer,
}

impl Process {
    async fn start(consumer: ConsumerBuilder) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let consumer = runtime.spawn(consumer.build()).await.unwrap().unwrap();
        Self { runtime: Some(runtime), _consumer: consumer }
    }

    fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[tokio::test]
async fn what_a_dead_member_had_goes_to_the_others_when_its_session_is_over() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 6).await;
    let start = |name| member(&client, &owners, name).session_timeout(SHORT_SESSION).build();
    let _a = start("a").await.unwrap();
    let _b = start("b").await.unwrap();
    // A client of its own: connections live in the runtime that made them.
    let doomed = member(&broker.client(), &owners, "doomed").session_timeout(SHORT_SESSION);
    let doomed = Process::start(doomed).await;
    share(&owners, &[("a", 2), ("b", 2), ("doomed", 2)]).await;
    doomed.kill();
    owners.has_died("doomed");
    share(&owners, &[("a", 3), ("b", 3)]).await;
    owners.check();
}

#[tokio::test]
async fn a_broker_that_restarts_causes_no_rebalance() {
    for orderly in [true, false] {
        let (broker, owners) = (broker().start().await, Owners::default());
        let client = broker.client();
        topic(&client, "orders", 4).await;
        let a = member(&client, &owners, "a").build().await.unwrap();
        let b = member(&client, &owners, "b").build().await.unwrap();
        share(&owners, &[("a", 2), ("b", 2)]).await;
        rest(&owners).await;
        let calls = owners.calls().len();
        if orderly {
            broker.stop().await;
        } else {
            broker.kill().await;
        }
        broker.restart().await;
        for (consumer, name) in [(&a, "a"), (&b, "b")] {
            let offsets = owners.of(name).into_iter().map(|partition| (partition, 0));
            tokio::time::timeout(PATIENCE, consumer.commit_offsets(offsets)).await.unwrap().unwrap();
        }
        rest(&owners).await;
        assert_eq!(owners.calls().len(), calls, "{:#?}", owners.calls());
    }
}

#[tokio::test]
async fn a_member_that_was_cut_off_for_longer_than_its_session_loses_all_and_comes_back() {
    let (broker, owners) = (broker().through_proxy().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 2).await;
    let _a = member(&client, &owners, "a").session_timeout(SHORT_SESSION / 2).build().await.unwrap();
    share(&owners, &[("a", 2)]).await;
    broker.proxy().refuse(true).await;
    broker.proxy().cut().await;
    tokio::time::sleep(SHORT_SESSION * 2).await;
    broker.proxy().heal().await;
    until(
        || format!("{:#?}", owners.calls()),
        || owners.calls().iter().any(|call| call.event == Event::Lost) && owners.counts().get("a") == Some(&2),
    )
    .await;
    owners.check();
}

#[tokio::test]
async fn lost_answers_in_a_rebalance_cost_time_alone() {
    for api in [ApiKey::FindCoordinator, ApiKey::JoinGroup, ApiKey::SyncGroup, ApiKey::Heartbeat] {
        for applied in [true, false] {
            let (broker, owners) = (broker().through_proxy().start().await, Owners::default());
            let client = broker.client();
            topic(&client, "orders", 4).await;
            let start = |name| member(&client, &owners, name).session_timeout(SHORT_SESSION).build();
            let _a = start("a").await.unwrap();
            share(&owners, &[("a", 4)]).await;
            let fault = if applied { broker.proxy().lose_answer(api) } else { broker.proxy().lose_request(api) };
            let _b = start("b").await.unwrap();
            tokio::time::timeout(PATIENCE, fault.happened()).await.unwrap();
            share(&owners, &[("a", 2), ("b", 2)]).await;
            owners.check();
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_done() {
    let broker = broker().through_proxy().start().await;
    let client = broker.client();
    topic(&client, "orders", 1).await;
    let consumer = member(&client, &Owners::default(), "a").auto_commit(None).build().await.unwrap();
    until(|| "it has its partition".to_owned(), || consumer.assignment().len() == 1).await;
    for (offset, applied) in [(3, true), (4, false)] {
        let proxy = broker.proxy();
        let fault =
            if applied { proxy.lose_answer(ApiKey::OffsetCommit) } else { proxy.lose_request(ApiKey::OffsetCommit) };
        consumer.commit_offsets([(partition(0), offset)]).await.unwrap();
        assert!(fault.has_happened());
        assert_eq!(consumer.committed(&[partition(0)]).await.unwrap()[&partition(0)], offset);
    }
}

#[tokio::test]
async fn who_works_too_long_on_a_record_makes_room_and_comes_back() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 2).await;
    send(&client, 0..10, 2).await;
    let slow = member(&client, &owners, "slow").assignors([Assignor::CooperativeSticky]);
    let mut slow = slow.set("max.poll.interval.ms", "500").set("session.timeout.ms", "300").build().await.unwrap();
    slow.recv().await.unwrap();
    share(&owners, &[("slow", 2)]).await;
    let other = member(&client, &owners, "other").set("max.poll.interval.ms", "60000").build().await.unwrap();
    share(&owners, &[("other", 2)]).await;
    // It gets some again as soon as it asks.
    let asking = tokio::spawn(async move {
        // That it was too slow is told: for the partition that it should have handed over, and for its place.
        loop {
            if let Err(error) = slow.recv().await {
                assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
            }
        }
    });
    share(&owners, &[("other", 1), ("slow", 1)]).await;
    asking.abort();
    other.close(PATIENCE).await.unwrap();
}
