//! The settings of a log, from those of its topic and the broker's durability.

use crate::config::{Durability, TopicConfig};
use crate::storage::{FlushPolicy, LogConfig};

/// What of a topic's settings is the log's business.
pub(super) fn log_config(topic: &TopicConfig, durability: Durability) -> LogConfig {
    LogConfig {
        segment_bytes: topic.segment_bytes,
        segment_ms: topic.segment_ms,
        segment_jitter_ms: topic.segment_jitter_ms,
        index_interval_bytes: topic.index_interval_bytes,
        segment_index_bytes: topic.segment_index_bytes,
        retention_ms: topic.retention_ms,
        retention_bytes: topic.retention_bytes,
        delete: topic.cleanup_policy.delete,
        file_delete_delay_ms: topic.file_delete_delay_ms,
        flush: flush_policy(topic, durability),
    }
}

/// `flush.messages=1` asks for what Kafka promises by it: no record is acknowledged before its flush. Larger values and `flush.ms`
/// start flushes that hold nothing back.
fn flush_policy(topic: &TopicConfig, durability: Durability) -> FlushPolicy {
    match (durability, topic.flush_messages) {
        (Durability::Fsync, _) | (Durability::Os, Some(1)) => FlushPolicy::Fsync,
        (Durability::Os, every_messages) => FlushPolicy::Os { every_messages, every_ms: topic.flush_ms },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::tests::topic_config;

    #[test]
    fn a_topic_can_ask_for_more_durability_and_never_for_less() {
        let policy = |durability, flush_messages, flush_ms| {
            flush_policy(&TopicConfig { flush_messages, flush_ms, ..topic_config() }, durability)
        };
        assert_eq!(policy(Durability::Os, Some(1), Some(5)), FlushPolicy::Fsync);
        assert_eq!(policy(Durability::Os, None, None), FlushPolicy::Os { every_messages: None, every_ms: None });
        assert_eq!(
            policy(Durability::Os, Some(2), Some(5)),
            FlushPolicy::Os { every_messages: Some(2), every_ms: Some(5) }
        );
        for (flush_messages, flush_ms) in [(None, None), (Some(1), None), (Some(1000), Some(60_000))] {
            assert_eq!(policy(Durability::Fsync, flush_messages, flush_ms), FlushPolicy::Fsync);
        }
    }
}
