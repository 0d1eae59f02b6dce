//! Groups of several real connections. What one group answers to one request is proved by the recorded conversations.

use std::time::Duration;

use bytes::Bytes;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_groups::DescribeGroupsRequest;
use naru_protocol::messages::join_group::JoinGroupRequest;
use naru_protocol::messages::list_groups::ListGroupsRequest;

use crate::member::Member;
use crate::setup::{PATIENCE, TestBroker};

const TOPIC: &str = "crossings";
const GROUP: &str = "ferrymen";

fn own_id(member: &str) -> Bytes {
    Bytes::copy_from_slice(member.as_bytes())
}

/// Joins and syncs until the group is stable with `size` members, and returns the generation.
async fn settle(member: &mut Member, size: usize) -> i32 {
    loop {
        let joined = member.join().await;
        // A member that is alone in the dark, or finds the others joining again, joins again too: never as a stranger.
        assert!(
            [ErrorCode::NONE, ErrorCode::REBALANCE_IN_PROGRESS].contains(&joined.error_code),
            "{:?}",
            joined.error_code
        );
        let synced = member.sync(&joined, own_id).await;
        match synced.error_code {
            ErrorCode::NONE => assert_eq!(synced.assignment, own_id(&member.id), "the leader's bytes, unchanged"),
            ErrorCode::REBALANCE_IN_PROGRESS => continue,
            other => panic!("{other:?}"),
        }
        loop {
            match member.heartbeat().await {
                ErrorCode::NONE => {}
                ErrorCode::REBALANCE_IN_PROGRESS => break,
                other => panic!("{other:?}"),
            }
            if members(member).await == size {
                return member.generation;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn describe(member: &mut Member) -> (String, usize) {
    let request = DescribeGroupsRequest { groups: vec![member.group.as_str().into()], ..Default::default() };
    let answer = member.client.send(&request, 5).await.expect("an answer");
    (answer.groups[0].group_state.to_string(), answer.groups[0].members.len())
}

async fn members(member: &mut Member) -> usize {
    let (state, members) = describe(member).await;
    if state == "Stable" { members } else { 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_join_one_after_the_other_stay_members_and_end_in_one_generation() {
    let broker = TestBroker::start("").await;
    broker.client().await.create(TOPIC, 1, &[]).await;
    let size = 6;
    let mut joining = tokio::task::JoinSet::new();
    for _ in 0..size {
        let mut member = Member::new(broker.client().await, GROUP);
        joining.spawn(async move {
            let generation = settle(&mut member, size).await;
            assert_eq!(member.commit(TOPIC, 1).await, ErrorCode::NONE);
            (generation, member)
        });
    }
    let settled = tokio::time::timeout(PATIENCE, joining.join_all()).await.expect("the group settles");
    let generations: Vec<_> = settled.iter().map(|(generation, _)| *generation).collect();
    assert!(generations.windows(2).all(|pair| pair[0] == pair[1]), "{generations:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_leaves_makes_the_others_rebalance_and_its_late_words_are_refused() {
    let broker = TestBroker::start("").await;
    broker.client().await.create(TOPIC, 1, &[]).await;
    let (mut first, mut second) =
        (Member::new(broker.client().await, GROUP), Member::new(broker.client().await, GROUP));
    let (one, two) = tokio::join!(settle(&mut first, 2), settle(&mut second, 2));
    assert_eq!(one, two);
    assert_eq!(second.leave().await, ErrorCode::NONE);
    assert_eq!(second.heartbeat().await, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(second.commit(TOPIC, 7).await, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(first.heartbeat().await, ErrorCode::REBALANCE_IN_PROGRESS);
    // A commit of the generation that ends is still taken.
    assert_eq!(first.commit(TOPIC, 7).await, ErrorCode::NONE);
    let old = first.generation;
    assert_eq!(settle(&mut first, 1).await, old + 1);
    first.generation = old;
    assert_eq!(first.commit(TOPIC, 8).await, ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(first.client.committed(GROUP, TOPIC).await.committed_offset, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooperative_rebalancing_takes_two_generations_and_carries_the_bytes_of_the_leader() {
    let broker = TestBroker::start("").await;
    let mut first = Member::new(broker.client().await, GROUP);
    first.protocol = "cooperative-sticky";
    first.metadata = Bytes::from_static(b"owns nothing");
    settle(&mut first, 1).await;
    let mut second = Member::new(broker.client().await, GROUP);
    second.protocol = "cooperative-sticky";
    let newcomer = tokio::spawn(async move {
        settle(&mut second, 2).await;
        second
    });
    // The first keeps what it owns and says so; it commits while the rebalance goes on.
    while first.heartbeat().await != ErrorCode::REBALANCE_IN_PROGRESS {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    first.metadata = Bytes::from_static(b"owns 0 and 1");
    let joined = first.join().await;
    let told = joined.members.iter().find(|member| member.member_id == first.id).expect("the leader sees itself");
    assert_eq!(told.metadata, first.metadata);
    assert_eq!(first.sync(&joined, own_id).await.assignment, own_id(&first.id));
    let mut second = newcomer.await.expect("the newcomer joined");
    // What was revoked is given away in a second rebalance, which the leader starts by joining again.
    first.metadata = Bytes::from_static(b"owns 0");
    let (one, two) = tokio::join!(settle(&mut first, 2), async {
        while second.heartbeat().await != ErrorCode::REBALANCE_IN_PROGRESS {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        settle(&mut second, 2).await
    });
    assert_eq!(one, two);
}

#[tokio::test]
async fn a_member_id_that_nobody_came_back_for_is_no_member() {
    let broker = TestBroker::start("").await;
    let mut ghost = Member::new(broker.client().await, GROUP);
    let first = ghost.try_join().await;
    assert_eq!(first.error_code, ErrorCode::MEMBER_ID_REQUIRED);
    assert!(!first.member_id.is_empty());
    drop(ghost);
    let mut member = Member::new(broker.client().await, GROUP);
    let joined = tokio::time::timeout(PATIENCE, member.join()).await.expect("nobody waits for the ghost");
    assert_eq!((joined.error_code, joined.members.len()), (ErrorCode::NONE, 1));
}

#[tokio::test]
async fn a_session_timeout_out_of_bounds_is_refused() {
    let broker = TestBroker::start("").await;
    let member = Member::new(broker.client().await, GROUP);
    let mut client = broker.client().await;
    for session_timeout_ms in [5_999, 1_800_001] {
        let request = JoinGroupRequest { session_timeout_ms, ..member.join_request() };
        let answer = client.send(&request, 7).await.expect("an answer");
        assert_eq!(answer.error_code, ErrorCode::INVALID_SESSION_TIMEOUT);
    }
}

#[tokio::test]
async fn a_static_member_comes_back_without_a_rebalance_and_its_old_self_is_fenced() {
    let broker = TestBroker::start("").await;
    let static_member = async |instance: &str| {
        let mut member = Member::new(broker.client().await, GROUP);
        member.instance = Some(instance.to_owned());
        member
    };
    let mut old = static_member("pier-1").await;
    let joined = old.join().await;
    assert_eq!(old.sync(&joined, own_id).await.error_code, ErrorCode::NONE);
    let mut new = static_member("pier-1").await;
    let joined = new.join().await;
    assert_eq!((joined.error_code, new.generation), (ErrorCode::NONE, old.generation));
    assert_ne!(new.id, old.id);
    assert_eq!(old.heartbeat().await, ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(new.heartbeat().await, ErrorCode::NONE);
    new.id.clear();
    assert_eq!(new.leave().await, ErrorCode::NONE, "by the instance id alone");
    assert_eq!(describe(&mut new).await, ("Empty".to_owned(), 0));
}

#[tokio::test]
async fn a_group_that_is_not_there_is_dead_and_filters_are_case_insensitive() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    assert_eq!(client.commit(GROUP, ("", -1), TOPIC, 1).await, ErrorCode::NONE);
    let request = DescribeGroupsRequest { groups: vec!["nobody".into()], ..Default::default() };
    for (version, expected) in [(5, ErrorCode::NONE), (6, ErrorCode::GROUP_ID_NOT_FOUND)] {
        let answer = client.send(&request, version).await.expect("an answer");
        assert_eq!((&*answer.groups[0].group_state, answer.groups[0].error_code), ("Dead", expected));
    }
    for (state, kind, found) in [("EMPTY", "CLASSIC", 1), ("empty", "classic", 1), ("Stable", "classic", 0)] {
        let request = ListGroupsRequest { states_filter: vec![state.into()], types_filter: vec![kind.into()] };
        let answer = client.send(&request, 5).await.expect("an answer");
        assert_eq!(answer.groups.len(), found, "{state} {kind}");
    }
}

#[tokio::test]
async fn another_protocol_type_is_inconsistent_and_an_empty_assignment_is_valid() {
    let broker = TestBroker::start("").await;
    let mut member = Member::new(broker.client().await, GROUP);
    let joined = member.join().await;
    let synced = member.sync(&joined, |_| Bytes::new()).await;
    assert_eq!((synced.error_code, synced.assignment.len()), (ErrorCode::NONE, 0));
    let mut other = Member::new(broker.client().await, GROUP);
    let request = JoinGroupRequest { protocol_type: "connect".into(), ..other.join_request() };
    let answer = other.client.send(&request, 7).await.expect("an answer");
    assert_eq!(answer.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    assert_eq!(member.heartbeat().await, ErrorCode::NONE);
}
