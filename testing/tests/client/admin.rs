//! The admin: what it changes is so, and what it says is true.

use std::collections::BTreeMap;

use naru_client::admin::{
    ConfigChange, ConfigResource, ConfigResourceKind, ConfigSource, GroupFilter, NewTopic, OffsetSpec,
};
use naru_client::{ErrorCode, Record, TopicPartition};

use crate::support::cluster::{Cluster, unique};
use crate::support::{until, within};

#[tokio::test]
async fn a_topic_is_made_described_grown_and_deleted() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let name = unique("orders");
    let topic = NewTopic::new(&*name).partitions(3).replication_factor(1).config("retention.ms", "3600000");
    let created = within("a topic", admin.create_topic(topic.clone())).await.unwrap();
    assert_eq!((created.partitions, created.replication_factor), (3, 1));

    let error = within("a refusal", admin.create_topic(topic)).await.unwrap_err();
    assert!(error.is_already_exists(), "{error}");

    let described = within("a description", admin.describe_topic(&*name)).await.unwrap();
    assert_eq!((described.id, described.partitions.len(), described.internal), (created.id, 3, false));
    assert!(described.partitions.iter().all(|partition| partition.leader.is_some()));
    let listed = within("a list", admin.list_topics()).await.unwrap();
    assert!(listed.iter().any(|topic| topic.name == *name));

    within("more partitions", admin.grow_topic(&*name, 5)).await.unwrap();
    assert_eq!(within("a description", admin.describe_topic(&*name)).await.unwrap().partitions.len(), 5);
    let error = within("a refusal", admin.grow_topic(&*name, 2)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::INVALID_PARTITIONS), "{error}");

    within("the end", admin.delete_topic(&*name)).await.unwrap();
    let error = within("a refusal", admin.describe_topic(&*name)).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(within("a refusal", admin.delete_topic(&*name)).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn of_several_topics_each_has_its_own_outcome() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let (good, bad) = (unique("good"), "not a name".to_owned());
    let topics = [&bad, &good].map(|name| NewTopic::new(&**name).partitions(1).replication_factor(1));
    let outcomes = within("outcomes", admin.create_topics(topics)).await.unwrap();
    assert_eq!(outcomes.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), [&*bad, &*good]);
    assert_eq!(outcomes[0].1.as_ref().unwrap_err().code(), Some(ErrorCode::INVALID_TOPIC_EXCEPTION));
    assert!(outcomes[1].1.is_ok());
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let (existing, name) = (cluster.topic(1).await, unique("imagined"));
    let dry = admin.clone().dry_run();
    let topic = NewTopic::new(&*name).partitions(1).replication_factor(1);
    within("an answer", dry.create_topic(topic)).await.unwrap();
    within("an answer", dry.delete_topic(&*existing)).await.unwrap();
    within("an answer", dry.grow_topic(&*existing, 9)).await.unwrap();
    assert!(within("an answer", admin.describe_topic(&*name)).await.unwrap_err().is_not_found());
    assert_eq!(within("an answer", admin.describe_topic(&*existing)).await.unwrap().partitions.len(), 1);
}

#[tokio::test]
async fn configs_are_changed_and_say_where_they_come_from() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic_with(1, &[("retention.ms", "1000000")]).await;
    let resource = ConfigResource::topic(&*topic);
    let changes = [ConfigChange::set("max.message.bytes", "5000"), ConfigChange::unset("retention.ms")];
    within("a change", admin.alter_config(resource.clone(), changes)).await.unwrap();
    let looked_up = async |name: &str| {
        let configs = within("configs", admin.describe_config(resource.clone())).await.unwrap();
        configs.into_iter().find(|config| config.name == *name).expect("a setting that exists")
    };
    until("the new value", async || looked_up("max.message.bytes").await.value.as_deref() == Some("5000")).await;
    assert_eq!(looked_up("max.message.bytes").await.source, ConfigSource::Topic);
    assert_ne!(looked_up("retention.ms").await.value.as_deref(), Some("1000000"));

    let error = within("a refusal", admin.alter_config(resource, [ConfigChange::set("retention.ms", "soon")])).await;
    assert_eq!(error.unwrap_err().code(), Some(ErrorCode::INVALID_CONFIG));
}

