//! The producer: records in, batches out, outcomes back.
//!
//! A record is copied once, into the open batch of its partition ([`queue`]), by the task that sends it. One task of the
//! producer ([`sender`]) takes what is due, asks the leaders, and tells the [`delivery`] of each record what became of it.
//! A byte budget bounds what waits. A batch is compressed once, by the sender, when it leaves: the longer it could grow
//! meanwhile, the better it compresses, and callers never wait for a codec.

mod batch;
mod config;
mod delivery;
mod link;
mod partitioner;
mod queue;
mod request;
mod sender;
mod topics;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use naru_protocol::records::{Codec, HEADER_LEN};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

use crate::client::Client;
use crate::config::Properties;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::{Record, RecordMetadata};

pub use config::Acks;
pub(crate) use config::ProducerConfig;
pub use delivery::Delivery;
use queue::{PartitionQueue, Pushed, Rules};
use topics::Topics;

/// The longest length of a key, a value or a header, as it is written.
const MOST_VARINT: usize = 5;

/// What a record takes in a batch beside the bytes of key, value and headers, at most: six lengths and numbers, one of them
/// of 64 bits, and the attributes.
const RECORD_OVERHEAD: usize = 5 * MOST_VARINT + 10 + 1;

/// The longest that a record waits for company while its broker is busy, where no other limit is set.
const EAGER_LINGER: Duration = Duration::from_millis(5);

/// Sends records. Cheap to clone; clones share buffer, connections and order.
///
/// ```no_run
/// use naru_client::{Client, Record};
///
/// # async fn example() -> Result<(), naru_client::Error> {
/// let client = Client::connect("localhost:9092").await?;
/// let producer = client.producer().build()?;
///
/// // One record, durable when this returns:
/// let written = producer.send(Record::to("orders").key("customer-7").value("a boat")).await?;
/// println!("at offset {} of partition {}", written.offset, written.partition);
///
/// // Many at once: wait for the outcomes together.
/// let mut deliveries = Vec::new();
/// for number in 0..1000 {
///     deliveries.push(producer.enqueue(Record::to("orders").value(format!("order {number}"))).await?);
/// }
/// for delivery in deliveries {
///     delivery.await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// **Order.** Records that one task enqueues to one partition are written in that order, over retries too, and each once,
/// unless idempotence is turned off. A record that fails leaves those behind it untouched; whether it may be in the log
/// nevertheless, [`Error::may_have_been_written`] says.
///
/// **Dropping** the last clone does not block and loses nothing that was enqueued: what waits is still sent in the
/// background, as long as the runtime lives. [`Producer::close`] waits for it.
#[derive(Clone)]
pub struct Producer {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    started: Once,
}

/// What the handles and the sender share.
struct Shared {
    client: Client,
    config: ProducerConfig,
    rules: Rules,
    topics: Topics,
    /// Bytes that may still be enqueued.
    budget: Semaphore,
    /// Queues with something new that the sender does not know of yet.
    listed: Mutex<Vec<Arc<PartitionQueue>>>,
    wake: Notify,
    /// How many wait for everything to be sent.
    hurrying: AtomicUsize,
    /// Nothing more is taken in.
    closing: AtomicBool,
    /// What is not sent yet is given up.
    abandoned: AtomicBool,
    /// Why the producer is of no more use, if it is.
    fatal: Mutex<Option<Error>>,
    ended: watch::Sender<bool>,
}

