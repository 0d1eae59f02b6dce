//! Futures that are dropped at every point where they can wait.

use std::time::Duration;

use naru_client::admin::{ConfigChange, ConfigResource, GroupFilter, NewTopic, OffsetSpec};
use naru_client::{Admin, Client, Error, ErrorCode, Record, TopicPartition};

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

/// Drops a call about something at each of its waits. After each drop another call is made on the same connections: it must
/// get its own answer.
async fn dropped_and_asked<T>(client: &Client, topic: &str, mut call: impl AsyncFnMut(Admin) -> Result<T, Error>) -> T {
    let outcome = dropped_at_every_wait(async |polls| {
        let outcome = polled(polls, call(client.admin())).await;
        let next = within("the next answer", client.admin().describe_topic(topic)).await.expect("an answer");
        assert_eq!(next.name, *topic);
        outcome
    })
    .await;
    outcome.expect("an answer")
}

#[tokio::test]
async fn whatever_the_admin_is_asked_a_dropped_call_leaves_connections_that_work() {
    let cluster = Cluster::any().await;
    let (topic, group) = (cluster.topic(2).await, unique("group"));
    cluster.send(&topic, 0, ["a", "b"]).await;
    let place = TopicPartition::new(&*topic, 0);
    let client = cluster.client();

    let described = dropped_and_asked(&client, &topic, async |admin| admin.describe_cluster().await).await;
    assert!(!described.brokers.is_empty());
    let listed = dropped_and_asked(&client, &topic, async |admin| admin.list_topics().await).await;
    assert!(listed.iter().any(|listed| listed.name == *topic));
    let described = dropped_and_asked(&client, &topic, async |admin| admin.describe_topic(&*topic).await).await;
    assert_eq!(described.partitions.len(), 2);
    let resource = ConfigResource::topic(&*topic);
    let set = ConfigChange::set("retention.ms", "1234567");
    let alter = async |admin: Admin| admin.alter_config(resource.clone(), [set.clone()]).await;
    dropped_and_asked(&client, &topic, alter).await;
    let describe = async |admin: Admin| admin.describe_config(resource.clone()).await;
    until("the new setting", async || {
        // Kafka's broker hears of it a little later than its controller.
        let configs = dropped_and_asked(&client, &topic, describe).await;
        let retention = configs.iter().find(|config| config.name == "retention.ms").expect("it is set");
        retention.value.as_deref() == Some("1234567")
    })
    .await;
    let end = async |admin: Admin| admin.list_offset(place.clone(), OffsetSpec::Latest).await;
    assert_eq!(dropped_and_asked(&client, &topic, end).await.offset, Some(2));

    let commit = async |admin: Admin| admin.alter_offsets(&*group, [(place.clone(), 1)]).await;
    let altered = dropped_and_asked(&client, &topic, commit).await;
    assert!(altered.iter().all(|(_, outcome)| outcome.is_ok()), "{altered:?}");
    let committed = dropped_and_asked(&client, &topic, async |admin| admin.committed_offsets(&*group).await).await;
    assert_eq!(committed[&place].offset, 1);
    let groups = async |admin: Admin| admin.list_groups(GroupFilter::default()).await;
    assert!(dropped_and_asked(&client, &topic, groups).await.iter().any(|listed| listed.id == *group));
    let described = dropped_and_asked(&client, &topic, async |admin| admin.describe_group(&*group).await).await;
    assert_eq!(described.id, *group);
    let forget = async |admin: Admin| admin.delete_offsets(&*group, [place.clone()]).await;
    dropped_and_asked(&client, &topic, forget).await;
    until("offsets that are forgotten", async || {
        client.admin().committed_offsets(&*group).await.is_ok_and(|committed| committed.is_empty())
    })
    .await;
}

/// What a call that was dropped before may have done already.
fn done_before(outcome: Result<(), Error>, is_that: impl Fn(&Error) -> bool) -> Result<(), Error> {
    outcome.or_else(|error| if is_that(&error) { Ok(()) } else { Err(error) })
}

#[tokio::test]
async fn a_dropped_change_is_made_or_not_and_can_be_made_again() {
    let cluster = Cluster::any().await;
    let (topic, created, group) = (cluster.topic(1).await, unique("created"), unique("group"));
    let client = cluster.client();
    let create = async |admin: Admin| {
        let outcome = admin.create_topic(NewTopic::new(&*created).partitions(1).replication_factor(1)).await;
        done_before(outcome.map(drop), Error::is_already_exists)
    };
    dropped_and_asked(&client, &topic, create).await;
    until("the topic", async || client.admin().describe_topic(&*created).await.is_ok()).await;
    let has_three = |error: &Error| error.code() == Some(ErrorCode::INVALID_PARTITIONS);
    let grow = async |admin: Admin| done_before(admin.grow_topic(&*created, 3).await, has_three);
    dropped_and_asked(&client, &topic, grow).await;
    let grown = async || client.admin().describe_topic(&*created).await.is_ok_and(|topic| topic.partitions.len() == 3);
    until("three partitions", grown).await;

    let place = TopicPartition::new(&*created, 0);
    within("a commit", client.admin().alter_offsets(&*group, [(place, 0)])).await.unwrap();
    let delete = async |admin: Admin| done_before(admin.delete_group(&*group).await, Error::is_not_found);
    dropped_and_asked(&client, &topic, delete).await;
    until("the end of the group", async || {
        client.admin().committed_offsets(&*group).await.is_ok_and(|committed| committed.is_empty())
    })
    .await;
    let delete = async |admin: Admin| done_before(admin.delete_topic(&*created).await, Error::is_not_found);
    dropped_and_asked(&client, &topic, delete).await;
    let gone = async || client.admin().describe_topic(&*created).await.is_err_and(|error| error.is_not_found());
    until("the end of the topic", gone).await;
}