#[tokio::test]
async fn groups_and_subscriptions_have_settings_and_are_listed_while_they_do() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let (group, metrics) = (unique("billing"), unique("latency"));
    let settings = [
        (ConfigResource::group(&*group), "consumer.session.timeout.ms", "50000", ConfigSource::Group),
        (ConfigResource::client_metrics(&*metrics), "interval.ms", "60000", ConfigSource::ClientMetrics),
    ];
    for (resource, name, value, source) in settings {
        let kind = resource.kind();
        let is_listed = async || {
            let listed = within("a list", admin.list_config_resources([kind])).await.unwrap();
            listed.contains(&resource)
        };
        let looked_up = async || {
            let configs = within("configs", admin.describe_config(resource.clone())).await.unwrap();
            configs.into_iter().find(|config| config.name == *name).expect("a setting that exists")
        };
        assert!(looked_up().await.is_default());
        assert!(!is_listed().await);
        within("a change", admin.alter_config(resource.clone(), [ConfigChange::set(name, value)])).await.unwrap();
        until("the new value", async || looked_up().await.value.as_deref() == Some(value)).await;
        assert_eq!(looked_up().await.source, source);
        assert!(is_listed().await);
        within("a change", admin.alter_config(resource.clone(), [ConfigChange::unset(name)])).await.unwrap();
        until("the end of it", async || !is_listed().await).await;
    }
}

#[tokio::test]
async fn everything_that_has_settings_is_listed() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic(1).await;
    let brokers = within("a list", admin.list_config_resources([ConfigResourceKind::Broker])).await.unwrap();
    let [ConfigResource::Broker(id), ..] = brokers[..] else { panic!("{brokers:?}") };
    let all = within("a list", admin.list_config_resources([])).await.unwrap();
    for expected in [ConfigResource::topic(&*topic), ConfigResource::Broker(id), ConfigResource::BrokerLogger(id)] {
        assert!(all.contains(&expected), "{expected} among {all:?}");
    }
    let loggers = within("loggers", admin.describe_config(ConfigResource::BrokerLogger(id))).await.unwrap();
    let root = loggers.iter().find(|logger| logger.name == "root").expect("a root logger");
    assert_eq!(root.source, ConfigSource::BrokerLogger);
}

#[tokio::test]
async fn offsets_are_found_by_end_and_by_time() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    for n in 0..10 {
        let record = Record::to(&*topic).value("x").timestamp(1_700_000_000_000 + 1000 * n);
        within("an outcome", producer.send(record)).await.unwrap();
    }
    let partition = TopicPartition::new(&*topic, 0);
    for (spec, expected) in [
        (OffsetSpec::Earliest, Some(0)),
        (OffsetSpec::Latest, Some(10)),
        (OffsetSpec::MaxTimestamp, Some(9)),
        (OffsetSpec::At(1_700_000_003_500), Some(4)),
        (OffsetSpec::At(1_900_000_000_000), None),
    ] {
        let found = within("an offset", admin.list_offset(partition.clone(), spec)).await.unwrap();
        assert_eq!(found.offset, expected, "{spec:?}");
    }
    let missing = TopicPartition::new(unique("missing"), 0);
    let error = within("a refusal", admin.list_offset(missing, OffsetSpec::Latest)).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn offsets_of_a_group_are_set_listed_and_deleted() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let (topic, group) = (cluster.topic(2).await, unique("group"));
    let producer = cluster.producer();
    for partition in [0, 1] {
        within("an outcome", producer.send(Record::to(&*topic).partition(partition).value("x"))).await.unwrap();
    }
    let [first, second] = [0, 1].map(|partition| TopicPartition::new(&*topic, partition));
    let offsets = [(first.clone(), 1), (second.clone(), 0)];
    let changed = within("a change", admin.alter_offsets(&*group, offsets)).await.unwrap();
    assert!(changed.iter().all(|(_, outcome)| outcome.is_ok()), "{changed:?}");
    let committed = async || -> BTreeMap<TopicPartition, i64> {
        let committed = within("offsets", admin.committed_offsets(&*group)).await.unwrap();
        committed.into_iter().map(|(partition, committed)| (partition, committed.offset)).collect()
    };
    assert_eq!(committed().await, BTreeMap::from([(first.clone(), 1), (second.clone(), 0)]));

    let listed = within("a list", admin.list_groups(GroupFilter::default())).await.unwrap();
    assert!(listed.iter().any(|found| found.id == *group), "{listed:?}");
    assert!(within("a description", admin.describe_group(&*group)).await.unwrap().members.is_empty());

    within("a change", admin.delete_offsets(&*group, [second])).await.unwrap();
    assert_eq!(committed().await, BTreeMap::from([(first, 1)]));
    within("the end", admin.delete_group(&*group)).await.unwrap();
    assert!(committed().await.is_empty());
    assert!(within("a refusal", admin.delete_group(&*group)).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn the_cluster_names_its_brokers() {
    let cluster = Cluster::any().await;
    let described = within("a description", cluster.client().admin().describe_cluster()).await.unwrap();
    assert!(!described.brokers.is_empty());
    assert!(described.brokers.iter().any(|broker| format!("{}:{}", broker.host, broker.port) == cluster.address()));
}