/// A record that was not taken in, and why.
#[derive(Debug)]
pub struct TrySendError {
    /// The record, as it was given.
    pub record: Box<Record>,
    /// Why: [`ErrorKind::WouldBlock`] passes by itself.
    pub error: Error,
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for TrySendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Producer {
    /// Sends a record and waits until it is written as `acks` asks: with the default, until it is durable.
    ///
    /// One task that awaits each record pays a round trip for each; [`Producer::enqueue`] lets it go on.
    ///
    /// Cancellation: dropped before the record is in the buffer, nothing is sent; dropped later, the record is sent all the
    /// same and its outcome is lost.
    pub async fn send(&self, record: Record) -> Result<RecordMetadata, Error> {
        self.enqueue(record).await?.await
    }

    /// Puts a record into the buffer and returns its [`Delivery`]. Waits while the buffer is full, first come first served:
    /// that is the back-pressure. Waits for the topic's metadata too, up to `max.block.ms`: a topic that no broker knows may
    /// just be made, and a partition that is not known may just be added.
    ///
    /// Cancellation: dropped before it returns, the record is not sent.
    pub async fn enqueue(&self, record: Record) -> Result<Delivery, Error> {
        let shared = self.started();
        let (mut room, mut looked_again) = (None, false);
        loop {
            match shared.place(&record, room.take()) {
                Ok(delivery) => return Ok(delivery),
                Err(Refusal::Failed(error)) => return Err(error),
                Err(Refusal::UnknownTopic) => {
                    shared.topics.learn(&shared.client, &record.topic, shared.config.max_block).await?;
                }
                Err(Refusal::UnknownPartition(error)) if looked_again => return Err(error),
                Err(Refusal::UnknownPartition(_)) => {
                    looked_again = true;
                    shared.topics.look_again(&shared.client, &record.topic, shared.config.max_block).await?;
                }
                Err(Refusal::Full(size)) => {
                    // What lingers may be all that fills the buffer.
                    shared.wake.notify_one();
                    let permit = shared.budget.acquire_many(size).await;
                    room = Some(permit.map_err(|_| shared.closed())?);
                }
            }
        }
    }

    /// Puts a record into the buffer if that is possible at once, and else hands it back: when the buffer is full, or when
    /// nothing is known about the topic yet, which is looked up meanwhile; both are [`ErrorKind::WouldBlock`]. When the look-up
    /// has failed, the next call says why.
    ///
    /// # Panics
    /// Outside of a tokio runtime, if it is the producer's first use or the topic's.
    pub fn try_send(&self, record: Record) -> Result<Delivery, TrySendError> {
        let shared = self.started();
        let error = match shared.place(&record, None) {
            Ok(delivery) => return Ok(delivery),
            Err(Refusal::Failed(error) | Refusal::UnknownPartition(error)) => error,
            Err(Refusal::Full(_)) => Error::new(ErrorKind::WouldBlock, "the producer's buffer (buffer.memory) is full"),
            Err(Refusal::UnknownTopic) => Topics::learn_meanwhile(shared, &record.topic).err().unwrap_or_else(|| {
                Error::new(ErrorKind::WouldBlock, format!("topic {:?} is still being looked up", record.topic))
            }),
        };
        Err(TrySendError { record: Box::new(record), error })
    }

    /// Waits until everything that was enqueued before is written or has failed; nothing lingers meanwhile. Each delivery
    /// says what became of its record.
    ///
    /// Cancellation safe: dropped, it no longer hurries.
    pub async fn flush(&self) {
        let shared = self.started();
        let _hurry = Hurry::new(shared);
        for outcome in shared.topics.outcomes() {
            outcome.settled().await;
        }
    }

    /// Takes in nothing more, sends what waits, and ends the producer with all its clones. What is not written by the
    /// deadline is given up: its deliveries fail with [`ErrorKind::Closed`], and so does this.
    ///
    /// Cancellation: dropped, the producer stays closed and what waits is sent in the background.
    pub async fn close(&self, limit: Duration) -> Result<(), Error> {
        let shared = self.started();
        shared.closing.store(true, Ordering::Release);
        shared.budget.close();
        shared.wake.notify_one();
        let mut ended = shared.ended.subscribe();
        let deadline = Deadline::after(limit);
        let in_time = deadline.bound("closing the producer", async {
            let _ = ended.wait_for(|ended| *ended).await;
            Ok(())
        });
        if let Err(late) = in_time.await {
            shared.abandoned.store(true, Ordering::Release);
            shared.wake.notify_one();
            let _ = ended.wait_for(|ended| *ended).await;
            return Err(late);
        }
        Ok(())
    }

    /// What is enqueued and not written yet, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        let shared = &self.handle.shared;
        shared.config.buffer_memory.saturating_sub(shared.budget.available_permits())
    }

    /// The sender runs from the first use on: making a producer needs no runtime.
    fn started(&self) -> &Arc<Shared> {
        let Handle { shared, started } = &*self.handle;
        started.call_once(|| drop(tokio::spawn(sender::run(Arc::clone(shared)))));
        shared
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("buffered_bytes", &self.buffered_bytes()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.wake.notify_one();
    }
}

/// As long as it lives, nothing lingers.
struct Hurry<'a>(&'a Shared);

impl<'a> Hurry<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.hurrying.fetch_add(1, Ordering::AcqRel);
        shared.wake.notify_one();
        Self(shared)
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.hurrying.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a record is not in the buffer.
enum Refusal {
    UnknownTopic,
    /// As far as is known.
    UnknownPartition(Error),
    /// So many bytes are not free at the moment.
    Full(u32),
    Failed(Error),
}

