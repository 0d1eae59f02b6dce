use super::*;
use crate::config::Setting;

async fn open(log: &Arc<MemoryLog>) -> Arc<MetadataStore> {
    MetadataStore::open(Arc::clone(log) as Arc<dyn MetadataLog>, Arc::default(), 3).await.unwrap()
}

/// Remembers what it was told, and what was published at that moment.
struct Recorder {
    store: Arc<MetadataStore>,
    seen: Mutex<Vec<(String, usize)>>,
}

impl MetadataListener for Recorder {
    fn changed<'a>(&'a self, _: &'a Arc<MetadataImage>, changes: &'a [Change]) -> ListenerFuture<'a> {
        let published = self.store.image().topic_count();
        let text = changes.iter().map(|change| match change {
            Change::Created(topic) => format!("+{}:{}", topic.name, topic.partitions),
            Change::Grown { topic, first } => format!("^{}:{first}..{}", topic.name, topic.partitions),
            Change::Configured(topic) => format!("={}", topic.name),
            Change::Deleted(topic) => format!("-{}", topic.name),
            Change::BrokerConfigured => "=broker".to_owned(),
        });
        self.seen.lock().extend(text.map(|text| (text, published)));
        Box::pin(async {})
    }
}

fn set(kind: i8, name: &str, setting: &str, value: &str) -> IncrementalAlterConfigs {
    let change = ConfigChange { name: setting.to_owned(), operation: 0, value: Some(value.to_owned()) };
    IncrementalAlterConfigs { kind, name: name.to_owned(), changes: vec![change] }
}

#[tokio::test]
async fn what_was_created_is_there_after_a_restart() {
    let log = Arc::new(MemoryLog::default());
    let store = open(&log).await;
    let mut spec = TopicSpec { partitions: 3, ..TopicSpec::with_defaults("orders") };
    spec.configs.push(("retention.ms".to_owned(), Some("1000".to_owned())));
    store.create_topics(vec![spec], false, None).await.unwrap();
    store.incremental_alter_configs(vec![set(4, "", "message.max.bytes", "2000")], false).await.unwrap();
    assert_eq!(store.allocate_producer_ids().await, Ok(0..1_000));

    let again = open(&log).await;
    assert_eq!(*again.image(), *store.image());
    let topic = Arc::clone(again.image().topic("orders").unwrap());
    assert_eq!((topic.partitions, topic.overrides.len()), (3, 1));
    assert_eq!(again.allocate_producer_ids().await, Ok(1_000..2_000));
}

#[tokio::test]
async fn the_cluster_has_its_setting_from_the_start_and_keeps_it_from_the_first_change_on() {
    let log = Arc::new(MemoryLog::default());
    let of_cluster = async |value: &str| {
        let setting = Setting {
            name: "min.insync.replicas".to_owned(),
            value: value.to_owned(),
            source: crate::config::SettingSource::Override,
        };
        let broker = Arc::new(BrokerConfig::from_sources([setting]).unwrap());
        let store = MetadataStore::open(Arc::clone(&log) as Arc<dyn MetadataLog>, broker, 3).await.unwrap();
        let image = store.image();
        (store, image.dynamic_broker_config().every_broker.get("min.insync.replicas").cloned())
    };
    for value in ["2", "3"] {
        assert_eq!(of_cluster(value).await.1.as_deref(), Some(value));
        assert!(log.records.lock().is_empty(), "a start writes nothing");
    }
    let (store, _) = of_cluster("4").await;
    store.ensure_topic("orders").await.unwrap();
    let written = log.records.lock().len();
    store.allocate_producer_ids().await.unwrap();
    assert_eq!(log.records.lock().len(), written + 1, "it is written once");
    assert_eq!(of_cluster("5").await.1.as_deref(), Some("4"));
}

#[tokio::test]
async fn nothing_is_seen_before_it_is_durable() {
    let log = Arc::new(MemoryLog::default());
    let store = open(&log).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    *log.gate.lock() = Some(Arc::clone(&gate));
    let create = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.ensure_topic("orders").await }
    });
    tokio::task::yield_now().await;
    assert_eq!(store.image().topic_count(), 0);
    assert!(!create.is_finished());
    gate.notify_one();
    create.await.unwrap().unwrap();
    assert_eq!(store.image().topic_count(), 1);
}

#[tokio::test]
async fn a_change_ends_although_its_caller_is_gone() {
    let log = Arc::new(MemoryLog::default());
    let store = open(&log).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    *log.gate.lock() = Some(Arc::clone(&gate));
    {
        let mut create = Box::pin(store.ensure_topic("orders"));
        let first_poll = futures_poll(&mut create).await;
        assert!(first_poll.is_pending());
    }
    *log.gate.lock() = None;
    gate.notify_one();
    // The next change waits for its turn, that is, for the end of the first.
    store.ensure_topic("payments").await.unwrap();
    assert!(store.image().topic("orders").is_some());
}

