//! Committed offsets of groups.

use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};

use crate::client::batch;
use crate::setup::TestBroker;

const TOPIC: &str = "crossings";
const NOBODY: (&str, i32) = ("", -1);

#[tokio::test]
async fn offsets_of_unknown_groups_topics_and_partitions_are_minus_one_without_an_error() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    for (group, topic) in [("unknown", TOPIC), ("unknown", "nowhere"), ("known", "nowhere")] {
        assert_eq!(client.commit("known", NOBODY, TOPIC, 1).await, ErrorCode::NONE);
        let got = client.committed(group, topic).await;
        assert_eq!((got.error_code, got.committed_offset, got.committed_leader_epoch), (ErrorCode::NONE, -1, -1));
        assert_eq!(got.metadata.as_deref(), Some(""));
    }
}

#[tokio::test]
async fn a_group_without_members_commits_and_its_metadata_and_leader_epoch_come_back() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["x"])).await;
    assert_eq!(client.commit("group", NOBODY, TOPIC, 1).await, ErrorCode::NONE);
    let got = client.committed("group", TOPIC).await;
    assert_eq!((got.committed_offset, got.committed_leader_epoch), (1, 0));
    assert_eq!(got.metadata.as_deref(), Some("note"));
    // A generation needs members.
    assert_eq!(client.commit("group", ("stranger", 3), TOPIC, 2).await, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(client.committed("group", TOPIC).await.committed_offset, 1);
}

#[tokio::test]
async fn a_commit_for_an_unknown_topic_is_refused_beside_good_ones() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    assert_eq!(client.commit("group", NOBODY, "nowhere", 1).await, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.commit("group", NOBODY, TOPIC, 1).await, ErrorCode::NONE);
}

#[tokio::test]
async fn offset_fetch_version_1_says_everything_at_the_partition() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    assert_eq!(client.commit("group", NOBODY, TOPIC, 5).await, ErrorCode::NONE);
    let topic = OffsetFetchRequestTopic { name: TOPIC.into(), partition_indexes: vec![0, 1] };
    let request = OffsetFetchRequest { group_id: "group".into(), topics: Some(vec![topic]), ..Default::default() };
    let answer = client.send(&request, 1).await.expect("an answer");
    let got: Vec<_> = answer.topics[0].partitions.iter().map(|p| (p.error_code, p.committed_offset)).collect();
    assert_eq!(got, [(ErrorCode::NONE, 5), (ErrorCode::NONE, -1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_groups_commit_side_by_side_and_the_last_commit_of_each_stands_after_a_restart() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    let mut committers = tokio::task::JoinSet::new();
    for group in 0..10 {
        let mut client = broker.client().await;
        committers.spawn(async move {
            for offset in 0..50 {
                assert_eq!(client.commit(&format!("group-{group}"), NOBODY, TOPIC, offset).await, ErrorCode::NONE);
            }
        });
    }
    committers.join_all().await;
    drop(client);
    let broker = broker.restart().await;
    let mut client = broker.client().await;
    for group in 0..10 {
        assert_eq!(client.committed(&format!("group-{group}"), TOPIC).await.committed_offset, 49);
    }
}
