//! The admin: what it changes is so, and what it says is true.

use std::collections::BTreeMap;

use naru_client::admin::{
    ConfigChange, ConfigResource, ConfigResourceKind, ConfigSource, DeleteBefore, Election, ElectionType,
    FeatureChange, GroupFilter, NewTopic, OffsetSpec, QuotaChange, QuotaEntity, QuotaFilter, QuotaKey, QuotaName,
    ScramChange, ScramMechanism, ScramPassword,
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

#[tokio::test]
async fn records_are_deleted_from_the_start_of_partitions() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic(2).await;
    cluster.send(&topic, 0, (0..10).map(|n| n.to_string())).await;
    let [first, second, missing] = [0, 1, 2].map(|partition| TopicPartition::new(&*topic, partition));
    let earliest = async || {
        let listed = within("an offset", admin.list_offset(first.clone(), OffsetSpec::Earliest)).await;
        listed.unwrap().offset.unwrap()
    };
    let dry = admin.clone().dry_run();
    for (before, expected) in [(DeleteBefore::Offset(4), 4), (DeleteBefore::End, 10)] {
        assert_eq!(within("an answer", dry.delete_records_of(first.clone(), before)).await.unwrap(), expected);
    }
    let beyond = within("a refusal", dry.delete_records_of(first.clone(), DeleteBefore::Offset(11))).await;
    assert_eq!(beyond.unwrap_err().code(), Some(ErrorCode::OFFSET_OUT_OF_RANGE));
    assert_eq!(earliest().await, 0, "it was a dry run");

    let all =
        [(missing, DeleteBefore::End), (first.clone(), DeleteBefore::Offset(4)), (second, DeleteBefore::Offset(1))];
    let outcomes = within("outcomes", admin.delete_records(all)).await.unwrap();
    assert!(outcomes[0].1.as_ref().unwrap_err().is_not_found(), "{outcomes:?}");
    assert_eq!(*outcomes[1].1.as_ref().unwrap(), 4);
    assert_eq!(outcomes[2].1.as_ref().unwrap_err().code(), Some(ErrorCode::OFFSET_OUT_OF_RANGE));
    assert_eq!(earliest().await, 4);
    let lower = within("an answer", admin.delete_records_of(first.clone(), DeleteBefore::Offset(2))).await;
    assert_eq!(lower.unwrap(), 4, "the start never goes back");
    assert_eq!(within("an answer", admin.delete_records_of(first.clone(), DeleteBefore::End)).await.unwrap(), 10);

    let compacted = cluster.topic_with(1, &[("cleanup.policy", "compact")]).await;
    let compacted = TopicPartition::new(compacted, 0);
    let refused = within("a refusal", admin.delete_records_of(compacted, DeleteBefore::End)).await;
    assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::POLICY_VIOLATION));
}

#[tokio::test]
async fn log_directories_say_what_is_in_them() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic(2).await;
    cluster.send(&topic, 1, ["x".repeat(1000)]).await;
    let brokers = within("directories", admin.describe_log_dirs()).await.unwrap();
    let mut sizes = BTreeMap::new();
    for (broker, directories) in &brokers {
        let directories = directories.as_ref().unwrap();
        assert!(!directories.is_empty(), "broker {broker}");
        for (path, directory) in directories {
            let directory = directory.as_ref().unwrap();
            assert!(path.starts_with('/'), "{path}");
            assert!(directory.total_bytes.unwrap() > directory.usable_bytes.unwrap());
            let mine = directory.logs.iter().filter(|log| *log.partition.topic == *topic);
            sizes.extend(mine.map(|log| (log.partition.partition, (log.size_bytes, log.offset_lag, log.is_future))));
        }
    }
    assert_eq!(sizes[&0], (0, 0, false));
    assert!((1000..1200).contains(&sizes[&1].0), "{sizes:?}");
    let one = within("directories", admin.describe_log_dirs_of(brokers[0].0)).await.unwrap();
    assert_eq!(one[0].0, brokers[0].1.as_ref().unwrap()[0].0);
}

