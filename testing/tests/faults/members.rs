//! Members whose broker restarts, and whose answers get lost.

use std::time::Duration;

use naru_testing::ApiKey;

use crate::support::cluster::Cluster;
use crate::support::owners::WatchedGroup;
use crate::support::{PATIENCE, until, within};

#[tokio::test]
async fn a_broker_that_restarts_causes_no_rebalance() {
    for orderly in [true, false] {
        let group = WatchedGroup::on(Cluster::with_broker().await, 4).await;
        let a = group.member("a").build().await.unwrap();
        let b = group.member("b").build().await.unwrap();
        group.share(&[("a", 2), ("b", 2)]).await;
        group.rest().await;
        let calls = group.owners.calls().len();
        let broker = group.cluster.broker();
        if orderly {
            broker.stop().await;
        } else {
            broker.kill().await;
        }
        broker.restart().await;
        for (consumer, name) in [(&a, "a"), (&b, "b")] {
            let offsets = group.owners.of(name).into_iter().map(|partition| (partition, 0));
            within("a commit", consumer.commit_offsets(offsets)).await.unwrap();
        }
        group.rest().await;
        assert_eq!(group.owners.calls().len(), calls, "{:#?}", group.owners.calls());
    }
}

#[tokio::test]
async fn lost_answers_in_a_rebalance_cost_time_alone() {
    for api in [ApiKey::FindCoordinator, ApiKey::JoinGroup, ApiKey::SyncGroup, ApiKey::Heartbeat] {
        for applied in [true, false] {
            let group = WatchedGroup::on(Cluster::with_proxy().await, 4).await;
            let start = |name| group.member(name).session_timeout(Duration::from_secs(1)).build();
            let _a = start("a").await.unwrap();
            group.share(&[("a", 4)]).await;
            let proxy = group.cluster.broker().proxy();
            let fault = if applied { proxy.lose_answer(api) } else { proxy.lose_request(api) };
            let _b = start("b").await.unwrap();
            within("a fault", fault.happened()).await;
            group.share(&[("a", 2), ("b", 2)]).await;
            group.owners.check();
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_done() {
    let group = WatchedGroup::on(Cluster::with_proxy().await, 1).await;
    let place = group.partition(0);
    let consumer = group.member("a").auto_commit(None).build().await.unwrap();
    until("it has its partition", async || consumer.assignment().len() == 1).await;
    for (offset, applied) in [(3, true), (4, false)] {
        let proxy = group.cluster.broker().proxy();
        let fault =
            if applied { proxy.lose_answer(ApiKey::OffsetCommit) } else { proxy.lose_request(ApiKey::OffsetCommit) };
        within("a commit", consumer.commit_offsets([(place.clone(), offset)])).await.unwrap();
        assert!(fault.has_happened());
        let committed = within("offsets", consumer.committed(std::slice::from_ref(&place))).await.unwrap();
        assert_eq!(committed[&place], offset);
    }
}

#[tokio::test]
async fn who_is_dropped_before_it_has_an_id_leaves_nobody_to_wait_for() {
    let group = WatchedGroup::on(Cluster::with_proxy().await, 1).await;
    let member = |name| group.member(name).session_timeout(PATIENCE * 4);
    let held = group.cluster.broker().proxy().hold_answers(ApiKey::JoinGroup);
    let joining = member("dropped").build().await.unwrap();
    within("the answer with its id", held.held(1)).await;
    drop(joining);
    drop(held);
    let left = || group.cluster.broker().proxy().requests(ApiKey::LeaveGroup);
    until("the farewell", async || left() == 1).await;
    let _other = member("other").build().await.unwrap();
    group.share(&[("other", 1)]).await;
}