async fn futures_poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn listeners_hear_every_change_in_order_before_it_is_published() {
    let store = open(&Arc::new(MemoryLog::default())).await;
    let recorder = Arc::new(Recorder { store: Arc::clone(&store), seen: Mutex::default() });
    store.subscribe(Arc::clone(&recorder) as Arc<dyn MetadataListener>).await;
    let two = ["a", "b"].map(|name| TopicSpec { partitions: 2, ..TopicSpec::with_defaults(name) });
    store.create_topics(two.to_vec(), false, None).await.unwrap();
    store.create_topics(vec![TopicSpec::with_defaults("c")], true, None).await.unwrap();
    let grow = NewPartitions { name: "a".to_owned(), count: 5, assignments: None };
    store.create_partitions(vec![grow], false, None).await.unwrap();
    let settings = vec![set(2, "b", "retention.ms", "1"), set(4, "1", "message.max.bytes", "7")];
    store.incremental_alter_configs(settings, false).await.unwrap();
    store.delete_topics(vec![named("a")], None).await.unwrap();
    let seen: Vec<_> = recorder.seen.lock().iter().map(|(text, published)| format!("{text} {published}")).collect();
    assert_eq!(seen, ["+a:2 0", "+b:2 0", "^a:2..5 2", "=b 2", "=broker 2", "-a 2"]);
    assert_eq!(store.image().topic_count(), 1);
}

#[tokio::test]
async fn a_full_disk_refuses_the_change_and_the_next_one_is_tried() {
    let log = Arc::new(MemoryLog::default());
    let store = open(&log).await;
    *log.failure.lock() = Some(MetadataLogError::Refused("no room".to_owned()));
    let error = store.ensure_topic("orders").await.unwrap_err();
    assert_eq!(error.code, naru_protocol::ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(store.image().topic_count(), 0);
    *log.failure.lock() = None;
    store.ensure_topic("orders").await.unwrap();
}

#[tokio::test]
async fn after_a_failed_append_nothing_changes_any_more() {
    let log = Arc::new(MemoryLog::default());
    let store = open(&log).await;
    *log.failure.lock() = Some(MetadataLogError::Failed("bad sector".to_owned()));
    store.ensure_topic("orders").await.unwrap_err();
    *log.failure.lock() = None;
    let error = store.ensure_topic("payments").await.unwrap_err();
    assert!(error.to_string().contains("bad sector"), "{error}");
    assert!(log.records.lock().is_empty());
}

#[tokio::test]
async fn many_ask_for_one_topic_and_it_is_created_once() {
    let store = open(&Arc::new(MemoryLog::default())).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.ensure_topic("orders").await.unwrap().id })
        })
        .collect();
    let mut ids = std::collections::HashSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_coordinators_topic_gets_the_partitions_that_the_settings_say() {
    let setting = Setting {
        name: "offsets.topic.num.partitions".to_owned(),
        value: "4".to_owned(),
        source: crate::config::SettingSource::Override,
    };
    let broker = Arc::new(BrokerConfig::from_sources([setting]).unwrap());
    let store = MetadataStore::open(Arc::new(MemoryLog::default()), broker, 0).await.unwrap();
    let topic = store.ensure_topic(CONSUMER_OFFSETS).await.unwrap();
    assert_eq!(topic.partitions, 4);
    assert_eq!(topic.overrides.get("cleanup.policy").map(String::as_str), Some("compact"));
    assert!(topic.is_internal());
    let refused = store.delete_topics(vec![named(CONSUMER_OFFSETS)], None).await.unwrap();
    assert!(refused.iter().all(|answer| answer.result.is_err()));
}

#[tokio::test]
async fn a_log_that_does_not_fit_is_refused_with_the_number_of_the_record() {
    let log = Arc::new(MemoryLog::default());
    open(&log).await.ensure_topic("orders").await.unwrap();
    let partition = log.records.lock().pop().unwrap();
    log.records.lock().insert(0, partition);
    let error = MetadataStore::open(Arc::clone(&log) as Arc<dyn MetadataLog>, Arc::default(), 0).await.err().unwrap();
    assert!(matches!(error, OpenError::Apply { number: 0, .. }), "{error}");
    log.records.lock().insert(0, Bytes::from_static(b"\x07"));
    let error = MetadataStore::open(log, Arc::default(), 0).await.err().unwrap();
    assert!(matches!(error, OpenError::Decode { number: 0, .. }), "{error}");
}
