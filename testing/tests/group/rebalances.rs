//! Members come and go in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use naru_client::{Assignor, ConsumerHandle};

use super::owners::{Event, Owners};
use super::{PATIENCE, broker, member, partition, rest, send, share, topic, until};

#[tokio::test]
async fn three_members_share_evenly_and_nothing_belongs_to_two() {
    for assignor in Assignor::ALL {
        let (broker, owners) = (broker().start().await, Owners::default());
        let client = broker.client();
        topic(&client, "orders", 6).await;
        let start = |name| member(&client, &owners, name).assignors([assignor]).build();
        let _a = start("a").await.unwrap();
        share(&owners, &[("a", 6)]).await;
        let b = start("b").await.unwrap();
        share(&owners, &[("a", 3), ("b", 3)]).await;
        let _c = start("c").await.unwrap();
        share(&owners, &[("a", 2), ("b", 2), ("c", 2)]).await;
        b.close(PATIENCE).await.unwrap();
        share(&owners, &[("a", 3), ("c", 3)]).await;
        owners.check();
    }
}

#[tokio::test]
async fn what_does_not_move_is_never_taken_from_a_cooperative_member() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 6).await;
    let _a = member(&client, &owners, "a").build().await.unwrap();
    share(&owners, &[("a", 6)]).await;
    let b = member(&client, &owners, "b").build().await.unwrap();
    share(&owners, &[("a", 3), ("b", 3)]).await;
    let taken = owners.taken_from("a");
    assert_eq!(taken.iter().map(|call| call.partitions.len()).sum::<usize>(), 3, "{taken:?}");
    b.close(PATIENCE).await.unwrap();
    share(&owners, &[("a", 6)]).await;
    assert_eq!(owners.taken_from("a").len(), taken.len());
    owners.check();
}

#[tokio::test]
async fn a_static_member_that_restarts_finds_its_partitions_and_disturbs_nobody() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 4).await;
    let start = |name| member(&client, &owners, name).instance_id(name).build();
    let _a = start("a").await.unwrap();
    let b = start("b").await.unwrap();
    share(&owners, &[("a", 2), ("b", 2)]).await;
    let of_b = owners.of("b");
    rest(&owners).await;
    let calls_of_a = |owners: &Owners| owners.calls().iter().filter(|call| call.member == "a").count();
    let before = calls_of_a(&owners);
    b.close(PATIENCE).await.unwrap();
    let b = start("b").await.unwrap();
    until(|| format!("{of_b:?}"), || owners.of("b") == of_b).await;
    b.close(PATIENCE).await.unwrap();
    assert_eq!(calls_of_a(&owners), before);
    owners.check();
}

#[tokio::test]
async fn a_second_member_with_the_same_instance_ends_the_first() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 2).await;
    let mut first = member(&client, &owners, "first").instance_id("i").build().await.unwrap();
    share(&owners, &[("first", 2)]).await;
    let _second = member(&client, &Owners::default(), "second").instance_id("i").build().await.unwrap();
    let error = tokio::time::timeout(PATIENCE, first.recv()).await.unwrap().unwrap_err();
    assert!(error.is_fatal(), "{error}");
    assert_eq!(owners.calls().last().unwrap().event, Event::Lost);
}

#[tokio::test]
async fn a_hook_may_take_longer_than_a_session_and_still_commit() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 2).await;
    send(&client, 0..2, 2).await;
    let committed = Arc::new(AtomicBool::new(false));
    let commits = Arc::clone(&committed);
    let session = Duration::from_millis(500);
    let slow = client.consumer().group("billing").topics(["orders"]).auto_commit(None);
    let slow = slow.session_timeout(session).set("heartbeat.interval.ms", "30");
    let slow = slow.on_revoked(move |consumer: ConsumerHandle, _| {
        let commits = Arc::clone(&commits);
        async move {
            tokio::time::sleep(session * 3).await;
            consumer.commit_offsets([(partition(0), 1), (partition(1), 1)]).await.unwrap();
            commits.store(true, Ordering::SeqCst);
        }
    });
    let slow = slow.assignors([Assignor::Range]).build().await.unwrap();
    until(|| "it has both".to_owned(), || slow.assignment().len() == 2).await;
    let _other = member(&client, &owners, "other").assignors([Assignor::Range]).build().await.unwrap();
    share(&owners, &[("other", 1)]).await;
    assert!(committed.load(Ordering::SeqCst), "the other did not wait");
    until(|| "it has the rest".to_owned(), || slow.assignment().len() == 1).await;
    let at = slow.committed(&[partition(0), partition(1)]).await.unwrap();
    assert_eq!(at, [(partition(0), 1), (partition(1), 1)].into());
}

#[tokio::test]
async fn partitions_that_come_to_be_are_read() {
    let (broker, owners) = (broker().start().await, Owners::default());
    let client = broker.client();
    topic(&client, "orders", 2).await;
    let watchful = naru_client::Client::builder().bootstrap(broker.address()).set("metadata.max.age.ms", "100");
    let watchful = watchful.build().unwrap();
    let _a = member(&watchful, &owners, "a").build().await.unwrap();
    share(&owners, &[("a", 2)]).await;
    let _b = member(&watchful, &owners, "b").build().await.unwrap();
    share(&owners, &[("a", 1), ("b", 1)]).await;
    client.admin().grow_topic("orders", 6).await.unwrap();
    share(&owners, &[("a", 3), ("b", 3)]).await;
    assert!(owners.taken_from("b").is_empty());
    owners.check();
}
