//! The client: what producers, consumers and admin are made from, and what they share.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;

use crate::config::{ClientConfig, Properties, check_names};
use crate::consumer::{ConsumerBuilder, ConsumerConfig};
use crate::error::{Error, ErrorKind};
use crate::metadata::Metadata;
use crate::network::{Lane, Pool};
use crate::producer::ProducerConfig;

/// A cluster, as one process talks to it. Cheap to clone; clones share connections and metadata.
///
/// Making one does no I/O: connections are made when they are needed, and again when they break.
///
/// ```no_run
/// use naru_client::Client;
///
/// # async fn example() -> Result<(), naru_client::Error> {
/// let client = Client::connect("localhost:9092").await?;
/// # Ok(())
/// # }
/// ```
///
/// Connections are closed when the last clone and the last producer and consumer made from it are dropped.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<ClientConfig>,
    properties: Properties,
    pool: Arc<Pool>,
    metadata: Arc<Metadata>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pool.close();
    }
}

impl Client {
    /// Every property that can be set: a file of them may name those of producers and consumers together.
    pub(crate) const PROPERTIES: &[&[&str]] = &[ClientConfig::NAMES, ProducerConfig::NAMES, ConsumerConfig::NAMES];

    /// Settings first, then [`ClientBuilder::build`].
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client of the cluster that one of these brokers belongs to: `host:port`, several between commas. Returns when a
    /// broker has answered; fails at once when none can be reached. Cancellation safe.
    pub async fn connect(bootstrap: &str) -> Result<Self, Error> {
        Self::builder().bootstrap(bootstrap).connect().await
    }

    /// Settings of a consumer first, then [`ConsumerBuilder::build`].
    pub fn consumer(&self) -> ConsumerBuilder {
        ConsumerBuilder::new(self.clone())
    }

    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.inner.config
    }

    /// What was set by Kafka's names: producers and consumers begin with it.
    pub(crate) fn properties(&self) -> &Properties {
        &self.inner.properties
    }

    pub(crate) fn metadata(&self) -> &Arc<Metadata> {
        &self.inner.metadata
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.inner.pool
    }

    /// Checks the properties of a producer or consumer: they exist, and none is the client's own, which is made already.
    pub(crate) fn check_own(&self, properties: &Properties) -> Result<(), Error> {
        check_names(properties.keys().map(String::as_str), Self::PROPERTIES)?;
        let of_client = |name: &str| {
            let theirs = ProducerConfig::NAMES.contains(&name) || ConsumerConfig::NAMES.contains(&name);
            ClientConfig::NAMES.contains(&name) && !theirs
        };
        match properties.iter().find(|(name, value)| of_client(name) && self.properties().get(*name) != Some(*value)) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("{name} belongs to the client: set it with Client::builder().set(..)");
                Err(Error::new(ErrorKind::Config, message))
            }
        }
    }

    /// Connections that only the holder uses.
    pub(crate) fn lane(&self) -> Lane {
        self.pool().lane()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("bootstrap", &self.inner.config.bootstrap).finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use naru_client::Client;
///
/// let client = Client::builder()
///     .bootstrap("broker-1:9092,broker-2:9092")
///     .client_id("billing")
///     .request_timeout(Duration::from_secs(10))
///     .set("metadata.max.age.ms", "60000")
///     .build()?;
/// # Ok::<(), naru_client::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientBuilder {
    config: ClientConfig,
    properties: Properties,
}

impl ClientBuilder {
    /// Brokers to begin with, `host:port`, several between commas; the port is 9092 where none is given. Default:
    /// `localhost:9092`.
    #[must_use]
    pub fn bootstrap(self, brokers: &str) -> Self {
        self.set("bootstrap.servers", brokers)
    }

    /// What the client calls itself: it appears in the brokers' logs, metrics and quotas. Default: `naru-client`.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<ByteString>) -> Self {
        self.properties.remove("client.id");
        self.config.client_id = Some(id.into());
        self
    }

    /// How long one answer may take before the connection is given up. Default: 30 seconds.
    #[must_use]
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.properties.remove("request.timeout.ms");
        self.config.request_timeout = limit;
        self
    }

    /// How long a call may take with all its tries. Default: 60 seconds.
    #[must_use]
    pub fn api_timeout(mut self, limit: Duration) -> Self {
        self.properties.remove("default.api.timeout.ms");
        self.config.api_timeout = limit;
        self
    }

    /// How long a connection may take to be made. Default: 10 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.properties.remove("socket.connection.setup.timeout.ms");
        self.config.connect_timeout = limit;
        self
    }

    /// A property by Kafka's name. Those of producers and consumers are taken too: all that are made from this client
    /// begin with them. [`ClientBuilder::build`] refuses names that do not exist.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// The client, once a broker has answered; fails at once when none can be reached. Cancellation safe.
    pub async fn connect(self) -> Result<Client, Error> {
        let client = self.build()?;
        client.metadata().known().await?;
        Ok(client)
    }

    /// The client. No I/O is done; an error is a setting that makes no sense.
    pub fn build(self) -> Result<Client, Error> {
        let Self { mut config, properties } = self;
        check_names(properties.keys().map(String::as_str), Client::PROPERTIES)?;
        config.apply(&properties)?;
        config.check()?;
        let config = Arc::new(config);
        let pool = Pool::new(Arc::clone(&config));
        let metadata = Metadata::new(Arc::clone(&config), Arc::clone(&pool));
        Ok(Client { inner: Arc::new(Inner { config, properties, pool, metadata }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_taken_where_it_has_an_effect_and_refused_elsewhere() {
        let client = Client::builder().set("linger.ms", "7").set("client.id", "billing").build().unwrap();
        client.producer().set("acks", "1").build().unwrap();
        let late = client.producer().set("metadata.max.age.ms", "300").build().unwrap_err();
        assert_eq!(
            late.to_string(),
            "metadata.max.age.ms belongs to the client: set it with Client::builder().set(..)"
        );
        let unknown = client.producer().set("lingerms", "300").build().unwrap_err();
        assert!(unknown.to_string().contains("did you mean linger.ms?"), "{unknown}");
    }
}
