//! Futures that are dropped at every point where they can wait.

use std::time::Duration;

use naru_client::Record;
use naru_client::admin::NewTopic;

use crate::support::cluster::{Cluster, unique};
use crate::support::{polled, until, within};

/// More waits than any call here has.
const MOST_POLLS: usize = 200;

/// Runs `call` again and again, dropping it one poll later each time, until it gets through. `after` checks the state in
/// between.
async fn dropped_at_every_wait<T>(mut call: impl AsyncFnMut(usize) -> Option<T>) -> T {
    for polls in 1..MOST_POLLS {
        if let Some(output) = call(polls).await {
            return output;
        }
    }
    panic!("the call was never through after {MOST_POLLS} polls");
}

#[tokio::test]
async fn a_dropped_enqueue_leaves_no_record_and_a_dropped_send_one_at_most() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    // Each round with a producer that knows nothing yet: the look-up of the topic is among the waits.
    let mut enqueued = 0;
    dropped_at_every_wait(async |polls| {
        let producer = cluster.producer();
        let delivery = polled(polls, producer.enqueue(Record::to(&*topic).value("enqueued"))).await?;
        enqueued += 1;
        within("an outcome", delivery.expect("room")).await.expect("written");
        Some(())
    })
    .await;
    let mut tried = 0;
    dropped_at_every_wait(async |polls| {
        let producer = cluster.producer();
        tried += 1;
        let sent = polled(polls, producer.send(Record::to(&*topic).value("sent"))).await;
        within("a flush", producer.flush()).await;
        sent.map(|sent| sent.expect("written"))
    })
    .await;
    let values = cluster.values(&topic, 0).await;
    assert_eq!(values.iter().filter(|value| *value == "enqueued").count(), enqueued);
    let sent = values.iter().filter(|value| *value == "sent").count();
    assert!((1..=tried).contains(&sent), "{sent} of {tried}");
}

#[tokio::test]
async fn a_dropped_delivery_does_not_take_the_record_back() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for n in 0..50 {
        let delivery = within("room", producer.enqueue(Record::to(&*topic).value(n.to_string()))).await.unwrap();
        if n % 2 == 0 {
            drop(delivery);
        } else {
            let _ = polled(1, delivery).await;
        }
    }
    within("a flush", producer.flush()).await;
    assert_eq!(cluster.values(&topic, 0).await, crate::support::numbered(0..50));
}

#[tokio::test]
async fn who_stops_waiting_for_room_takes_none() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.buffer_memory(2_000).linger(Duration::from_secs(30)));
    drop(within("room", producer.enqueue(Record::to(&*topic).value("first"))).await.unwrap());
    drop(within("room", producer.enqueue(Record::to(&*topic).value(vec![b'a'; 1_300]))).await.unwrap());
    for _ in 0..20 {
        let waiting = polled(1, producer.enqueue(Record::to(&*topic).value(vec![b'b'; 1_300]))).await;
        assert!(waiting.is_none(), "there is no room");
    }
    within("a flush", producer.flush()).await;
    assert_eq!(producer.buffered_bytes(), 0);
    drop(within("room", producer.enqueue(Record::to(&*topic).value(vec![b'c'; 1_300]))).await.unwrap());
    within("a flush", producer.flush()).await;
    let values = cluster.values(&topic, 0).await;
    assert_eq!(values.iter().map(|value| &value[..1]).collect::<Vec<_>>(), ["f", "a", "c"]);
}

#[tokio::test]
async fn a_dropped_flush_or_close_loses_nothing() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let mut sent = 0;
    for close in [false, true] {
        dropped_at_every_wait(async |polls| {
            let producer = cluster.producer_with(|builder| builder.linger(Duration::from_millis(1)));
            for _ in 0..10 {
                drop(within("room", producer.enqueue(Record::to(&*topic).value(sent.to_string()))).await.unwrap());
                sent += 1;
            }
            let through = if close {
                polled(polls, producer.close(Duration::from_secs(20))).await.map(|closed| closed.expect("in time"))
            } else {
                polled(polls, producer.flush()).await
            };
            // Whether it got through or not, all is sent in the end.
            within("a flush", producer.flush()).await;
            assert_eq!(cluster.stored(&topic, 0).await.len(), sent);
            through
        })
        .await;
    }
    assert_eq!(cluster.values(&topic, 0).await, crate::support::numbered(0..sent));
}

#[tokio::test]
async fn dropped_calls_of_the_admin_leave_a_client_that_works() {
    let cluster = Cluster::any().await;
    let client = cluster.client();
    dropped_at_every_wait(async |polls| polled(polls, cluster.client().admin().describe_cluster()).await)
        .await
        .expect("a description");
    dropped_at_every_wait(async |polls| polled(polls, client.admin().list_topics()).await).await.expect("topics");
    let name = unique("created");
    let outcome = dropped_at_every_wait(async |polls| {
        polled(polls, client.admin().create_topic(NewTopic::new(&*name).partitions(1).replication_factor(1))).await
    })
    .await;
    // One that was dropped may have done it.
    assert!(outcome.is_ok() || outcome.unwrap_err().is_already_exists());
    until("the topic", async || client.admin().describe_topic(&*name).await.is_ok()).await;
}
