//! The settings of a consumer, and its start.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::watch;

use super::shared::Shared;
use super::state::Phase;
use super::subscription::{self, Subscription};
use super::{Consumer, ConsumerConfig, ConsumerHandle, IsolationLevel, OffsetReset, driver};
use crate::client::Client;
use crate::config::{Properties, check_names};
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// Settings of a [`Consumer`].
///
/// ```no_run
/// use naru_client::{Client, OffsetReset};
///
/// # async fn example(client: Client) -> Result<(), naru_client::Error> {
/// let consumer = client
///     .consumer()
///     .group("billing")
///     .topic_pattern("orders-.*")
///     .offset_reset(OffsetReset::Latest)
///     .set("max.partition.fetch.bytes", "262144")
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConsumerBuilder {
    client: Client,
    config: ConsumerConfig,
    properties: Properties,
    subscription: Subscription,
}

impl ConsumerBuilder {
    pub(crate) fn new(client: Client) -> Self {
        let properties = client.properties().clone();
        Self { client, config: ConsumerConfig::default(), properties, subscription: Subscription::default() }
    }

    /// The group: its members share the partitions of the topics, and its committed offsets say where to begin. Without one,
    /// a consumer reads all partitions of its topics for itself.
    #[must_use]
    pub fn group(mut self, group: impl Into<ByteString>) -> Self {
        self.properties.remove("group.id");
        self.config.group_id = Some(group.into());
        self
    }

    /// Reads these topics.
    #[must_use]
    pub fn topics<T: Into<ByteString>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.subscription = Subscription::Topics(topics.into_iter().map(Into::into).collect());
        self
    }

    /// Reads all topics whose whole name matches a regular expression, also those that are made later: they are looked for as
    /// often as `metadata.max.age.ms` says. Internal topics are left out unless `exclude.internal.topics` is false.
    #[must_use]
    pub fn topic_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.subscription = Subscription::Pattern(pattern.into());
        self
    }

    /// Reads these partitions, whatever other members of the group read. With a group, its committed offsets are used.
    #[must_use]
    pub fn assign(mut self, partitions: impl IntoIterator<Item = TopicPartition>) -> Self {
        self.subscription = Subscription::Partitions(partitions.into_iter().collect());
        self
    }

    /// Where to begin without a committed offset. Default: [`OffsetReset::Earliest`].
    #[must_use]
    pub fn offset_reset(mut self, policy: OffsetReset) -> Self {
        self.properties.remove("auto.offset.reset");
        self.config.offset_reset = policy;
        self
    }

    /// Which records of transactions are seen. Default: [`IsolationLevel::ReadUncommitted`].
    #[must_use]
    pub fn isolation_level(mut self, level: IsolationLevel) -> Self {
        self.properties.remove("isolation.level");
        self.config.isolation = level;
        self
    }

    /// How often what was processed is committed by itself; `None` for commits by hand only. Default: every 5 seconds.
    #[must_use]
    pub fn auto_commit(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.properties.remove("enable.auto.commit");
        let interval = interval.into();
        self.config.auto_commit = interval.is_some();
        if let Some(interval) = interval {
            self.properties.remove("auto.commit.interval.ms");
            self.config.auto_commit_interval = interval;
        }
        self
    }

    /// How many bytes may be fetched ahead of the application, in all: it is passed by at most one answer of each broker.
    /// Default: 64 MiB.
    #[must_use]
    pub fn prefetch_bytes(mut self, bytes: usize) -> Self {
        self.properties.remove("queued.max.messages.kbytes");
        self.config.prefetch_bytes = bytes;
        self
    }

    /// How long a broker may hold back its answer while there is nothing new. Default: 500 ms.
    #[must_use]
    pub fn fetch_max_wait(mut self, limit: Duration) -> Self {
        self.properties.remove("fetch.max.wait.ms");
        self.config.fetch_max_wait = limit;
        self
    }

    /// A property by Kafka's name. [`ConsumerBuilder::build`] refuses names that do not exist.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// The consumer. It begins to fetch at once. An error is a setting that makes no sense; topics and partitions that do not
    /// exist are told by [`Consumer::recv`], since they may come to exist.
    ///
    /// Cancellation safe: when the future is dropped, there is no consumer.
    #[expect(clippy::unused_async, reason = "a group may need to be asked before there is a consumer")]
    pub async fn build(self) -> Result<Consumer, Error> {
        let Self { client, mut config, properties, subscription } = self;
        check_names(properties.keys().map(String::as_str), Client::PROPERTIES)?;
        config.apply(&properties)?;
        config.check()?;
        let pattern = match &subscription {
            Subscription::Pattern(pattern) => Some(Subscription::compile(pattern)?),
            _ => None,
        };
        let shared = Shared::new(client, config);
        let consumer = Consumer::new(ConsumerHandle { shared: Arc::clone(&shared) });
        shared.spawn(driver::run(Arc::clone(&shared)));
        let topics = match (subscription, pattern) {
            (Subscription::Partitions(partitions), _) => {
                shared.assign(&partitions, Phase::Unplaced);
                return Ok(consumer);
            }
            (Subscription::Topics(topics), _) => watch::channel(topics).1,
            (_, Some(pattern)) => subscription::follow_pattern(&shared, pattern),
            _ => {
                let message = "a consumer needs something to read: topics, topic_pattern or assign";
                return Err(Error::new(ErrorKind::Config, message));
            }
        };
        subscription::assign_all(&shared, topics);
        Ok(consumer)
    }
}
