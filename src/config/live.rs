//! Broker settings that are read again while the broker runs.

use super::describe::Layers;
use super::validator::connection_counts;
use super::{BrokerConfig, DynamicBrokerConfig, Overrides, broker_setting};

/// The broker's settings that take effect at once when they are changed, besides the defaults of topics, which
/// [`TopicConfig`](super::TopicConfig) resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the Kafka setting of the same name")]
pub struct LiveSettings {
    pub max_connections: u32,
    pub max_connections_per_ip: u32,
    /// Hosts by name or address.
    pub max_connections_per_ip_overrides: Vec<(String, u32)>,
    pub producer_id_expiration_ms: i64,
}

impl LiveSettings {
    /// Lays what was changed at run time over the settings of the start.
    pub fn resolve(dynamic: &DynamicBrokerConfig, broker: &BrokerConfig) -> Self {
        let layers = Layers { overrides: &Overrides::new(), dynamic, broker };
        let integer = |name| broker_setting(name).and_then(|def| layers.broker_integer(def)).unwrap_or_default();
        let unsigned = |name| u32::try_from(integer(name)).unwrap_or_default();
        let overrides = broker_setting("max.connections.per.ip.overrides").and_then(|def| layers.broker_text(def));
        let overrides = connection_counts(overrides.unwrap_or_default()).unwrap_or_default();
        Self {
            max_connections: unsigned("max.connections"),
            max_connections_per_ip: unsigned("max.connections.per.ip"),
            max_connections_per_ip_overrides: overrides
                .iter()
                .map(|(host, most)| ((*host).to_owned(), *most))
                .collect(),
            producer_id_expiration_ms: integer("producer.id.expiration.ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::{broker, overrides};

    #[test]
    fn what_was_changed_last_counts() {
        let broker = broker(&[("max.connections", "10"), ("max.connections.per.ip.overrides", "10.0.0.1:3")]);
        let dynamic = DynamicBrokerConfig {
            this_broker: overrides(&[("max.connections", "12")]),
            every_broker: overrides(&[("max.connections", "11"), ("producer.id.expiration.ms", "5")]),
        };
        let live = LiveSettings::resolve(&dynamic, &broker);
        assert_eq!(live.max_connections, 12);
        assert_eq!(live.max_connections_per_ip, i32::MAX as u32);
        assert_eq!(live.max_connections_per_ip_overrides, [("10.0.0.1".to_owned(), 3)]);
        assert_eq!(live.producer_id_expiration_ms, 5);
    }
}
