//! What the broker was started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::listener::{self, Listener};
use super::sources::{ConfigError, Setting, SettingSource};
use super::{ConfigDef, Value, broker_setting, broker_settings};

/// When a record counts as stored (`durability`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After a flush to stable storage: acknowledged records survive a power cut.
    Fsync,
    /// When the page cache has it: acknowledged records survive a crash of the process, not of the machine.
    Os,
}

/// How far compressed batches are checked before they are stored (`compressed.records.validation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordValidation {
    /// Every record is read.
    Full,
    /// The payload is trusted.
    Header,
}

/// Bounds of what clients may open and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting of the same name")]
pub struct ConnectionLimits {
    pub connections_max_idle_ms: i64,
    pub max_connections: u32,
    pub max_connections_per_ip: u32,
    pub max_connection_creation_rate: u32,
    pub socket_request_max_bytes: u32,
    /// `None` lets the broker choose.
    pub queued_max_request_bytes: Option<u64>,
    pub socket_listen_backlog_size: u32,
    /// `None` leaves it to the system.
    pub socket_receive_buffer_bytes: Option<u32>,
    /// `None` leaves it to the system.
    pub socket_send_buffer_bytes: Option<u32>,
}

/// Settings of classic and consumer groups.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting `group.…` of the same name")]
pub struct GroupSettings {
    pub initial_rebalance_delay_ms: i32,
    pub min_session_timeout_ms: i32,
    pub max_session_timeout_ms: i32,
    pub max_size: u32,
    pub consumer_assignors: Vec<String>,
    pub consumer_session_timeout_ms: i32,
    pub consumer_min_session_timeout_ms: i32,
    pub consumer_max_session_timeout_ms: i32,
    pub consumer_heartbeat_interval_ms: i32,
    pub consumer_min_heartbeat_interval_ms: i32,
    pub consumer_max_heartbeat_interval_ms: i32,
    pub consumer_max_size: u32,
    /// `disabled`, `upgrade`, `downgrade` or `bidirectional`.
    pub consumer_migration_policy: String,
    pub share: ShareGroupSettings,
}

/// Settings of share groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting `group.share.…` of the same name")]
pub struct ShareGroupSettings {
    pub delivery_count_limit: u16,
    pub heartbeat_interval_ms: i32,
    pub session_timeout_ms: i32,
    pub record_lock_duration_ms: i32,
    pub min_record_lock_duration_ms: i32,
    pub max_record_lock_duration_ms: i32,
    pub partition_max_record_locks: u32,
    pub max_size: u32,
}

/// Settings of committed offsets and their topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting `offsets.…` of the same name")]
pub struct OffsetsSettings {
    pub topic_num_partitions: i32,
    pub topic_segment_bytes: u32,
    pub retention_ms: i64,
    pub retention_check_interval_ms: i64,
    pub commit_timeout_ms: i32,
    /// `offset.metadata.max.bytes`.
    pub metadata_max_bytes: u32,
}

/// Settings of transactions and producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting of the same name")]
pub struct TransactionSettings {
    pub max_timeout_ms: i32,
    pub state_log_num_partitions: i32,
    pub state_log_segment_bytes: u32,
    pub abort_timed_out_cleanup_interval_ms: i32,
    pub remove_expired_cleanup_interval_ms: i32,
    pub transactional_id_expiration_ms: i32,
    pub producer_id_expiration_ms: i32,
    pub partition_verification_enable: bool,
}