impl Shared {
    /// Puts a record into its partition's open batch. `room` is its share of the buffer, if that was waited for.
    fn place(&self, record: &Record, room: Option<SemaphorePermit<'_>>) -> Result<Delivery, Refusal> {
        let size = self.checked_size(record).map_err(Refusal::Failed)?;
        let pushed = self.topics.with(&record.topic, |topic| {
            // Under the lock that the sender asks for before it ends: it sees whatever is let in.
            if self.closing.load(Ordering::Acquire) {
                return Err(Refusal::Failed(self.closed()));
            }
            let queue = topic.queue_for(record)?;
            let room = match room {
                Some(room) => room,
                None => self.budget.try_acquire_many(size).map_err(|_| Refusal::Full(size))?,
            };
            let timestamp = record.timestamp.unwrap_or_else(now_ms);
            let pushed = queue.push(record, timestamp, size as usize, &self.rules);
            let pushed = pushed.map_err(|error| Refusal::Failed(too_large(error.to_string())))?;
            room.forget();
            topic.took(record, size as usize, self.rules.batch_size, pushed.tell_sender);
            if pushed.list {
                self.listed.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(queue));
            }
            Ok(pushed)
        });
        let unknown = || {
            let closed = self.closing.load(Ordering::Acquire);
            Err(if closed { Refusal::Failed(self.closed()) } else { Refusal::UnknownTopic })
        };
        let Pushed { delivery, tell_sender, .. } = pushed.unwrap_or_else(unknown)?;
        if tell_sender {
            self.wake.notify_one();
        }
        Ok(delivery)
    }

    /// What a record takes of the buffer, if it is one that can be sent.
    fn checked_size(&self, record: &Record) -> Result<u32, Error> {
        if let Some(negative @ ..0) = record.timestamp {
            let message = format!("the time stamp of a record cannot be negative, and this is {negative}");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let size = size_of(record);
        let limit = self.config.max_request_size.min(self.config.buffer_memory);
        match u32::try_from(size) {
            Ok(fits) if size <= limit => Ok(fits),
            _ => Err(too_large(format!(
                "a record of {size} bytes is more than max.request.size and buffer.memory allow ({limit} bytes)"
            ))),
        }
    }

    fn closed(&self) -> Error {
        let fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        fatal.unwrap_or_else(|| Error::new(ErrorKind::Closed, "the producer is closed"))
    }
}

fn size_of(record: &Record) -> usize {
    let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let headers = record.headers.iter().map(|header| header.key.len() + length(&header.value) + 2 * MOST_VARINT);
    RECORD_OVERHEAD + length(&record.key) + length(&record.value) + headers.sum::<usize>()
}

fn too_large(message: String) -> Error {
    Error::new(ErrorKind::TooLarge, message)
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

impl Client {
    /// Settings of a producer first, then [`ProducerBuilder::build`].
    pub fn producer(&self) -> ProducerBuilder {
        let (client, properties) = (self.clone(), self.properties().clone());
        ProducerBuilder { client, config: ProducerConfig::default(), properties }
    }
}

/// Settings of a [`Producer`]. It begins with those that were [set](crate::ClientBuilder::set) on the client.
///
/// ```
/// use std::time::Duration;
/// use naru_client::{Client, Codec};
///
/// let client = Client::builder().build()?;
/// let producer = client
///     .producer()
///     .compression(Codec::Lz4)
///     .linger(Duration::from_millis(20))
///     .delivery_timeout(Duration::from_secs(30))
///     .build()?;
/// # Ok::<(), naru_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProducerBuilder {
    client: Client,
    config: ProducerConfig,
    properties: Properties,
}

impl ProducerBuilder {
    /// Who must have a record before it counts as written. Default: all. Anything else turns idempotence off.
    #[must_use]
    pub fn acks(self, acks: Acks) -> Self {
        let value = match acks {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "all",
        };
        self.set("acks", value)
    }

    /// How batches are compressed. Default: not at all.
    #[must_use]
    pub fn compression(self, codec: Codec) -> Self {
        self.set("compression.type", codec.name())
    }

    /// How long a record waits for others to share its batch. Default: a record leaves at once when its broker has nothing
    /// to do, and else waits at most 5 ms; so a lone record is fast, and many are few batches.
    #[must_use]
    pub fn linger(self, longest: Duration) -> Self {
        self.set("linger.ms", longest.as_millis().to_string())
    }

    /// Bytes after which a batch is closed, before compression. Default: 128 KiB.
    #[must_use]
    pub fn batch_size(self, bytes: usize) -> Self {
        self.set("batch.size", bytes.to_string())
    }

    /// Bytes of records that may wait or be in flight. Default: 32 MiB. When they are used up, [`Producer::enqueue`] waits.
    #[must_use]
    pub fn buffer_memory(self, bytes: usize) -> Self {
        self.set("buffer.memory", bytes.to_string())
    }

    /// How long it is tried to deliver a record before it fails. Default: 2 minutes.
    #[must_use]
    pub fn delivery_timeout(self, limit: Duration) -> Self {
        self.set("delivery.timeout.ms", limit.as_millis().to_string())
    }

    /// A property by Kafka's name.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// The producer. No I/O is done, and no runtime is needed yet; an error is a setting that makes no sense.
    pub fn build(self) -> Result<Producer, Error> {
        let Self { client, mut config, properties } = self;
        client.check_own(&properties)?;
        config.apply(&properties)?;
        let rules = Rules {
            codec: config.codec,
            // A batch must fit into a request, whatever its settings say.
            batch_size: config.batch_size.min(config.max_request_size).saturating_sub(HEADER_LEN),
            linger: config.linger.unwrap_or(EAGER_LINGER),
            eager: config.linger.is_none(),
        };
        let shared = Shared {
            client,
            rules,
            topics: Topics::default(),
            budget: Semaphore::new(config.buffer_memory.min(Semaphore::MAX_PERMITS)),
            config,
            listed: Mutex::default(),
            wake: Notify::new(),
            hurrying: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            fatal: Mutex::default(),
            ended: watch::Sender::new(false),
        };
        Ok(Producer { handle: Arc::new(Handle { shared: Arc::new(shared), started: Once::new() }) })
    }
}

#[cfg(test)]
mod tests;
