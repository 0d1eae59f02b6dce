//! What one topic gets: its own settings over the broker's over the defaults.

use naru_protocol::records::Codec;

use super::describe::Layers;
use super::{BrokerConfig, DynamicBrokerConfig, InvalidValue, Overrides, Value, topic_setting};

/// What happens to old segments (`cleanup.policy`); both may be off, then segments are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Drop segments by age and size.
    pub delete: bool,
    /// Keep the last record of each key.
    pub compact: bool,
}

/// Whose clock a record's time stamp shows (`message.timestamp.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, at append.
    LogAppendTime,
}

/// How batches are stored that were sent in another way (`compression.type` with the level of its codec).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCompression {
    /// The codec that every stored batch has; none for `uncompressed`.
    pub codec: Codec,
    /// The level of what the broker compresses; `None` for the codec's own.
    pub level: Option<i32>,
}

/// The settings of a topic that the broker obeys, resolved and typed. Field names are Kafka's.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each field is the Kafka setting of the same name, documented in the table")]
pub struct TopicConfig {
    pub cleanup_policy: CleanupPolicy,
    /// `None`: batches stay as the producer sent them.
    pub compression: Option<StoredCompression>,
    pub file_delete_delay_ms: i64,
    /// `None`: no flush by count.
    pub flush_messages: Option<u64>,
    /// `None`: no flush by age.
    pub flush_ms: Option<u64>,
    pub index_interval_bytes: u32,
    pub max_message_bytes: u32,
    pub message_timestamp_after_max_ms: i64,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_type: TimestampType,
    pub preallocate: bool,
    /// `None`: no limit.
    pub retention_bytes: Option<i64>,
    /// `None`: for ever.
    pub retention_ms: Option<i64>,
    pub segment_bytes: u32,
    pub segment_index_bytes: u32,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
}

impl TopicConfig {
    /// Lays the topic's own settings over the broker's. `overrides` and `dynamic` hold checked values.
    pub fn resolve(overrides: &Overrides, dynamic: &DynamicBrokerConfig, broker: &BrokerConfig) -> Self {
        let values = Resolver(Layers { overrides, dynamic, broker });
        let policies = values.list("cleanup.policy");
        Self {
            cleanup_policy: CleanupPolicy {
                delete: policies.iter().any(|policy| policy == "delete"),
                compact: policies.iter().any(|policy| policy == "compact"),
            },
            compression: values.compression(),
            file_delete_delay_ms: values.long("file.delete.delay.ms"),
            flush_messages: below_max(values.long("flush.messages")),
            flush_ms: below_max(values.long("flush.ms")),
            index_interval_bytes: values.unsigned("index.interval.bytes"),
            max_message_bytes: values.unsigned("max.message.bytes"),
            message_timestamp_after_max_ms: values.long("message.timestamp.after.max.ms"),
            message_timestamp_before_max_ms: values.long("message.timestamp.before.max.ms"),
            message_timestamp_type: if values.text("message.timestamp.type") == "LogAppendTime" {
                TimestampType::LogAppendTime
            } else {
                TimestampType::CreateTime
            },
            preallocate: values.value("preallocate") == Value::Boolean(true),
            retention_bytes: not_negative(values.long("retention.bytes")),
            retention_ms: not_negative(values.long("retention.ms")),
            segment_bytes: values.unsigned("segment.bytes"),
            segment_index_bytes: values.unsigned("segment.index.bytes"),
            segment_jitter_ms: values.long("segment.jitter.ms"),
            segment_ms: values.long("segment.ms"),
        }
    }
}

fn not_negative(value: i64) -> Option<i64> {
    (value >= 0).then_some(value)
}

fn below_max(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|value| *value < i64::MAX as u64)
}

