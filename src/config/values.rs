//! The settings of a start as typed values, in groups.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::sources::{ConfigError, SettingSource};
use super::{Value, broker_setting};

/// Bounds of what clients may open and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting of the same name")]
pub struct ConnectionLimits {
    pub connections_max_idle_ms: i64,
    pub max_connections: u32,
    pub max_connections_per_ip: u32,
    pub socket_request_max_bytes: u32,
    /// `None` lets the broker choose.
    pub queued_max_request_bytes: Option<u64>,
    pub socket_listen_backlog_size: u32,
    /// `None` leaves it to the system.
    pub socket_receive_buffer_bytes: Option<u32>,
    /// `None` leaves it to the system.
    pub socket_send_buffer_bytes: Option<u32>,
}

/// Settings of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting `group.…` of the same name")]
pub struct GroupSettings {
    pub initial_rebalance_delay_ms: i32,
    pub min_session_timeout_ms: i32,
    pub max_session_timeout_ms: i32,
    pub max_size: u32,
    /// `group.coordinator.max.groups.per.partition`.
    pub max_groups_per_partition: u32,
    /// `group.coordinator.max.pending.members`.
    pub max_pending_members: u32,
}

/// Settings of committed offsets and their topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting `offsets.…` of the same name")]
pub struct OffsetsSettings {
    pub topic_num_partitions: i32,
    pub topic_segment_bytes: u32,
    pub retention_ms: i64,
    pub retention_check_interval_ms: i64,
    /// `offset.metadata.max.bytes`.
    pub metadata_max_bytes: u32,
}

/// How the rates of clients with a quota are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the Kafka setting `quota.…` or `controller.quota.…` of the same name, 1 or more"
)]
pub struct QuotaSettings {
    pub window_num: u32,
    pub window_size_seconds: u32,
    pub controller_window_num: u32,
    pub controller_window_size_seconds: u32,
}

/// Settings of transactions and producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting of the same name")]
pub struct TransactionSettings {
    pub state_log_num_partitions: i32,
    pub state_log_segment_bytes: u32,
    pub producer_id_expiration_ms: i32,
}

/// Typed access by name. The names are literals of this file, so a wrong name or type is a fault of the table, which
/// the tests would show.
pub(super) struct Values<'a>(&'a BTreeMap<&'static str, (String, SettingSource)>);

impl<'a> Values<'a> {
    pub(super) fn new(given: &'a BTreeMap<&'static str, (String, SettingSource)>) -> Self {
        Self(given)
    }

    fn value(&self, name: &str) -> Option<Value> {
        let def = broker_setting(name)?;
        let text = self.0.get(name).map(|(value, _)| value.as_str()).or(def.default)?;
        def.parse(text).ok()
    }

    pub(super) fn long(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(Value::Integer(number)) => number,
            other => unreachable!("{name} is an integer with a default, not {other:?}"),
        }
    }

    pub(super) fn int(&self, name: &str) -> i32 {
        self.long(name) as i32
    }

    pub(super) fn unsigned(&self, name: &str) -> u32 {
        u32::try_from(self.long(name)).unwrap_or(0)
    }

    /// A size for which -1 means that it is not set.
    fn size(&self, name: &str) -> Option<u32> {
        u32::try_from(self.long(name)).ok()
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        self.value(name) == Some(Value::Boolean(true))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.to_string())
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(elements)) => elements,
            _ => Vec::new(),
        }
    }

    pub(super) fn is(&self, name: &str, word: &str) -> bool {
        self.text(name).as_deref() == Some(word)
    }

    pub(super) fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        let name = if self.0.contains_key("log.dirs") { "log.dirs" } else { "log.dir" };
        match self.list(name).as_slice() {
            [directory] => Ok(PathBuf::from(directory)),
            _ => Err(ConfigError::new(name, "takes exactly one directory")),
        }
    }

    pub(super) fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections_max_idle_ms: self.long("connections.max.idle.ms"),
            max_connections: self.unsigned("max.connections"),
            max_connections_per_ip: self.unsigned("max.connections.per.ip"),
            socket_request_max_bytes: self.unsigned("socket.request.max.bytes"),
            queued_max_request_bytes: u64::try_from(self.long("queued.max.request.bytes")).ok(),
            socket_listen_backlog_size: self.unsigned("socket.listen.backlog.size"),
            socket_receive_buffer_bytes: self.size("socket.receive.buffer.bytes"),
            socket_send_buffer_bytes: self.size("socket.send.buffer.bytes"),
        }
    }

    pub(super) fn groups(&self) -> GroupSettings {
        GroupSettings {
            initial_rebalance_delay_ms: self.int("group.initial.rebalance.delay.ms"),
            min_session_timeout_ms: self.int("group.min.session.timeout.ms"),
            max_session_timeout_ms: self.int("group.max.session.timeout.ms"),
            max_size: self.unsigned("group.max.size"),
            max_groups_per_partition: self.unsigned("group.coordinator.max.groups.per.partition"),
            max_pending_members: self.unsigned("group.coordinator.max.pending.members"),
        }
    }

    pub(super) fn offsets(&self) -> OffsetsSettings {
        OffsetsSettings {
            topic_num_partitions: self.int("offsets.topic.num.partitions"),
            topic_segment_bytes: self.unsigned("offsets.topic.segment.bytes"),
            retention_ms: self.long("offsets.retention.minutes").saturating_mul(60_000),
            retention_check_interval_ms: self.long("offsets.retention.check.interval.ms"),
            metadata_max_bytes: self.unsigned("offset.metadata.max.bytes"),
        }
    }

    pub(super) fn quotas(&self) -> QuotaSettings {
        QuotaSettings {
            window_num: self.unsigned("quota.window.num"),
            window_size_seconds: self.unsigned("quota.window.size.seconds"),
            controller_window_num: self.unsigned("controller.quota.window.num"),
            controller_window_size_seconds: self.unsigned("controller.quota.window.size.seconds"),
        }
    }

    pub(super) fn transactions(&self) -> TransactionSettings {
        TransactionSettings {
            state_log_num_partitions: self.int("transaction.state.log.num.partitions"),
            state_log_segment_bytes: self.unsigned("transaction.state.log.segment.bytes"),
            producer_id_expiration_ms: self.int("producer.id.expiration.ms"),
        }
    }
}
