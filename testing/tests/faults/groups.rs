//! Groups: the coordinator dies, its answers are lost, members hear nothing for a while. No record is left out.

use std::time::Duration;

use naru_client::ApiKey;
use naru_client::raw::Connection;
use naru_protocol::messages::describe_groups::DescribeGroupsRequest;
use naru_testing::{Fault, FaultProxy};

use crate::support::cluster::{Cluster, unique};
use crate::support::members::{Member, Received, recv, shared, value};
use crate::support::owners::{Event, Owners};
use crate::support::{PATIENCE, numbered, until, within};

#[tokio::test]
async fn a_broker_that_is_killed_costs_a_group_no_record() {
    let cluster = Cluster::with_broker().await;
    let (topic, group) = (cluster.topic(4).await, unique("group"));
    let received = Received::default();
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(Member::start(&cluster, &received, |c| c.group(&*group).topics([&*topic])).await);
    }
    shared(&members, &[&topic], 4).await;
    for round in 1..=2 {
        for partition in 0..4 {
            cluster.send(&topic, partition, numbered(0..50)).await;
        }
        cluster.broker().kill().await;
        cluster.broker().restart().await;
        received.all(&topic, 4, 50 * round).await;
    }
    shared(&members, &[&topic], 4).await;
    for member in members {
        member.leave().await;
    }
    let committed = within("offsets", cluster.client().admin().committed_offsets(&*group)).await.unwrap();
    assert!(committed.len() == 4 && committed.values().all(|committed| committed.offset == 100), "{committed:?}");
}

#[tokio::test]
async fn a_member_alone_goes_on_in_order_after_its_broker_was_killed() {
    let cluster = Cluster::with_broker().await;
    let (topic, group) = (cluster.topic(2).await, unique("group"));
    let member = cluster.client().consumer().group(&*group).topics([&*topic]).auto_commit(Duration::from_millis(20));
    let mut consumer = within("a consumer", member.clone().build()).await.unwrap();
    let mut next = [0_usize; 2];
    for round in 0..4 {
        for partition in 0..2 {
            cluster.send(&topic, partition, numbered(100 * round..100 * (round + 1))).await;
        }
        for _ in 0..200 {
            let record = recv(&mut consumer).await;
            let expected = &mut next[record.partition as usize];
            assert_eq!(value(&record), expected.to_string());
            *expected += 1;
        }
        cluster.broker().kill().await;
        cluster.broker().restart().await;
    }
    within("an end in order", consumer.close(PATIENCE)).await.unwrap();
    // All but the last record were processed.
    let mut after = within("a consumer", member.build()).await.unwrap();
    assert_eq!(value(&recv(&mut after).await), "399");
}

#[tokio::test]
async fn a_member_joins_although_any_answer_on_the_way_is_lost() {
    let apis = [
        ApiKey::FindCoordinator,
        ApiKey::JoinGroup,
        ApiKey::SyncGroup,
        ApiKey::OffsetFetch,
        ApiKey::ListOffsets,
        ApiKey::Heartbeat,
        ApiKey::OffsetCommit,
    ];
    let faults: [fn(&FaultProxy, ApiKey) -> Fault; 2] =
        [|proxy, api| proxy.lose_answer(api), |proxy, api| proxy.lose_request(api)];
    for (number, fault) in faults.iter().enumerate() {
        let cluster = Cluster::with_proxy().await;
        let (topic, group) = (cluster.topic(2).await, unique("group"));
        let received = Received::default();
        let lost: Vec<Fault> = apis.iter().map(|&api| fault(cluster.broker().proxy(), api)).collect();
        let member = Member::start(&cluster, &received, |consumer| {
            consumer.group(&*group).topics([&*topic]).set("auto.commit.interval.ms", "50")
        })
        .await;
        shared([&member], &[&topic], 2).await;
        for partition in 0..2 {
            cluster.send(&topic, partition, numbered(0..20)).await;
        }
        received.all(&topic, 2, 20).await;
        until("every fault has happened", async || {
            // A commit is made when there is something to commit.
            cluster.send(&topic, 0, ["more"]).await;
            // Offsets are looked up where none is committed, which is not so in every round.
            lost.iter().zip(apis).all(|(lost, api)| lost.has_happened() || api == ApiKey::ListOffsets)
        })
        .await;
        member.leave().await;
        let committed = within("offsets", cluster.client().admin().committed_offsets(&*group)).await.unwrap();
        assert_eq!(committed.len(), 2, "fault {number}: {committed:?}");
    }
}

#[tokio::test]
async fn a_member_that_hears_nothing_for_longer_than_its_session_comes_back() {
    let cluster = Cluster::with_proxy().await;
    let (topic, group) = (cluster.topic(2).await, unique("group"));
    let (received, owners) = (Received::default(), Owners::default());
    let member =
        Member::start(&cluster, &received, |consumer| owners.see("member", consumer.group(&*group).topics([&*topic])))
            .await;
    shared([&member], &[&topic], 2).await;
    cluster.send(&topic, 0, numbered(0..10)).await;
    received.all(&topic, 1, 10).await;
    cluster.broker().proxy().stall(true);
    // Asked past the proxy: nothing else is answered.
    let mut direct = Connection::connect(&cluster.broker().direct_address()).await.unwrap();
    let describe = DescribeGroupsRequest { groups: vec![(*group).into()], ..Default::default() };
    until("the end of the session", async || {
        direct.send(&describe, 5).await.expect("an answer").groups[0].members.is_empty()
    })
    .await;
    cluster.broker().proxy().stall(false);
    for partition in 0..2 {
        cluster.send(&topic, partition, numbered(0..10)).await;
    }
    received.all(&topic, 2, 10).await;
    shared([&member], &[&topic], 2).await;
    assert!(owners.calls().iter().any(|call| call.event == Event::Lost), "{:?}", owners.calls());
    owners.check();
    member.leave().await;
}
