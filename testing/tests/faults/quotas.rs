//! Quotas: who is limited takes as long as he must, loses nothing and stays where he is.

use std::time::{Duration, Instant};

use naru_client::admin::{GroupState, QuotaChange, QuotaEntity, QuotaKey, QuotaName};
use naru_client::{ApiKey, Record};

use crate::support::cluster::Cluster;
use crate::support::within;

/// Two samples of a second: a client may use the rate of one second at once, and is measured over two at most.
const WINDOW: [(&str, &str); 1] = [("quota.window.num", "2")];

const RATE: usize = 50_000;

async fn limit(cluster: &Cluster, key: QuotaKey, bound: f64) {
    let change = QuotaChange::set(key, bound);
    let everybody = QuotaEntity::client_id(QuotaName::Default);
    within("a quota", cluster.client().admin().alter_client_quota(everybody, [change])).await.unwrap();
}

fn second_of_bytes(topic: &str) -> Record {
    Record::to(topic).value("b".repeat(RATE))
}

#[tokio::test]
async fn a_producer_takes_as_long_as_its_quota_wants() {
    let cluster = Cluster::own_with(&WINDOW).await;
    let topic = cluster.topic(1).await;
    limit(&cluster, QuotaKey::ProducerByteRate, RATE as f64).await;
    let producer = cluster.producer();
    let began = Instant::now();
    for _ in 0..4 {
        within("an outcome", producer.send(second_of_bytes(&topic))).await.unwrap();
    }
    // Behind the first second, which is for nothing, each waits for one of its own.
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(cluster.stored(&topic, 0).await.len(), 4);
}

#[tokio::test]
async fn a_lost_connection_is_no_way_around_a_quota() {
    let cluster = Cluster::with_proxy_and(&WINDOW).await;
    let topic = cluster.topic(1).await;
    limit(&cluster, QuotaKey::ProducerByteRate, RATE as f64).await;
    let producer = cluster.producer();
    let began = Instant::now();
    for round in 0..4 {
        let lost = (round == 1).then(|| cluster.broker().proxy().lose_answer(ApiKey::Produce));
        within("an outcome", producer.send(second_of_bytes(&topic))).await.unwrap();
        assert!(lost.is_none_or(|lost| lost.has_happened()));
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(cluster.stored(&topic, 0).await.len(), 4, "each once");
}

#[tokio::test]
async fn a_consumer_takes_as_long_as_its_quota_wants() {
    let cluster = Cluster::own_with(&WINDOW).await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for _ in 0..4 {
        within("an outcome", producer.send(second_of_bytes(&topic))).await.unwrap();
    }
    // A batch has to fit into what a second brings, or it never comes.
    limit(&cluster, QuotaKey::ConsumerByteRate, 1.2 * RATE as f64).await;
    let settings = cluster.client().consumer().topics([&*topic]);
    let mut consumer = within("a consumer", settings.build()).await.unwrap();
    within("the first record", consumer.recv()).await.unwrap();
    let began = Instant::now();
    for _ in 1..4 {
        let record = within("a record", consumer.recv()).await.unwrap();
        assert_eq!(record.value.map(|value| value.len()), Some(RATE));
    }
    assert!(began.elapsed() >= Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_member_that_gets_next_to_no_time_stays_in_its_group() {
    let cluster = Cluster::own_with(&WINDOW).await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for number in 0..20 {
        within("an outcome", producer.send(Record::to(&*topic).value(number.to_string()))).await.unwrap();
    }
    let settings = cluster.client().consumer().group("slow").topics([&*topic]);
    let mut consumer = within("a consumer", settings.build()).await.unwrap();
    within("a record", consumer.recv()).await.unwrap();

    limit(&cluster, QuotaKey::RequestPercentage, 1e-6).await;
    // Each of its requests is followed by a pause of a second.
    for _ in 0..3 {
        within("a commit", consumer.commit()).await.unwrap();
    }
    let admin = cluster.client().admin();
    let group = within("the group", admin.describe_group("slow")).await.unwrap();
    assert_eq!((group.state, group.members.len()), (GroupState::Stable, 1));

    let everybody = QuotaEntity::client_id(QuotaName::Default);
    let change = QuotaChange::remove(QuotaKey::RequestPercentage);
    within("the end of the quota", admin.alter_client_quota(everybody, [change])).await.unwrap();
    for _ in 1..20 {
        within("a record", consumer.recv()).await.unwrap();
    }
}
