//! The broker: everything that the handlers of the APIs reach.

use crate::config::BrokerConfig;

/// One broker.
#[derive(Debug)]
pub struct Broker {
    config: BrokerConfig,
    cluster_id: String,
}

impl Broker {
    /// A broker with this identity.
    pub fn new(config: BrokerConfig, cluster_id: String) -> Self {
        Self { config, cluster_id }
    }

    /// What the broker was started with.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The cluster's id: 22 characters.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// This node's id, 0 or more.
    pub fn node_id(&self) -> i32 {
        self.config.node_id
    }
}
