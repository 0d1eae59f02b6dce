//! Members come and go in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use naru_client::{Assignor, ConsumerHandle, ErrorKind};

use crate::support::cluster::Cluster;
use crate::support::members::values;
use crate::support::owners::{Event, WatchedGroup};
use crate::support::{PATIENCE, numbered, until, within};

#[tokio::test]
async fn what_does_not_move_is_never_taken_from_a_cooperative_member() {
    let group = WatchedGroup::on(Cluster::any().await, 6).await;
    let _a = group.member("a").build().await.unwrap();
    group.share(&[("a", 6)]).await;
    let b = group.member("b").build().await.unwrap();
    group.share(&[("a", 3), ("b", 3)]).await;
    let taken = group.owners.taken_from("a");
    assert_eq!(taken.iter().map(|call| call.partitions.len()).sum::<usize>(), 3, "{taken:?}");
    b.close(PATIENCE).await.unwrap();
    group.share(&[("a", 6)]).await;
    assert_eq!(group.owners.taken_from("a").len(), taken.len());
    group.owners.check();
}

#[tokio::test]
async fn a_static_member_that_restarts_finds_its_partitions_and_disturbs_nobody() {
    let group = WatchedGroup::on(Cluster::any().await, 4).await;
    let start = |name| group.member(name).instance_id(name).build();
    let _a = start("a").await.unwrap();
    let b = start("b").await.unwrap();
    group.share(&[("a", 2), ("b", 2)]).await;
    let of_b = group.owners.of("b");
    group.rest().await;
    let calls_of_a = || group.owners.calls().iter().filter(|call| call.member == "a").count();
    let before = calls_of_a();
    b.close(PATIENCE).await.unwrap();
    let b = start("b").await.unwrap();
    until("the partitions of before", async || group.owners.of("b") == of_b).await;
    b.close(PATIENCE).await.unwrap();
    assert_eq!(calls_of_a(), before);
    group.owners.check();
}

#[tokio::test]
async fn a_second_member_with_the_same_instance_ends_the_first() {
    let group = WatchedGroup::on(Cluster::any().await, 2).await;
    let mut first = group.member("first").instance_id("i").build().await.unwrap();
    group.share(&[("first", 2)]).await;
    let _second = group.unseen().instance_id("i").build().await.unwrap();
    let error = within("the end", first.recv()).await.unwrap_err();
    assert!(error.is_fatal(), "{error}");
    assert_eq!(group.owners.calls().last().unwrap().event, Event::Lost);
}

#[tokio::test]
async fn a_hook_may_take_longer_than_a_session_and_still_commit() {
    let group = WatchedGroup::on(Cluster::any().await, 2).await;
    let both = [group.partition(0), group.partition(1)];
    for partition in 0..2 {
        group.cluster.send(&group.topic, partition, ["record"]).await;
    }
    let committed = Arc::new(AtomicBool::new(false));
    let commits = Arc::clone(&committed);
    let session = Duration::from_secs(1);
    let slow = group.unseen().auto_commit(None).session_timeout(session).assignors([Assignor::Range]);
    let offsets = both.clone().map(|partition| (partition, 1));
    let slow = slow.on_revoked(move |consumer: ConsumerHandle, _| {
        let (commits, offsets) = (Arc::clone(&commits), offsets.clone());
        async move {
            tokio::time::sleep(session * 2).await;
            consumer.commit_offsets(offsets).await.unwrap();
            commits.store(true, Ordering::SeqCst);
        }
    });
    let slow = slow.build().await.unwrap();
    until("it has both", async || slow.assignment().len() == 2).await;
    let _other = group.member("other").assignors([Assignor::Range]).build().await.unwrap();
    group.share(&[("other", 1)]).await;
    assert!(committed.load(Ordering::SeqCst), "the other did not wait");
    until("it has the rest", async || slow.assignment().len() == 1).await;
    let at = within("offsets", slow.committed(&both)).await.unwrap();
    assert!(at.len() == 2 && at.values().all(|offset| *offset == 1), "{at:?}");
}

#[tokio::test]
async fn a_group_does_not_wait_for_a_hook_that_never_ends() {
    let group = WatchedGroup::on(Cluster::any().await, 1).await;
    group.cluster.send(&group.topic, 0, ["record"]).await;
    let hanging = group.unseen().set("session.timeout.ms", "1000").set("max.poll.interval.ms", "1500");
    let hanging = hanging.on_assigned(|_: ConsumerHandle, _| std::future::pending());
    let mut hanging = hanging.build().await.unwrap();
    let error = within("an error", hanging.recv()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::TimedOut && error.to_string().contains("max.poll.interval.ms"), "{error}");
    assert_eq!(values(&mut hanging, 1).await, ["record"]);
}

#[tokio::test]
async fn who_works_too_long_on_a_record_makes_room_and_comes_back() {
    let group = WatchedGroup::on(Cluster::any().await, 2).await;
    for partition in 0..2 {
        group.cluster.send(&group.topic, partition, numbered(0..5)).await;
    }
    let slow = group.member("slow").set("max.poll.interval.ms", "1500").set("session.timeout.ms", "1000");
    let mut slow = slow.build().await.unwrap();
    within("a record", slow.recv()).await.unwrap();
    group.share(&[("slow", 2)]).await;
    let other = group.member("other").set("max.poll.interval.ms", "60000").build().await.unwrap();
    group.share(&[("other", 2)]).await;
    // It gets some again as soon as it asks.
    let asking = tokio::spawn(async move {
        // That it was too slow is told: for the partition that it should have handed over, and for its place.
        loop {
            if let Err(error) = slow.recv().await {
                assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
            }
        }
    });
    group.share(&[("other", 1), ("slow", 1)]).await;
    asking.abort();
    other.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn who_is_dropped_while_it_joins_leaves_no_trace_that_others_wait_for() {
    let group = WatchedGroup::on(Cluster::any().await, 2).await;
    // Much longer than anybody here waits.
    let member = || group.unseen().session_timeout(PATIENCE * 4).set("max.poll.interval.ms", "300000");
    // A future that nobody polls makes no consumer.
    drop(member().build());
    // The moments fall into the look-up of the coordinator, each of the two joins, the sync and the time after it.
    for moment in 0..24 {
        let joining = within("a consumer", member().build()).await.unwrap();
        tokio::time::sleep(Duration::from_micros(500) * moment).await;
        drop(joining);
    }
    let survivor = group.member("survivor").build().await.unwrap();
    group.share(&[("survivor", 2)]).await;
    let admin = group.cluster.client().admin();
    until("the others have left", async || admin.describe_group(&*group.group).await.unwrap().members.len() == 1).await;
    drop(survivor);
    until("all have left", async || admin.describe_group(&*group.group).await.unwrap().members.is_empty()).await;
}
