//! What the client knows about the cluster: brokers, topics, leaders.
//!
//! A [`Cluster`] is a snapshot that never changes; readers take it without waiting. A new one is fetched when a topic is
//! asked for that is not known, when somebody says that something was wrong ([`Metadata::stale`]), and when the snapshot is
//! old. Whoever asks at the same time shares one request.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::config::ClientConfig;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::network::{Backoff, Channel, Pool};

/// How often a broker may say that it does not know a topic before it is believed: a topic that is being made takes a while.
const UNKNOWN_TOPIC_TRIES: u32 = 5;

/// The newest Metadata that is asked for, and the oldest: topic ids from 10, creation on demand from 4.
const VERSIONS: std::ops::RangeInclusive<i16> = 4..=13;

/// A snapshot of the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    /// Grows with every snapshot; 0 before the first.
    pub(crate) version: u64,
    pub(crate) controller: i32,
    pub(crate) brokers: BTreeMap<i32, Broker>,
    /// The topics that somebody asked for and that exist.
    pub(crate) topics: HashMap<ByteString, Arc<Topic>>,
    /// The topics that somebody asked for, and why there is nothing to say about them.
    refused: HashMap<ByteString, ErrorCode>,
}

/// A broker of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broker {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) rack: Option<ByteString>,
}

/// A topic that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: ByteString,
    /// Nil where the broker is too old to have ids.
    pub(crate) id: Uuid,
    pub(crate) internal: bool,
    /// By number: the first is partition 0.
    pub(crate) partitions: Vec<Partition>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) index: i32,
    /// −1 while it has none.
    pub(crate) leader: i32,
    /// −1 where the broker is too old to tell.
    pub(crate) leader_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
}

/// The snapshots, and how new ones come about.
pub(crate) struct Metadata {
    config: Arc<ClientConfig>,
    pool: Arc<Pool>,
    current: watch::Sender<Arc<Cluster>>,
    /// Topics that were asked for, and when last: they are part of every refresh until nobody asks for long.
    interest: Mutex<HashMap<ByteString, Instant>>,
    /// Held by the one who fetches.
    fetching: tokio::sync::Mutex<()>,
    stale: Arc<Notify>,
    kept_fresh: AtomicBool,
}