#[tokio::test]
async fn a_partition_names_the_producers_that_it_remembers() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic(1).await;
    let partition = TopicPartition::new(&*topic, 0);
    let described = async || within("producers", admin.describe_producers_of(partition.clone())).await.unwrap();
    assert_eq!(described().await, []);
    cluster.send(&topic, 0, ["a", "b", "c"]).await;
    let producers = described().await;
    assert_eq!(producers.len(), 1, "{producers:?}");
    assert_eq!((producers[0].producer_epoch, producers[0].last_sequence), (0, Some(2)));
    assert!(producers[0].last_timestamp.is_some());
    assert_eq!((producers[0].coordinator_epoch, producers[0].transaction_start), (None, None));
    let missing = TopicPartition::new(unique("missing"), 0);
    assert!(within("a refusal", admin.describe_producers_of(missing)).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_topic_of_many_partitions_is_described_page_by_page() {
    let cluster = Cluster::own_with(&[("max.request.partition.size.limit", "3")]).await;
    let admin = cluster.client().admin();
    let (wide, narrow) = (cluster.topic(8).await, cluster.topic(1).await);
    let names = [&*wide, "nope", &*narrow, &*wide];
    let described = within("descriptions", admin.describe_topics(names)).await.unwrap();
    let found = |at: usize| described[at].1.as_ref().unwrap();
    let numbers: Vec<i32> = found(0).partitions.iter().map(|partition| partition.partition).collect();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
    assert!(described[1].1.as_ref().unwrap_err().is_not_found());
    assert_eq!((found(2).partitions.len(), &found(2).name), (1, &narrow.into()));
    assert_eq!(found(3), found(0));
}

#[tokio::test]
async fn leaders_are_where_they_should_be_and_replicas_stay() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let topic = cluster.topic(2).await;
    let (known, unknown) = (TopicPartition::new(&*topic, 1), TopicPartition::new(&*topic, 9));
    for election in [ElectionType::Preferred, ElectionType::Unclean] {
        let asked = [unknown.clone(), known.clone()];
        let outcomes = within("an election", admin.elect_leaders(election, asked)).await.unwrap();
        assert!(outcomes[0].1.as_ref().unwrap_err().is_not_found());
        assert_eq!((&outcomes[1].0, outcomes[1].1.as_ref().ok()), (&known, Some(&Election::NotNeeded)));
    }
    let all = within("an election", admin.elect_all_leaders(ElectionType::Preferred)).await.unwrap();
    assert!(all.iter().all(|(_, outcome)| outcome.is_ok()), "{all:?}");

    let replicas = within("a topic", admin.describe_topic(&*topic)).await.unwrap().partitions.remove(1).replicas;
    let moves = [(known, Some(replicas)), (unknown, None), (TopicPartition::new(&*topic, 0), None)];
    let outcomes = within("moves", admin.alter_partition_reassignments(moves)).await.unwrap();
    let codes: Vec<_> =
        outcomes.iter().map(|(_, result)| result.as_ref().err().and_then(naru_client::Error::code)).collect();
    let expected = [None, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), Some(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS)];
    assert_eq!(codes, expected);
    assert!(within("moves", admin.list_partition_reassignments()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_quorum_and_the_features_are_described() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let quorum = within("the quorum", admin.describe_metadata_quorum()).await.unwrap();
    let leader = quorum.voters.iter().find(|voter| voter.id == quorum.leader).expect("the leader votes");
    assert!(leader.log_end >= quorum.high_watermark && quorum.high_watermark >= 0 && !leader.directory.is_nil());

    let features = within("the features", admin.describe_features()).await.unwrap();
    let level = features["metadata.version"].level.expect("a level");
    let dry = admin.clone().dry_run();
    let same = [("metadata.version", level, FeatureChange::Upgrade)];
    within("an update", dry.update_features(same)).await.unwrap();
    let unknown = [("no.such.feature", 1, FeatureChange::Upgrade)];
    let error = within("a refusal", admin.update_features(unknown)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::INVALID_UPDATE_VERSION), "{error}");
}

