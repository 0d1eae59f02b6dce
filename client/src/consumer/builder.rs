//! The settings of a consumer, and its start.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use regex_lite::Regex;

use super::commits;
use super::partition::Phase;
use super::rebalance::{Events, Hooks};
use super::shared::Shared;
use super::subscription::{self, Subscription};
use super::{Consumer, ConsumerConfig, ConsumerHandle, IsolationLevel, OffsetReset, driver};
use crate::client::Client;
use crate::config::Properties;
use crate::error::{Error, ErrorKind};
use crate::group::{Assignor, Membership};
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
    hooks: Hooks,
    supervised: bool,
}

impl ConsumerBuilder {
    pub(crate) fn new(client: Client) -> Self {
        let properties = client.properties().clone();
        Self {
            client,
            config: ConsumerConfig::default(),
            properties,
            subscription: Subscription::default(),
            hooks: Hooks::default(),
            supervised: false,
        }
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

    /// How members of the group divide partitions, the preferred way first; all members must have one in common. Default:
    /// [`Assignor::CooperativeSticky`]: only what moves stops. Kafka's Java client offers it too, and `range` besides;
    /// librdkafka must be told to.
    #[must_use]
    pub fn assignors(mut self, assignors: impl IntoIterator<Item = Assignor>) -> Self {
        self.properties.remove("partition.assignment.strategy");
        self.config.assignors = assignors.into_iter().collect();
        self
    }

    /// A name for this member that stays the same over restarts (`group.instance.id`, KIP-345): if it is back within the
    /// session timeout, it has its partitions again without a rebalance. It does not leave the group when it is closed.
    #[must_use]
    pub fn instance_id(mut self, id: impl Into<ByteString>) -> Self {
        self.properties.remove("group.instance.id");
        self.config.instance_id = Some(id.into());
        self
    }

    /// How long a member may be silent before the group goes on without it. Default: 45 seconds.
    #[must_use]
    pub fn session_timeout(mut self, limit: Duration) -> Self {
        self.properties.remove("session.timeout.ms");
        self.config.session_timeout = limit;
        self
    }

    /// Called when partitions come from the group, before the first record of them: it may seek. With no partitions when a
    /// rebalance has brought nothing new. A hook that takes longer than `max.poll.interval.ms` is dropped, the partitions are
    /// read all the same, and [`Consumer::recv`] tells.
    #[must_use]
    pub fn on_assigned<F>(
        mut self,
        hook: impl Fn(ConsumerHandle, Vec<TopicPartition>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hooks.assigned = Some(Arc::new(move |consumer, partitions| Box::pin(hook(consumer, partitions))));
        self
    }

    /// Called before partitions go to others. The application has asked for more by then, so that it holds no record of
    /// them, and what was processed is committed if commits are automatic. The hook can still commit, and the group waits for
    /// it, though not longer than `max.poll.interval.ms`.
    ///
    /// ```no_run
    /// # async fn example(client: naru_client::Client) -> Result<(), naru_client::Error> {
    /// let consumer = client.consumer().group("billing").topics(["orders"]).auto_commit(None);
    /// let consumer = consumer.on_revoked(|consumer, partitions| async move {
    ///     if let Err(error) = consumer.commit().await {
    ///         eprintln!("{partitions:?} go, and others do the work again: {error}");
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_revoked<F>(
        mut self,
        hook: impl Fn(ConsumerHandle, Vec<TopicPartition>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hooks.revoked = Some(Arc::new(move |consumer, partitions| Box::pin(hook(consumer, partitions))));
        self
    }

    /// Called when partitions were given to others already, after the member was silent for too long. A commit would fail. A
    /// hook that takes longer than `max.poll.interval.ms` is dropped, as with [`ConsumerBuilder::on_assigned`].
    #[must_use]
    pub fn on_lost<F>(mut self, hook: impl Fn(ConsumerHandle, Vec<TopicPartition>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hooks.lost = Some(Arc::new(move |consumer, partitions| Box::pin(hook(consumer, partitions))));
        self
    }

    /// Whoever holds the consumer knows by itself what is processed: it commits all offsets, may work as long as it likes
    /// before it asks for more, and is told of partitions that go without being waited for. Its revocation hook waits for its work.
    pub(crate) fn supervised(mut self) -> Self {
        self.supervised = true;
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
    #[expect(clippy::unused_async, reason = "whether the group answers may become part of it")]
    pub async fn build(self) -> Result<Consumer, Error> {
        let Self { client, mut config, properties, subscription, hooks, supervised } = self;
        client.check_own(&properties)?;
        config.apply(&properties)?;
        config.check()?;
        config.auto_commit &= !supervised;
        let source = Source::of(subscription)?;
        let group = config.group();
        let commits_by_itself = group.is_some() && config.auto_commit;
        let shared = Shared::new(client.clone(), config);
        let topics = match source {
            Source::Partitions(partitions) => {
                shared.assign(&partitions, Phase::Unplaced);
                None
            }
            Source::Topics(topics) => Some(shared.subscribed(topics)),
            Source::Pattern(pattern) => Some(subscription::follow_pattern(&shared, pattern)),
        };
        let membership = match (group, topics) {
            (Some(group), Some(topics)) => {
                let events = Events { shared: Arc::downgrade(&shared), hooks, supervised };
                Some(Membership::start(client, group, topics, Arc::new(events)))
            }
            (Some(group), None) => Some(Membership::without_joining(client, group)),
            (None, Some(topics)) => {
                subscription::assign_all(&shared, topics);
                None
            }
            (None, None) => None,
        };
        let mut activity = membership.as_ref().map(|membership| Arc::clone(membership.activity()));
        if supervised && let Some(activity) = activity.take() {
            activity.waits(true);
        }
        if let Some(membership) = membership {
            shared.has_membership(membership);
        }
        shared.spawn(driver::run(Arc::clone(&shared)));
        if commits_by_itself {
            shared.spawn(commits::keep_committing(Arc::clone(&shared)));
        }
        Ok(Consumer::new(ConsumerHandle { shared }, activity))
    }
}

/// Where the partitions come from.
enum Source {
    Topics(Vec<ByteString>),
    Pattern(Regex),
    Partitions(Vec<TopicPartition>),
}

impl Source {
    fn of(subscription: Subscription) -> Result<Self, Error> {
        match subscription {
            Subscription::Topics(topics) if !topics.is_empty() => Ok(Self::Topics(topics)),
            Subscription::Pattern(pattern) => subscription::compile(&pattern).map(Self::Pattern),
            Subscription::Partitions(partitions) if !partitions.is_empty() => Ok(Self::Partitions(partitions)),
            _ => {
                let message = "a consumer needs something to read: topics, topic_pattern or assign";
                Err(Error::new(ErrorKind::Config, message))
            }
        }
    }
}