impl Metadata {
    pub(crate) fn new(config: Arc<ClientConfig>, pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            config,
            pool,
            current: watch::Sender::new(Arc::default()),
            interest: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
            stale: Arc::default(),
            kept_fresh: AtomicBool::new(false),
        })
    }

    /// The newest snapshot; version 0 before the first.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.current.borrow())
    }

    /// Sees every new snapshot.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Cluster>> {
        self.current.subscribe()
    }

    /// A topic, from the snapshot or from a broker. A topic that no broker knows is an error after a few tries.
    /// Cancellation safe.
    pub(crate) async fn topic(self: &Arc<Self>, name: &ByteString, deadline: Deadline) -> Result<Arc<Topic>, Error> {
        self.interested(name);
        if let Some(topic) = self.cluster().topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let mut backoff = self.backoff();
        let mut unknown = 0;
        loop {
            let fetched = deadline.bound(format!("looking up topic {name:?}"), self.fetch(Some(name))).await;
            let error = match fetched {
                Ok(cluster) => match cluster.topic(name) {
                    Ok(topic) => return Ok(topic),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            unknown += u32::from(error.code() == Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
            if !error.is_retriable() || deadline.passed() || unknown >= UNKNOWN_TOPIC_TRIES {
                return Err(error);
            }
            deadline.sleep(backoff.next()).await;
        }
    }

    /// Every topic there is, internal ones too; what is found is not kept. Cancellation safe.
    pub(crate) async fn all_topics(self: &Arc<Self>) -> Result<Vec<Topic>, Error> {
        let answer = self.ask(None, false).await?;
        Ok(answer.topics.into_iter().filter(|topic| topic.error_code.is_none()).filter_map(topic_of).collect())
    }

    /// Something in the snapshot was wrong: a new one is fetched soon, once for all who say so.
    pub(crate) fn stale(&self) {
        self.stale.notify_one();
    }

    /// Waits for a snapshot that is newer than `version`. Cancellation safe.
    pub(crate) async fn refreshed_since(
        self: &Arc<Self>,
        version: u64,
        deadline: Deadline,
    ) -> Result<Arc<Cluster>, Error> {
        let mut watch = self.watch();
        self.keep_fresh();
        self.stale();
        let newer = async {
            let seen = watch.wait_for(|cluster| cluster.version > version).await;
            seen.map(|cluster| Arc::clone(&cluster)).map_err(|_| Error::new(ErrorKind::Closed, "the client was closed"))
        };
        deadline.bound("refreshing the metadata", newer).await
    }

    /// Fetches the first snapshot, once. Cancellation safe.
    pub(crate) async fn known(self: &Arc<Self>) -> Result<Arc<Cluster>, Error> {
        match self.cluster() {
            cluster if cluster.version > 0 => Ok(cluster),
            _ => self.fetch(None).await,
        }
    }

    /// The address of a broker.
    pub(crate) fn address(&self, node: i32) -> Option<String> {
        self.current.borrow().brokers.get(&node).map(|broker| broker.address.clone())
    }

    /// A connection to some broker, preferably one that is open.
    pub(crate) async fn any_channel(&self) -> Result<Arc<Channel>, Error> {
        let mut addresses: Vec<String> = self.cluster().brokers.values().map(|broker| broker.address.clone()).collect();
        fastrand::shuffle(&mut addresses);
        let others = self.config.bootstrap.iter().filter(|address| !addresses.contains(address)).cloned();
        let others: Vec<String> = others.collect();
        addresses.extend(others);
        if let Some(open) = addresses.iter().find_map(|address| self.pool.open_channel(address)) {
            return Ok(open);
        }
        let mut failure = None;
        for address in &addresses {
            match self.pool.channel(address).await {
                Ok(channel) => return Ok(channel),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| Error::new(ErrorKind::Config, "no broker is named")))
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.config.retry_backoff, self.config.retry_backoff_max)
    }

    /// The topic is part of every refresh from now on, until nobody has said so for long.
    pub(crate) fn interested(&self, topic: &ByteString) {
        let mut interest = self.interest.lock().unwrap_or_else(PoisonError::into_inner);
        interest.insert(topic.clone(), Instant::now());
    }

    /// As if nobody had asked for any topic for long.
    #[cfg(test)]
    pub(crate) fn forget_interest(&self) {
        self.interest.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Topics that were asked for lately.
    fn interesting(&self) -> Vec<ByteString> {
        let mut interest = self.interest.lock().unwrap_or_else(PoisonError::into_inner);
        interest.retain(|_, asked| asked.elapsed() < self.config.metadata_max_age.max(Duration::from_mins(1)) * 2);
        interest.keys().cloned().collect()
    }

    /// A new snapshot: with what is known about all topics of interest, or with one topic more. Who finds that another
    /// has just fetched what it wants takes that.
    async fn fetch(self: &Arc<Self>, one: Option<&ByteString>) -> Result<Arc<Cluster>, Error> {
        let before = self.cluster().version;
        let turn = self.fetching.lock().await;
        let current = self.cluster();
        if current.version > before && one.is_none_or(|name| current.topic(name).is_ok()) {
            return Ok(current);
        }
        let names = one.map_or_else(|| self.interesting(), |name| vec![name.clone()]);
        // Only who asks for a topic by name may make it: a refresh would bring back what was deleted.
        let creates = one.is_some() && self.config.allow_auto_create_topics;
        let answer = self.ask(Some(names), creates).await?;
        let cluster = Arc::new(current.updated(answer, one.is_some()));
        self.current.send_replace(Arc::clone(&cluster));
        drop(turn);
        self.keep_fresh();
        Ok(cluster)
    }

    async fn ask(&self, names: Option<Vec<ByteString>>, creates: bool) -> Result<MetadataResponse, Error> {
        let named = |name| MetadataRequestTopic { name: Some(name), ..Default::default() };
        let request = MetadataRequest {
            topics: names.map(|names| names.into_iter().map(named).collect()),
            allow_auto_topic_creation: creates,
            ..Default::default()
        };
        let channel = self.any_channel().await?;
        let version = channel.newest::<MetadataRequest>(VERSIONS)?;
        let answer = channel.submit(&request, version, self.config.request_timeout)?.await?;
        if answer.error_code.is_error() {
            return Err(Error::broker_code(ApiKey::Metadata, answer.error_code).at(channel.address()));
        }
        Ok(answer)
    }

    /// Starts the task that fetches again what is old or wrong, once. It ends with the client.
    fn keep_fresh(self: &Arc<Self>) {
        if !self.kept_fresh.swap(true, Ordering::Relaxed) {
            tokio::spawn(keep_fresh(Arc::downgrade(self), Arc::clone(&self.stale), self.config.metadata_max_age));
        }
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        self.stale.notify_one();
    }
}

async fn keep_fresh(metadata: Weak<Metadata>, stale: Arc<Notify>, max_age: Duration) {
    loop {
        let old = sleep_until(Instant::now() + max_age.max(Duration::from_millis(1)));
        tokio::select! {
            () = old => {}
            () = stale.notified() => {}
        }
        let Some(mut backoff) = metadata.upgrade().map(|metadata| metadata.backoff()) else { return };
        loop {
            let Some(metadata) = metadata.upgrade() else { return };
            let fetched = metadata.fetch(None).await;
            drop(metadata);
            // Also after a success: whoever is not helped by it asks again, and not more often than this.
            sleep(backoff.next()).await;
            if fetched.is_ok() {
                break;
            }
        }
    }
}

impl Cluster {
    /// A topic that exists, or why there is none.
    pub(crate) fn topic(&self, name: &ByteString) -> Result<Arc<Topic>, Error> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let code = self.refused.get(name).copied().unwrap_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        let error = match code {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Error::broker_said(
                ApiKey::Metadata,
                code,
                Some(
                    "it does not exist, and the broker does not make it on demand; create it, or look at the spelling",
                ),
            ),
            code => Error::broker_code(ApiKey::Metadata, code),
        };
        Err(error.context(format_args!("topic {name:?}")))
    }

    /// Whether a broker said that there is nothing to say about a topic.
    pub(crate) fn refuses(&self, name: &ByteString) -> bool {
        self.refused.contains_key(name)
    }

    fn updated(&self, answer: MetadataResponse, keep_others: bool) -> Self {
        let (mut topics, mut refused) =
            if keep_others { (self.topics.clone(), self.refused.clone()) } else { Default::default() };
        for answered in answer.topics {
            let Some(name) = answered.name.clone() else { continue };
            let code = answered.error_code;
            topics.remove(&name);
            refused.remove(&name);
            match topic_of(answered) {
                Some(topic) if code.is_none() => drop(topics.insert(name, Arc::new(topic))),
                _ => drop(refused.insert(name, code)),
            }
        }
        let brokers = answer.brokers.into_iter().map(|broker| {
            let host = if broker.host.contains(':') { format!("[{}]", broker.host) } else { broker.host.to_string() };
            (broker.node_id, Broker { address: format!("{host}:{}", broker.port), rack: broker.rack })
        });
        let controller = answer.controller_id;
        Self { version: self.version + 1, controller, brokers: brokers.collect(), topics, refused }
    }
}

fn topic_of(answered: naru_protocol::messages::metadata::MetadataResponseTopic) -> Option<Topic> {
    let mut partitions: Vec<Partition> = answered
        .partitions
        .into_iter()
        .map(|partition| Partition {
            index: partition.partition_index,
            leader: partition.leader_id,
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes,
            isr: partition.isr_nodes,
        })
        .collect();
    partitions.sort_by_key(|partition| partition.index);
    // Numbers without a gap are what everything that counts partitions rests on.
    let whole = partitions.iter().enumerate().all(|(number, partition)| i32::try_from(number) == Ok(partition.index));
    let name = answered.name.filter(|_| whole && !partitions.is_empty())?;
    Some(Topic { name, id: answered.topic_id, internal: answered.is_internal, partitions })
}

#[cfg(test)]
mod tests;
