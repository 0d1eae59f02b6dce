//! What a clean restart keeps, and what `kill -9` cannot take.

use naru_client::raw::Error;
use naru_protocol::ErrorCode;
use tokio::sync::watch;

use crate::client::{
    Client, EARLIEST, LATEST, batch, commit_request, create_request, delete_request, produce_request, produced,
    sequenced,
};
use crate::member::Member;
use crate::process::BrokerProcess;
use crate::setup::TestBroker;

const TOPIC: &str = "crossings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_are_known_after_kill_9_five_deep() {
    let mut broker = BrokerProcess::start("");
    let mut client = Client::connect(broker.address()).await;
    client.create(TOPIC, 1, &[]).await;
    let id = client.producer_id().await;
    let mut next = 0;
    for _ in 0..2 {
        for sequence in next..next + 6 {
            assert_eq!(client.append(TOPIC, sequenced((id, 0, sequence), &["x"])).await, i64::from(sequence));
        }
        next += 6;
        broker.kill_and_start_again();
        client = Client::connect(broker.address()).await;
        for sequence in next - 5..next {
            assert_eq!(client.append(TOPIC, sequenced((id, 0, sequence), &["x"])).await, i64::from(sequence));
        }
        let gap = client.produce(TOPIC, sequenced((id, 0, next + 1), &["x"])).await;
        assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, i64::from(next));
    }
    assert_eq!(client.list_offset(TOPIC, EARLIEST).await.offset, 0);
}

