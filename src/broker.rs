//! The broker: everything that the handlers of the APIs reach.

/// One broker.
#[derive(Debug)]
pub struct Broker {
    cluster_id: String,
    node_id: i32,
}

impl Broker {
    /// A broker with this identity.
    pub fn new(cluster_id: String, node_id: i32) -> Self {
        Self { cluster_id, node_id }
    }

    /// The cluster's id: 22 characters.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// This node's id, 0 or more.
    pub fn node_id(&self) -> i32 {
        self.node_id
    }
}
