//! Services: a handler for each record of some topics.
//!
//! What a consumer leaves to the application is done here: several records at once but those with the same key in order, commits
//! of exactly what is done, tries again, an orderly end, and partitions that change hands.
//!
//! The parts are pure where they can be: which record may start (`workers`), how far a partition is done (`progress`), and which
//! partitions there are (`assignments`) know neither time nor network. `attempt` handles one record until it is settled; `service` is the
//! loop between all of them and the consumer.

mod assignments;
mod attempt;
mod on_error;
mod progress;
mod service;
mod source;
mod workers;

use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::mpsc;

use crate::client::Client;
use crate::consumer::{ConsumerBuilder, OffsetReset};
use crate::error::{Error, ErrorKind};
use crate::record::ConsumerRecord;

use assignments::Order;
use service::{Service, Settings};
use source::GroupMember;

pub use attempt::BoxError;
pub use on_error::OnError;

/// A service that handles the records of some topics as a member of a group; many processes with the same group share the work.
///
/// ```no_run
/// use naru_client::{Client, ConsumerRecord};
///
/// # async fn example() -> Result<(), naru_client::Error> {
/// # async fn charge(order: &ConsumerRecord) -> Result<(), std::io::Error> { Ok(()) }
/// let client = Client::connect("localhost:9092").await?;
/// client
///     .group("billing")
///     .topic("orders")
///     .concurrency(64)
///     .ordered_by_key()
///     .run(
///         |order| async move { charge(&order).await },
///         async { tokio::signal::ctrl_c().await.unwrap() },
///     )
///     .await
/// # }
/// ```
///
/// **At least once.** A record is committed when its handler has returned `Ok`, and so have those of all records before it in the
/// partition. Whatever ends a process, nothing is lost; what was handled and not yet committed is handled again, so a handler should
/// bear that.
///
/// **Order.** Records with the same key are handled one after the other; records without a key have no order. See
/// [`HandlerBuilder::ordered_by_partition`] and [`HandlerBuilder::unordered`] for the other ways.
///
/// **Failures.** An error or a panic is logged, and the record handled again until it succeeds; [`OnError`] has the other ways.
///
/// **Back-pressure.** While all workers are busy nothing more is taken, and what was fetched ahead is bounded in bytes; the
/// member stays in its group all the while. A partition is paused while many of its records wait for slow ones before them.
///
/// **The end.** When `shutdown` resolves, and when a partition goes to another member, nothing of it is started any more, what was
/// started is finished and committed, bounded by [`HandlerBuilder::drain_timeout`].
#[derive(Clone, Debug)]
pub struct HandlerBuilder {
    consumer: ConsumerBuilder,
    topics: Vec<ByteString>,
    settings: Settings,
}

impl Client {
    /// A service that handles records as a member of this group.
    pub fn group(&self, group: impl Into<ByteString>) -> HandlerBuilder {
        let settings = Settings {
            concurrency: 1,
            order: Order::Key,
            on_error: OnError::default(),
            commit_interval: Duration::from_secs(1),
            drain: Duration::from_secs(25),
        };
        HandlerBuilder { consumer: self.consumer().group(group), topics: Vec::new(), settings }
    }
}

impl HandlerBuilder {
    /// Handles the records of this topic; when called more than once, of all of them.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<ByteString>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// So many records at once, at least 1. Default: 1.
    #[must_use]
    pub fn concurrency(mut self, records: usize) -> Self {
        self.settings.concurrency = records;
        self
    }

    /// Records of a partition with the same key are handled one after the other, in order; others beside them. Records
    /// without a key have no order among each other. The default.
    #[must_use]
    pub fn ordered_by_key(mut self) -> Self {
        self.settings.order = Order::Key;
        self
    }

    /// All records of a partition are handled one after the other, in order; other partitions beside them.
    #[must_use]
    pub fn ordered_by_partition(mut self) -> Self {
        self.settings.order = Order::Partition;
        self
    }

    /// Every record is handled as soon as a worker is idle.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.settings.order = Order::Free;
        self
    }

    /// What happens when the handler fails. Default: the record is handled again until it succeeds.
    #[must_use]
    pub fn on_error(mut self, policy: OnError) -> Self {
        self.settings.on_error = policy;
        self
    }

    /// How often what is done is committed: so much is handled again after a crash. Default: every second.
    #[must_use]
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.settings.commit_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// How long handlers may take to finish when the service ends or a partition goes to another member. After it the
    /// records count as not handled; at the end of the service their handlers are dropped at their next await. Default: 25 seconds, which
    /// with the last commit fits the half minute that container platforms give.
    #[must_use]
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.settings.drain = limit;
        self
    }

    /// Where the group begins in a partition for which it has committed nothing. Default: with the first record there is.
    #[must_use]
    pub fn offset_reset(mut self, policy: OffsetReset) -> Self {
        self.consumer = self.consumer.offset_reset(policy);
        self
    }

    /// A property of the consumer by Kafka's name. [`HandlerBuilder::run`] refuses names that do not exist.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.consumer = self.consumer.set(name, value);
        self
    }

    /// Handles records until `shutdown` resolves.
    ///
    /// What brokers and network do is waited out. It ends with an error when waiting does not help: settings that make no
    /// sense, no permission, another process with the same `group.instance.id`, a handler that failed with
    /// [`OnError::Stop`]; also when handlers did not finish in time at the end, or their offsets were not committed.
    ///
    /// When the future is dropped, handlers are dropped at their next await, and nothing more is committed: their records are
    /// handled again, like those that were done since the last commit.
    pub async fn run<H, F, E>(self, handler: H, shutdown: impl Future<Output = ()>) -> Result<(), Error>
    where
        H: Fn(ConsumerRecord) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        if self.topics.is_empty() {
            return Err(Error::new(ErrorKind::Config, "a service needs a topic to handle: call topic() before run()"));
        }
        let (sender, changes) = mpsc::unbounded_channel();
        let member = GroupMember::join(self.consumer.topics(self.topics), sender).await?;
        let (member, result) = Service::new(member, handler, self.settings, changes).run(shutdown).await;
        member.leave().await;
        result
    }
}