/// Why the settings of a topic are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidOverrides {
    #[error("Unknown topic config name: {name}{}", hint(*nearest))]
    Unknown { name: String, nearest: Option<&'static str> },
    #[error(transparent)]
    Value(#[from] InvalidValue),
    #[error("min.compaction.lag.ms ({min}) must not be larger than max.compaction.lag.ms ({max})")]
    CompactionLags { min: i64, max: i64 },
    #[error("remote.storage.enable cannot be true: tiered storage is not available on this broker")]
    NoTieredStorage,
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

/// Checks the settings of a topic, each by itself and together.
pub fn check_topic_overrides(
    overrides: &Overrides,
    dynamic: &DynamicBrokerConfig,
    broker: &BrokerConfig,
) -> Result<(), InvalidOverrides> {
    for (name, value) in overrides {
        let def = topic_setting(name).ok_or_else(|| InvalidOverrides::Unknown {
            name: name.clone(),
            nearest: super::nearest_name(name, super::TOPIC_SETTINGS.iter().map(|def| def.name)),
        })?;
        let value = def.parse(value)?;
        if def.name == "remote.storage.enable" && value == Value::Boolean(true) {
            return Err(InvalidOverrides::NoTieredStorage);
        }
    }
    let values = Resolver(Layers { overrides, dynamic, broker });
    let (min, max) = (values.long("min.compaction.lag.ms"), values.long("max.compaction.lag.ms"));
    if min > max {
        return Err(InvalidOverrides::CompactionLags { min, max });
    }
    Ok(())
}

/// Typed access by name; see [`Layers::effective`] for the order of the layers.
struct Resolver<'a>(Layers<'a>);

impl Resolver<'_> {
    fn value(&self, name: &str) -> Value {
        topic_setting(name)
            .and_then(|def| self.0.effective(def))
            .unwrap_or_else(|| unreachable!("{name} is a topic setting with a default"))
    }

    fn long(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Integer(number) => number,
            other => unreachable!("{name} is an integer, not {other:?}"),
        }
    }

    fn unsigned(&self, name: &str) -> u32 {
        u32::try_from(self.long(name)).unwrap_or(0)
    }

    fn text(&self, name: &str) -> String {
        self.value(name).to_string()
    }

    fn compression(&self) -> Option<StoredCompression> {
        let level = |name| i32::try_from(self.long(name)).ok();
        let (codec, level) = match &*self.text("compression.type") {
            "uncompressed" => (Codec::None, None),
            // −1 is the library's own level.
            "gzip" => (Codec::Gzip, level("compression.gzip.level").filter(|level| *level > 0)),
            "snappy" => (Codec::Snappy, None),
            "lz4" => (Codec::Lz4, level("compression.lz4.level")),
            "zstd" => (Codec::Zstd, level("compression.zstd.level")),
            _ => return None,
        };
        Some(StoredCompression { codec, level })
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::List(elements) => elements,
            other => unreachable!("{name} is a list, not {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::{broker, overrides};

    #[test]
    fn a_topic_without_settings_gets_kafkas_defaults() {
        let config = TopicConfig::resolve(&Overrides::new(), &DynamicBrokerConfig::default(), &BrokerConfig::default());
        assert_eq!(config.retention_ms, Some(604_800_000));
        assert_eq!(config.retention_bytes, None);
        assert_eq!(config.segment_bytes, 1_073_741_824);
        assert_eq!(config.segment_ms, 604_800_000);
        assert_eq!(config.max_message_bytes, 1_048_588);
        assert_eq!(config.cleanup_policy, CleanupPolicy { delete: true, compact: false });
        assert_eq!(config.flush_messages, None);
        assert_eq!(config.message_timestamp_type, TimestampType::CreateTime);
    }

    #[test]
    fn compression_has_the_level_of_its_codec() {
        let resolve = |pairs: &[(&str, &str)]| {
            let config = TopicConfig::resolve(&overrides(pairs), &DynamicBrokerConfig::default(), &broker(&[]));
            config.compression.map(|compression| (compression.codec, compression.level))
        };
        assert_eq!(resolve(&[]), None);
        assert_eq!(resolve(&[("compression.type", "uncompressed")]), Some((Codec::None, None)));
        assert_eq!(resolve(&[("compression.type", "gzip")]), Some((Codec::Gzip, None)));
        let levels = [("compression.gzip.level", "9"), ("compression.zstd.level", "-5")];
        assert_eq!(resolve(&[("compression.type", "gzip"), levels[0], levels[1]]), Some((Codec::Gzip, Some(9))));
        assert_eq!(resolve(&[("compression.type", "zstd"), levels[0], levels[1]]), Some((Codec::Zstd, Some(-5))));
        assert_eq!(resolve(&[("compression.type", "zstd")]), Some((Codec::Zstd, Some(3))));
        assert_eq!(resolve(&[levels[0], levels[1]]), None);
    }

    #[test]
    fn the_nearest_layer_wins() {
        let dynamic = DynamicBrokerConfig {
            this_broker: overrides(&[("message.max.bytes", "3")]),
            every_broker: overrides(&[("message.max.bytes", "2"), ("log.segment.bytes", "2000000")]),
        };
        let broker = broker(&[("message.max.bytes", "1"), ("log.segment.bytes", "1048576"), ("log.roll.hours", "2")]);
        let config = TopicConfig::resolve(&overrides(&[]), &dynamic, &broker);
        assert_eq!(config.max_message_bytes, 3);
        assert_eq!(config.segment_bytes, 2_000_000);
        assert_eq!(config.segment_ms, 7_200_000);
        let config = TopicConfig::resolve(&overrides(&[("max.message.bytes", "4")]), &dynamic, &broker);
        assert_eq!(config.max_message_bytes, 4);
    }

    #[test]
    fn milliseconds_win_over_minutes_over_hours() {
        let retention = |pairs: &[(&str, &str)]| {
            TopicConfig::resolve(&overrides(&[]), &DynamicBrokerConfig::default(), &broker(pairs)).retention_ms
        };
        assert_eq!(retention(&[("log.retention.hours", "24")]), Some(86_400_000));
        assert_eq!(retention(&[("log.retention.hours", "24"), ("log.retention.minutes", "100")]), Some(6_000_000));
        assert_eq!(retention(&[("log.retention.minutes", "100"), ("log.retention.ms", "7")]), Some(7));
        assert_eq!(retention(&[("log.retention.hours", "-1")]), None);
        assert_eq!(retention(&[("log.retention.ms", "-1")]), None);
    }

    #[test]
    fn settings_are_checked_alone_and_together() {
        let check = |pairs: &[(&str, &str)]| {
            check_topic_overrides(&overrides(pairs), &DynamicBrokerConfig::default(), &BrokerConfig::default())
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&[("retention.ms", "-1"), ("cleanup.policy", "compact,delete")]), Ok(()));
        assert_eq!(
            check(&[("retention.m", "1")]),
            Err("Unknown topic config name: retention.m; did you mean retention.ms?".to_owned())
        );
        assert!(check(&[("retention.ms", "abc")]).is_err());
        assert!(check(&[("remote.storage.enable", "true")]).is_err());
        assert!(check(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")]).is_err());
    }
}