#[tokio::test]
async fn duplicates_are_known_after_a_clean_restart_five_deep() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    for sequence in 0..6 {
        client.append(TOPIC, sequenced((700, 2, sequence), &["x"])).await;
    }
    drop(client);
    let broker = broker.restart().await;
    let mut client = broker.client().await;
    for sequence in 1..6 {
        assert_eq!(client.append(TOPIC, sequenced((700, 2, sequence), &["x"])).await, i64::from(sequence));
    }
    assert_eq!(
        client.produce(TOPIC, sequenced((700, 2, 0), &["x"])).await.error_code,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(
        client.produce(TOPIC, sequenced((700, 1, 6), &["x"])).await.error_code,
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    assert_eq!(client.append(TOPIC, sequenced((700, 2, 6), &["x"])).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_kill_9_in_the_middle_of_writes() {
    let mut broker = BrokerProcess::start("");
    Client::connect(broker.address()).await.create(TOPIC, 1, &[]).await;
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let mut writers = tokio::task::JoinSet::new();
        let (enough, mut heard) = tokio::sync::mpsc::channel(1000);
        for writer in 0..3 {
            let (address, enough) = (broker.address().to_owned(), enough.clone());
            writers.spawn(async move {
                let mut written = Vec::new();
                let mut client = Client::connect(&address).await;
                for number in 0..10_000 {
                    let value = format!("{round}:{writer}:{number}");
                    let request = produce_request(TOPIC, 0, batch(&[&value]), -1);
                    let Ok(answer) = client.send(&request, 11).await else { break };
                    let outcome = produced(answer);
                    assert_eq!(outcome.error_code, ErrorCode::NONE);
                    written.push((outcome.base_offset, value));
                    // Nobody listens any more once there was enough.
                    let _ = enough.try_send(());
                }
                written
            });
        }
        for _ in 0..60 {
            heard.recv().await.expect("the writers write");
        }
        broker.kill_and_start_again();
        acknowledged.extend(writers.join_all().await.into_iter().flatten());
        let got = Client::connect(broker.address()).await.values(TOPIC, 0).await;
        for (offset, value) in &acknowledged {
            assert_eq!(got.get(*offset as usize), Some(value), "acknowledged at {offset}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_goes_on_after_kill_9_same_generation_no_rebalance() {
    let mut broker = BrokerProcess::start("");
    let mut member = Member::new(Client::connect(broker.address()).await, "ferrymen");
    member.client.create(TOPIC, 1, &[]).await;
    let joined = member.join().await;
    let assignment = bytes::Bytes::from_static(b"all of it");
    assert_eq!(member.sync(&joined, |_| assignment.clone()).await.error_code, ErrorCode::NONE);
    assert_eq!(member.commit(TOPIC, 7).await, ErrorCode::NONE);
    for round in 0..2 {
        broker.kill_and_start_again();
        member.client = Client::connect(broker.address()).await;
        assert_eq!(member.heartbeat().await, ErrorCode::NONE, "the heartbeat goes on");
        assert_eq!(member.client.committed("ferrymen", TOPIC).await.committed_offset, 7 + round);
        assert_eq!(member.commit(TOPIC, 8 + round).await, ErrorCode::NONE, "in the same generation");
        // Who asks again gets the assignment that was given before the kill.
        assert_eq!(member.sync(&joined, |_| bytes::Bytes::new()).await.assignment, assignment);
    }
    let mut second = Member::new(Client::connect(broker.address()).await, "ferrymen");
    let (generation, joins) = (member.generation, second.join());
    let rejoined = async {
        while member.heartbeat().await == ErrorCode::NONE {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        member.join().await
    };
    let (second, first) = tokio::join!(joins, rejoined);
    assert_eq!((first.generation_id, second.generation_id), (generation + 1, generation + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_ids_settings_and_deletions_survive_kill_9() {
    let mut broker = BrokerProcess::start("num.partitions=2");
    let mut client = Client::connect(broker.address()).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(client.create(name, 3, &[("max.message.bytes", "500")]).await);
    }
    client.metadata(&["auto"], true).await;
    client.append("b", batch(&["gone"])).await;
    assert_eq!(client.delete("b").await, ErrorCode::NONE);
    ids[1] = client.create("b", 1, &[]).await;
    assert_eq!(client.delete("c").await, ErrorCode::NONE);
    let cluster_id = client.metadata(&[], false).await.cluster_id;

    broker.kill_and_start_again();
    let mut client = Client::connect(broker.address()).await;
    assert_eq!(client.topics().await, ["a", "auto", "b"]);
    let metadata = client.metadata(&["a", "b", "auto"], false).await;
    let found: Vec<_> = metadata.topics.iter().map(|topic| (topic.topic_id, topic.partitions.len())).collect();
    assert_eq!(found[..2], [(ids[0], 3), (ids[1], 1)]);
    assert_eq!(found[2].1, 2);
    assert_eq!(metadata.cluster_id, cluster_id);
    assert_eq!(client.values("b", 0).await, [""; 0]);
    let large = batch(&[&"x".repeat(800)]);
    assert_eq!(client.produce("a", large.clone()).await.error_code, ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(client.append("b", large).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_epoch_grows_with_kill_9_too() {
    let mut broker = BrokerProcess::start("");
    Client::connect(broker.address()).await.create(TOPIC, 1, &[]).await;
    for epoch in 0..3 {
        let mut client = Client::connect(broker.address()).await;
        assert_eq!(client.metadata(&[TOPIC], false).await.topics[0].partitions[0].leader_epoch, epoch);
        client.append(TOPIC, batch(&["x"])).await;
        let batches = crate::client::fetched_batches(&client.read(TOPIC, 0).await);
        let epochs: Vec<_> = batches.iter().map(|batch| batch.header().partition_leader_epoch).collect();
        assert_eq!(epochs, (0..=epoch).collect::<Vec<_>>());
        broker.kill_and_start_again();
    }
}

/// Commits one offset after the other until the broker is gone.
async fn commit_until_cut_off(address: String, from: i64, acknowledged: watch::Sender<i64>) -> Result<(), Error> {
    let mut client = Client::connect(&address).await;
    for offset in from..from + 100_000 {
        let answer = client.send(&commit_request("ferrymen", ("", -1), TOPIC, offset), 8).await?;
        assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::NONE);
        acknowledged.send_replace(offset);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn committed_offsets_never_go_back_across_kill_9_in_the_middle_of_commits() {
    let mut broker = BrokerProcess::start("");
    Client::connect(broker.address()).await.create(TOPIC, 1, &[]).await;
    let mut next = 1;
    for _ in 0..3 {
        let (acknowledged, mut heard) = watch::channel(0);
        let committing = tokio::spawn(commit_until_cut_off(broker.address().to_owned(), next, acknowledged));
        heard.wait_for(|offset| *offset >= next + 30).await.expect("it commits");
        broker.kill_and_start_again();
        committing.await.expect("no panic").expect_err("it was cut off");
        let last = *heard.borrow();
        let found = Client::connect(broker.address()).await.committed("ferrymen", TOPIC).await.committed_offset;
        assert!([last, last + 1].contains(&found), "acknowledged {last}, found {found}");
        next = found + 1;
    }
}

/// Creates a topic, writes to it, and deletes the one before, until the broker is gone.
async fn change_topics_until_cut_off(
    address: String,
    round: i32,
    acknowledged: watch::Sender<i32>,
) -> Result<(), Error> {
    let mut client = Client::connect(&address).await;
    for number in 0..100_000 {
        let topic = format!("topic-{round}-{number}");
        let created = client.send(&create_request(&topic, 1, &[]), 7).await?;
        assert_eq!(created.topics[0].error_code, ErrorCode::NONE);
        let written = client.send(&produce_request(&topic, 0, batch(&["x"]), -1), 11).await?;
        assert_eq!(produced(written).error_code, ErrorCode::NONE);
        if number > 0 {
            let deleted = client.send(&delete_request(&format!("topic-{round}-{}", number - 1)), 6).await?;
            assert_eq!(deleted.responses[0].error_code, ErrorCode::NONE);
        }
        acknowledged.send_replace(number);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_topics_and_deletions_survive_kill_9_in_the_middle_of_them() {
    let mut broker = BrokerProcess::start("");
    for round in 0..3 {
        let (acknowledged, mut heard) = watch::channel(0);
        let changing = tokio::spawn(change_topics_until_cut_off(broker.address().to_owned(), round, acknowledged));
        heard.wait_for(|number| *number >= 10).await.expect("it creates and deletes");
        broker.kill_and_start_again();
        changing.await.expect("no panic").expect_err("it was cut off");
        let last = *heard.borrow();
        let mut client = Client::connect(broker.address()).await;
        let found = client.topics().await;
        let mut during = vec![format!("topic-{round}-{last}"), format!("topic-{round}-{}", last + 1)];
        let next = during[1].clone();
        during.sort();
        let whole = found == during || (found.len() == 1 && during.contains(&found[0]));
        assert!(whole, "acknowledged {last}, found {found:?}");
        for topic in &found {
            let values = client.values(topic, 0).await;
            assert!(values == ["x"] || (values.is_empty() && *topic == next), "{topic}: {values:?}");
            assert_eq!(client.delete(topic).await, ErrorCode::NONE);
        }
    }
}