/// The settings of this broker: checked, typed, and fixed until it stops. Defaults of topic settings are not among the
/// fields; [`TopicConfig`](super::TopicConfig) resolves them.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    given: BTreeMap<&'static str, (String, SettingSource)>,
    /// `node.id`, from 0 up.
    pub node_id: i32,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `listeners` and `advertised.listeners`, at least one.
    pub listeners: Vec<Listener>,
    /// `log.dirs`.
    pub data_dir: PathBuf,
    /// `durability`.
    pub durability: Durability,
    /// `compressed.records.validation`.
    pub record_validation: RecordValidation,
    /// `auto.create.topics.enable`.
    pub auto_create_topics: bool,
    /// `delete.topic.enable`.
    pub delete_topics: bool,
    /// `num.partitions`, from 1 up.
    pub num_partitions: i32,
    /// `default.replication.factor`; only 1 can be met.
    pub default_replication_factor: i16,
    /// `max.partitions.per.topic`.
    pub max_partitions_per_topic: i32,
    /// `max.partitions`: over all topics.
    pub max_partitions: i32,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u32,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_session_slots: u32,
    /// `max.request.partition.size.limit`.
    pub describe_partitions_limit: u32,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`.
    pub checkpoint_interval_ms: i64,
    /// `num.recovery.threads.per.data.dir`.
    pub recovery_threads: u32,
    /// Whether the compactor runs (`log.cleaner.enable`).
    pub cleaner_enable: bool,
    /// `log.cleaner.backoff.ms`.
    pub cleaner_backoff_ms: i64,
    /// `log.cleaner.dedupe.buffer.size`.
    pub cleaner_dedupe_buffer_bytes: u64,
    /// Bounds of what clients may open and send.
    pub connections: ConnectionLimits,
    /// Classic, consumer and share groups.
    pub groups: GroupSettings,
    /// Committed offsets.
    pub offsets: OffsetsSettings,
    /// Producers and transactions.
    pub transactions: TransactionSettings,
}

/// One line of the list of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSetting {
    /// What it is.
    pub def: &'static ConfigDef,
    /// Its value as text; `None` if it is not set, stars if it is secret.
    pub value: Option<String>,
    /// Who gave the value.
    pub source: SettingSource,
}

impl BrokerConfig {
    /// Checks settings of any sources and resolves what is given twice: the stronger [`SettingSource`] wins, of equal
    /// ones the later.
    pub fn from_sources(settings: impl IntoIterator<Item = Setting>) -> Result<Self, ConfigError> {
        let mut given: BTreeMap<&'static str, (String, SettingSource)> = BTreeMap::new();
        for Setting { name, value, source } in settings {
            let def = broker_setting(&name).ok_or_else(|| ConfigError::unknown(&name))?;
            def.parse(&value).map_err(|error| ConfigError::new(def.name, error.to_string()))?;
            if given.get(def.name).is_none_or(|(_, known)| known.rank() <= source.rank()) {
                given.insert(def.name, (value, source));
            }
        }
        join_aliases(&mut given)?;
        Self::typed(given)
    }

    fn typed(given: BTreeMap<&'static str, (String, SettingSource)>) -> Result<Self, ConfigError> {
        let values = Values(&given);
        let listeners = listener::parse(
            &values.text("listeners").unwrap_or_default(),
            values.text("advertised.listeners").as_deref(),
            given.get("advertised.listeners").map_or(&SettingSource::Default, |(_, source)| source),
        )
        .map_err(|error| ConfigError::new("listeners", error.to_string()))?;
        let config = Self {
            node_id: values.int("node.id"),
            rack: values.text("broker.rack"),
            listeners,
            data_dir: values.data_dir()?,
            durability: if values.is("durability", "os") { Durability::Os } else { Durability::Fsync },
            record_validation: if values.is("compressed.records.validation", "header") {
                RecordValidation::Header
            } else {
                RecordValidation::Full
            },
            auto_create_topics: values.boolean("auto.create.topics.enable"),
            delete_topics: values.boolean("delete.topic.enable"),
            num_partitions: values.int("num.partitions"),
            default_replication_factor: values.int("default.replication.factor") as i16,
            max_partitions_per_topic: values.int("max.partitions.per.topic"),
            max_partitions: values.int("max.partitions"),
            fetch_max_bytes: values.unsigned("fetch.max.bytes"),
            fetch_session_slots: values.unsigned("max.incremental.fetch.session.cache.slots"),
            describe_partitions_limit: values.unsigned("max.request.partition.size.limit"),
            retention_check_interval_ms: values.long("log.retention.check.interval.ms"),
            checkpoint_interval_ms: values.long("log.flush.offset.checkpoint.interval.ms"),
            recovery_threads: values.unsigned("num.recovery.threads.per.data.dir"),
            cleaner_enable: values.boolean("log.cleaner.enable"),
            cleaner_backoff_ms: values.long("log.cleaner.backoff.ms"),
            cleaner_dedupe_buffer_bytes: values.long("log.cleaner.dedupe.buffer.size").unsigned_abs(),
            connections: values.connections(),
            groups: values.groups(),
            offsets: values.offsets(),
            transactions: values.transactions(),
            given: BTreeMap::new(),
        };
        config.check()?;
        Ok(Self { given, ..config })
    }

    /// Rules that no single setting shows.
    fn check(&self) -> Result<(), ConfigError> {
        if self.default_replication_factor != 1 {
            return Err(ConfigError::new("default.replication.factor", "one node can hold one replica; set it to 1"));
        }
        if self.num_partitions > self.max_partitions_per_topic {
            return Err(ConfigError::new("num.partitions", "is larger than max.partitions.per.topic"));
        }
        if self.groups.min_session_timeout_ms > self.groups.max_session_timeout_ms {
            return Err(ConfigError::new(
                "group.min.session.timeout.ms",
                "is larger than group.max.session.timeout.ms",
            ));
        }
        if self.groups.consumer_heartbeat_interval_ms >= self.groups.consumer_session_timeout_ms {
            return Err(ConfigError::new(
                "group.consumer.heartbeat.interval.ms",
                "must be smaller than group.consumer.session.timeout.ms",
            ));
        }
        Ok(())
    }

    /// The text that was given for a setting, if any was.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|(value, _)| value.as_str())
    }

    /// Who gave the value of a setting.
    pub fn source(&self, name: &str) -> SettingSource {
        self.given.get(name).map_or(SettingSource::Default, |(_, source)| source.clone())
    }

    /// Every setting with its value and who gave it, sorted by name; secrets are masked.
    pub fn list(&self) -> Vec<ListedSetting> {
        let listed = |def: &&'static ConfigDef| {
            let value = self.given(def.name).or(def.default).map(str::to_owned);
            let value = if def.sensitive { value.map(|_| "********".to_owned()) } else { value };
            ListedSetting { def, value, source: self.source(def.name) }
        };
        broker_settings().iter().map(listed).collect()
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self::from_sources([]).unwrap_or_else(|error| unreachable!("the defaults are valid: {error}"))
    }
}

/// Kafka has two names for the node's number; whichever was given counts for both.
fn join_aliases(given: &mut BTreeMap<&'static str, (String, SettingSource)>) -> Result<(), ConfigError> {
    match (given.get("node.id"), given.get("broker.id")) {
        (Some((node, _)), Some((broker, _))) if node.trim() != broker.trim() => {
            return Err(ConfigError::new("broker.id", "differs from node.id; give one of the two"));
        }
        (Some(value), None) => {
            let value = value.clone();
            given.insert("broker.id", value);
        }
        (None, Some(value)) => {
            let value = value.clone();
            given.insert("node.id", value);
        }
        _ => {}
    }
    Ok(())
}

/// Typed access by name. The names are literals of this file, so a wrong name or type is a fault of the table, which the
/// tests would show.
struct Values<'a>(&'a BTreeMap<&'static str, (String, SettingSource)>);

impl Values<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let def = broker_setting(name)?;
        let text = self.0.get(name).map(|(value, _)| value.as_str()).or(def.default)?;
        def.parse(text).ok()
    }

    fn long(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(Value::Integer(number)) => number,
            other => unreachable!("{name} is an integer with a default, not {other:?}"),
        }
    }

    fn int(&self, name: &str) -> i32 {
        self.long(name) as i32
    }

    fn unsigned(&self, name: &str) -> u32 {
        u32::try_from(self.long(name)).unwrap_or(0)
    }

    /// A size for which -1 means that it is not set.
    fn size(&self, name: &str) -> Option<u32> {
        u32::try_from(self.long(name)).ok()
    }

    fn boolean(&self, name: &str) -> bool {
        self.value(name) == Some(Value::Boolean(true))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.to_string())
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(elements)) => elements,
            _ => Vec::new(),
        }
    }

    fn is(&self, name: &str, word: &str) -> bool {
        self.text(name).as_deref() == Some(word)
    }

    fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        let name = if self.0.contains_key("log.dirs") { "log.dirs" } else { "log.dir" };
        match self.list(name).as_slice() {
            [directory] => Ok(PathBuf::from(directory)),
            _ => Err(ConfigError::new(name, "takes exactly one directory")),
        }
    }

    fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections_max_idle_ms: self.long("connections.max.idle.ms"),
            max_connections: self.unsigned("max.connections"),
            max_connections_per_ip: self.unsigned("max.connections.per.ip"),
            max_connection_creation_rate: self.unsigned("max.connection.creation.rate"),
            socket_request_max_bytes: self.unsigned("socket.request.max.bytes"),
            queued_max_request_bytes: u64::try_from(self.long("queued.max.request.bytes")).ok(),
            socket_listen_backlog_size: self.unsigned("socket.listen.backlog.size"),
            socket_receive_buffer_bytes: self.size("socket.receive.buffer.bytes"),
            socket_send_buffer_bytes: self.size("socket.send.buffer.bytes"),
        }
    }

    fn groups(&self) -> GroupSettings {
        GroupSettings {
            initial_rebalance_delay_ms: self.int("group.initial.rebalance.delay.ms"),
            min_session_timeout_ms: self.int("group.min.session.timeout.ms"),
            max_session_timeout_ms: self.int("group.max.session.timeout.ms"),
            max_size: self.unsigned("group.max.size"),
            consumer_assignors: self.list("group.consumer.assignors"),
            consumer_session_timeout_ms: self.int("group.consumer.session.timeout.ms"),
            consumer_min_session_timeout_ms: self.int("group.consumer.min.session.timeout.ms"),
            consumer_max_session_timeout_ms: self.int("group.consumer.max.session.timeout.ms"),
            consumer_heartbeat_interval_ms: self.int("group.consumer.heartbeat.interval.ms"),
            consumer_min_heartbeat_interval_ms: self.int("group.consumer.min.heartbeat.interval.ms"),
            consumer_max_heartbeat_interval_ms: self.int("group.consumer.max.heartbeat.interval.ms"),
            consumer_max_size: self.unsigned("group.consumer.max.size"),
            consumer_migration_policy: self
                .text("group.consumer.migration.policy")
                .unwrap_or_default()
                .to_ascii_lowercase(),
            share: self.share_groups(),
        }
    }

    fn share_groups(&self) -> ShareGroupSettings {
        ShareGroupSettings {
            delivery_count_limit: self.long("group.share.delivery.count.limit") as u16,
            heartbeat_interval_ms: self.int("group.share.heartbeat.interval.ms"),
            session_timeout_ms: self.int("group.share.session.timeout.ms"),
            record_lock_duration_ms: self.int("group.share.record.lock.duration.ms"),
            min_record_lock_duration_ms: self.int("group.share.min.record.lock.duration.ms"),
            max_record_lock_duration_ms: self.int("group.share.max.record.lock.duration.ms"),
            partition_max_record_locks: self.unsigned("group.share.partition.max.record.locks"),
            max_size: self.unsigned("group.share.max.size"),
        }
    }

    fn offsets(&self) -> OffsetsSettings {
        OffsetsSettings {
            topic_num_partitions: self.int("offsets.topic.num.partitions"),
            topic_segment_bytes: self.unsigned("offsets.topic.segment.bytes"),
            retention_ms: self.long("offsets.retention.minutes").saturating_mul(60_000),
            retention_check_interval_ms: self.long("offsets.retention.check.interval.ms"),
            commit_timeout_ms: self.int("offsets.commit.timeout.ms"),
            metadata_max_bytes: self.unsigned("offset.metadata.max.bytes"),
        }
    }

    fn transactions(&self) -> TransactionSettings {
        TransactionSettings {
            max_timeout_ms: self.int("transaction.max.timeout.ms"),
            state_log_num_partitions: self.int("transaction.state.log.num.partitions"),
            state_log_segment_bytes: self.unsigned("transaction.state.log.segment.bytes"),
            abort_timed_out_cleanup_interval_ms: self
                .int("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            remove_expired_cleanup_interval_ms: self.int("transaction.remove.expired.transaction.cleanup.interval.ms"),
            transactional_id_expiration_ms: self.int("transactional.id.expiration.ms"),
            producer_id_expiration_ms: self.int("producer.id.expiration.ms"),
            partition_verification_enable: self.boolean("transaction.partition.verification.enable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, value: &str, source: SettingSource) -> Setting {
        Setting { name: name.to_owned(), value: value.to_owned(), source }
    }

    fn with(name: &str, value: &str) -> Result<BrokerConfig, ConfigError> {
        BrokerConfig::from_sources([setting(name, value, SettingSource::Override)])
    }

    #[test]
    fn defaults_are_kafkas() {
        let config = BrokerConfig::default();
        assert_eq!(config.num_partitions, 1);
        assert_eq!(config.groups.initial_rebalance_delay_ms, 3_000);
        assert_eq!(config.offsets.topic_num_partitions, 50);
        assert_eq!(config.offsets.retention_ms, 7 * 24 * 3_600_000);
        assert_eq!(config.connections.socket_request_max_bytes, 104_857_600);
        assert_eq!(config.connections.queued_max_request_bytes, None);
        assert_eq!(config.durability, Durability::Fsync);
        let [listener] = config.listeners.as_slice() else { panic!("{:?}", config.listeners) };
        assert_eq!(listener.bind.to_string(), "0.0.0.0:9092");
        assert_eq!(listener.advertised_address(9092).to_string(), "localhost:9092");
    }

    #[test]
    fn flags_win_over_overrides_and_these_over_the_environment() {
        let environment = SettingSource::Environment("NARU_NUM_PARTITIONS".to_owned());
        let config = BrokerConfig::from_sources([
            setting("num.partitions", "2", SettingSource::Override),
            setting("num.partitions", "3", environment.clone()),
            setting("durability", "os", environment.clone()),
            setting("listeners", "127.0.0.1:1", SettingSource::Override),
            setting("listeners", "127.0.0.1:2", SettingSource::Flag("--listen")),
        ])
        .unwrap();
        assert_eq!(config.num_partitions, 2);
        assert_eq!(config.durability, Durability::Os);
        assert_eq!(config.source("durability"), environment);
        assert_eq!(config.source("listeners"), SettingSource::Flag("--listen"));
        assert_eq!(config.source("node.id"), SettingSource::Default);
        assert_eq!(config.listeners.first().map(|listener| listener.bind.port), Some(2));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let error = with("num.partition", "2").unwrap_err();
        assert_eq!(error.nearest, Some("num.partitions"));
        let error = with("num.partitions", "0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "num.partitions: Invalid value 0 for configuration num.partitions: Value must be at least 1"
        );
        assert_eq!(with("default.replication.factor", "3").unwrap_err().name, "default.replication.factor");
        assert_eq!(with("log.dirs", "/a,/b").unwrap_err().name, "log.dirs");
        assert_eq!(with("listeners", "nonsense:port").unwrap_err().name, "listeners");
        assert_eq!(with("broker.id", "-1").unwrap_err().name, "broker.id");
        assert_eq!(with("group.min.session.timeout.ms", "2000000").unwrap_err().name, "group.min.session.timeout.ms");
    }

    #[test]
    fn the_nodes_number_has_two_names() {
        let config = with("broker.id", "7").unwrap();
        assert_eq!(config.node_id, 7);
        assert_eq!(config.given("node.id"), Some("7"));
        assert_eq!(with("node.id", "8").unwrap().given("broker.id"), Some("8"));
    }

    #[test]
    fn the_list_shows_every_setting_with_its_source() {
        let list = with("num.partitions", "4").unwrap().list();
        assert_eq!(list.len(), broker_settings().len());
        let line = list.iter().find(|line| line.def.name == "num.partitions").unwrap();
        assert_eq!((line.value.as_deref(), line.source.to_string().as_str()), (Some("4"), "-X"));
    }
}
