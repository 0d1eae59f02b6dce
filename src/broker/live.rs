//! Passes settings on that were changed while the broker runs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::config::{BrokerConfig, DynamicBrokerConfig, LiveSettings};
use crate::metadata::{Change, ListenerFuture, MetadataImage, MetadataListener};
use crate::server::Admission;

/// Follows the broker's settings in the metadata.
pub(crate) struct SettingsFollow {
    config: Arc<BrokerConfig>,
    admission: Arc<Admission>,
    producer_id_expiration_ms: Arc<AtomicI64>,
}

impl SettingsFollow {
    pub(crate) fn new(
        config: Arc<BrokerConfig>,
        admission: Arc<Admission>,
        producer_id_expiration_ms: Arc<AtomicI64>,
    ) -> Arc<Self> {
        Arc::new(Self { config, admission, producer_id_expiration_ms })
    }

    /// Makes everybody who is told obey what the settings are now.
    pub(crate) async fn apply(&self, dynamic: &DynamicBrokerConfig) {
        let live = LiveSettings::resolve(dynamic, &self.config);
        self.producer_id_expiration_ms.store(live.producer_id_expiration_ms, Ordering::Relaxed);
        let mut by_ip = HashMap::new();
        for (host, most) in live.max_connections_per_ip_overrides {
            by_ip.extend(addresses(&host).await.into_iter().map(|address| (address, most as usize)));
        }
        self.admission.set(live.max_connections as usize, live.max_connections_per_ip as usize, by_ip);
    }
}

/// The addresses of a host; a name that nobody knows has none.
async fn addresses(host: &str) -> Vec<IpAddr> {
    if let Ok(address) = host.parse() {
        return vec![address];
    }
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => found.map(|address| address.ip().to_canonical()).collect(),
        Err(error) => {
            tracing::warn!(host, %error, "a host of max.connections.per.ip.overrides is not known");
            Vec::new()
        }
    }
}

impl MetadataListener for SettingsFollow {
    fn changed<'a>(&'a self, image: &'a Arc<MetadataImage>, changes: &'a [Change]) -> ListenerFuture<'a> {
        Box::pin(async move {
            if changes.contains(&Change::BrokerConfigured) {
                self.apply(image.dynamic_broker_config()).await;
            }
        })
    }
}
