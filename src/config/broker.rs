//! What the broker was started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::listener::{self, HostPort, Listener};
use super::sources::{ConfigError, Setting, SettingSource};
use super::values::{ConnectionLimits, GroupSettings, OffsetsSettings, QuotaSettings, TransactionSettings, Values};
use super::{ConfigDef, Effect, broker_setting, broker_settings};

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
    /// `admin.listen`: where health and metrics are served, if anywhere.
    pub admin_listen: Option<HostPort>,
    /// `admin.metrics.max.series`, from 1 up.
    pub admin_metrics_max_series: u32,
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
    /// `max.request.partition.size.limit`, from 1 up: in one answer to `DescribeTopicPartitions`.
    pub max_request_partitions: i32,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u32,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_session_slots: u32,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval_ms: i64,
    /// Bounds of what clients may open and send.
    pub connections: ConnectionLimits,
    /// Groups.
    pub groups: GroupSettings,
    /// Committed offsets.
    pub offsets: OffsetsSettings,
    /// How rates of clients are measured.
    pub quotas: QuotaSettings,
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
            def.parse(&value).map_err(|error| {
                ConfigError::new(def.name, format!("{:?} is refused: {}", error.value, error.reason))
            })?;
            if let Effect::Unavailable(reason) = def.effect
                && def.parse(&value).ok() != def.default.and_then(|default| def.parse(default).ok())
            {
                return Err(ConfigError::new(def.name, format!("only the default is taken: {reason}")));
            }
            if given.get(def.name).is_none_or(|(_, known)| known.rank() <= source.rank()) {
                given.insert(def.name, (value, source));
            }
        }
        join_aliases(&mut given)?;
        Self::typed(given)
    }

    fn typed(given: BTreeMap<&'static str, (String, SettingSource)>) -> Result<Self, ConfigError> {
        let values = Values::new(&given);
        let listeners = listener::parse(
            &values.text("listeners").unwrap_or_default(),
            values.text("advertised.listeners").as_deref(),
            given.get("advertised.listeners").map_or(&SettingSource::Default, |(_, source)| source),
        )
        .map_err(|error| ConfigError::new("listeners", error.to_string()))?;
        let admin_listen = values.text("admin.listen").filter(|text| !text.trim().is_empty());
        let admin_listen = admin_listen.map(|text| listener::parse_admin(&text)).transpose();
        let config = Self {
            node_id: values.int("node.id"),
            rack: values.text("broker.rack"),
            listeners,
            admin_listen: admin_listen.map_err(|error| ConfigError::new("admin.listen", error.to_string()))?,
            admin_metrics_max_series: values.unsigned("admin.metrics.max.series"),
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
            max_request_partitions: values.int("max.request.partition.size.limit"),
            fetch_max_bytes: values.unsigned("fetch.max.bytes"),
            fetch_session_slots: values.unsigned("max.incremental.fetch.session.cache.slots"),
            retention_check_interval_ms: values.long("log.retention.check.interval.ms"),
            connections: values.connections(),
            groups: values.groups(),
            offsets: values.offsets(),
            quotas: values.quotas(),
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
        let partitions = [
            ("num.partitions", self.num_partitions),
            ("offsets.topic.num.partitions", self.offsets.topic_num_partitions),
            ("transaction.state.log.num.partitions", self.transactions.state_log_num_partitions),
        ];
        for (name, partitions) in partitions {
            if partitions > self.max_partitions_per_topic {
                return Err(ConfigError::new(name, "is larger than max.partitions.per.topic"));
            }
        }
        if self.groups.min_session_timeout_ms > self.groups.max_session_timeout_ms {
            return Err(ConfigError::new(
                "group.min.session.timeout.ms",
                "is larger than group.max.session.timeout.ms",
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

    /// Settings that were given, differ from their default, and change nothing, each with the reason.
    pub fn without_effect(&self) -> impl Iterator<Item = (&'static ConfigDef, &'static str)> + '_ {
        self.given.iter().filter_map(|(name, (value, _))| {
            let def = broker_setting(name)?;
            match def.effect {
                Effect::Accepted(reason) if def.default != Some(value.trim()) => Some((def, reason)),
                _ => None,
            }
        })
    }

    /// Every setting with its value and who gave it, sorted by name; secrets are masked. Internal ones are among them if they
    /// were given.
    pub fn list(&self) -> Vec<ListedSetting> {
        let listed = |def: &&'static ConfigDef| {
            let value = self.given(def.name).or(def.default).map(str::to_owned);
            let value = if def.sensitive { value.map(|_| "********".to_owned()) } else { value };
            ListedSetting { def, value, source: self.source(def.name) }
        };
        let is_shown = |def: &&&'static ConfigDef| !def.internal || self.given.contains_key(def.name);
        broker_settings().iter().filter(is_shown).map(listed).collect()
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
        assert_eq!(error.to_string(), "num.partitions: \"0\" is refused: it must be at least 1");
        assert_eq!(with("default.replication.factor", "3").unwrap_err().name, "default.replication.factor");
        assert_eq!(with("log.dirs", "/a,/b").unwrap_err().name, "log.dirs");
        assert_eq!(with("log.retention.ms", "0").unwrap_err().name, "log.retention.ms");
        assert_eq!(with("log.roll.ms", "0").unwrap_err().name, "log.roll.ms");
        assert_eq!(with("log.roll.jitter.ms", "-1").unwrap_err().name, "log.roll.jitter.ms");
        assert_eq!(with("listeners", "nonsense:port").unwrap_err().name, "listeners");
        assert_eq!(with("broker.id", "-1").unwrap_err().name, "broker.id");
        assert_eq!(with("group.min.session.timeout.ms", "2000000").unwrap_err().name, "group.min.session.timeout.ms");
    }

    #[test]
    fn no_setting_makes_a_topic_of_a_coordinator_impossible() {
        assert_eq!(with("offsets.topic.num.partitions", "10001").unwrap_err().name, "offsets.topic.num.partitions");
        assert_eq!(with("offsets.topic.segment.bytes", "1048575").unwrap_err().name, "offsets.topic.segment.bytes");
        assert_eq!(with("offset.metadata.max.bytes", "524289").unwrap_err().name, "offset.metadata.max.bytes");
    }

    #[test]
    fn settings_that_change_nothing_are_known() {
        let without_effect = |name, value| -> Vec<&str> {
            with(name, value).unwrap().without_effect().map(|(def, _)| def.name).collect()
        };
        assert_eq!(without_effect("num.io.threads", "4"), ["num.io.threads"]);
        assert_eq!(without_effect("num.io.threads", "8"), [""; 0]);
        assert_eq!(without_effect("num.partitions", "4"), [""; 0]);
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
        assert_eq!(list.len(), broker_settings().iter().filter(|def| !def.internal).count());
        let line = list.iter().find(|line| line.def.name == "num.partitions").unwrap();
        assert_eq!((line.value.as_deref(), line.source.to_string().as_str()), (Some("4"), "-X"));
    }
}