#[tokio::test]
async fn quotas_are_set_found_and_removed() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let user = unique("user");
    let (all, nightly) = (QuotaEntity::user(&*user), QuotaEntity::user(&*user).and_client_id("nightly"));
    let bound = |bound| vec![QuotaChange::set(QuotaKey::ProducerByteRate, bound)];
    let dry = admin.clone().dry_run();
    within("a dry run", dry.alter_client_quota(all.clone(), bound(5.0))).await.unwrap();

    let wrong = QuotaEntity::user(&*user).and_client_id("");
    let changes = [(all.clone(), bound(1e9)), (wrong, bound(1.0)), (nightly.clone(), bound(1e6))];
    let outcomes = within("outcomes", admin.alter_client_quotas(changes)).await.unwrap();
    let codes: Vec<_> =
        outcomes.iter().map(|(_, outcome)| outcome.as_ref().err().and_then(naru_client::Error::code)).collect();
    assert_eq!(codes, [None, Some(ErrorCode::INVALID_REQUEST), None]);

    let filter = || QuotaFilter::all().user(&*user);
    until("both quotas", async || admin.describe_client_quotas(filter()).await.unwrap().len() == 2).await;
    let strict = within("quotas", admin.describe_client_quotas(filter().strict())).await.unwrap();
    assert_eq!(strict.len(), 1);
    assert_eq!((&strict[0].entity, strict[0].bounds.get(&QuotaKey::ProducerByteRate)), (&all, Some(&1e9)));
    let default = within("quotas", admin.describe_client_quotas(filter().client_id(QuotaName::Default))).await.unwrap();
    assert!(default.is_empty(), "{default:?}");

    let gone = || vec![QuotaChange::remove(QuotaKey::ProducerByteRate)];
    within("the end", admin.alter_client_quotas([(all, gone()), (nightly, gone())])).await.unwrap();
    until("no quota", async || admin.describe_client_quotas(filter()).await.unwrap().is_empty()).await;
}

#[tokio::test]
async fn scram_credentials_are_set_told_without_secrets_and_deleted() {
    let cluster = Cluster::any().await;
    let admin = cluster.client().admin();
    let (user, nobody) = (unique("user"), unique("nobody"));
    let password = ScramPassword::new(ScramMechanism::Sha512, "open sesame").iterations(5000);
    within("a password", admin.alter_scram_credential(&*user, ScramChange::Set(password))).await.unwrap();
    until("the password", async || {
        let told = admin.describe_scram_credentials([&*user, &*nobody]).await.unwrap();
        assert_eq!(told[1].1.as_ref().unwrap_err().code(), Some(ErrorCode::RESOURCE_NOT_FOUND));
        told[0].1.as_ref().is_ok_and(|known| *known == BTreeMap::from([(ScramMechanism::Sha512, 5000)]))
    })
    .await;
    let all = within("all", admin.describe_scram_credentials(<[&str; 0]>::default())).await.unwrap();
    assert!(all.iter().any(|(known, _)| **known == *user) && !all.iter().any(|(known, _)| **known == *nobody));

    let weak = ScramPassword::new(ScramMechanism::Sha256, "x").iterations(1);
    let refused = within("a refusal", admin.alter_scram_credential(&*user, ScramChange::Set(weak))).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UNACCEPTABLE_CREDENTIAL), "{refused}");
    let delete = || ScramChange::Delete(ScramMechanism::Sha512);
    within("the end", admin.alter_scram_credential(&*user, delete())).await.unwrap();
    until("no password", async || {
        let again = admin.alter_scram_credential(&*user, delete()).await;
        again.is_err_and(|error| error.code() == Some(ErrorCode::RESOURCE_NOT_FOUND))
    })
    .await;
}
