//! From a configuration to a broker that serves, and back.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::Listener;
use crate::broker::follow::PartitionsFollow;
use crate::broker::live::SettingsFollow;
use crate::broker::offsets_topic::StoredOffsets;
use crate::broker::{Broker, Traffic};
use crate::config::BrokerConfig;
use crate::fetch::FetchSessions;
use crate::group::{GroupConfig, GroupCoordinator, Millis, Now, TellTime};
use crate::http::{AdminBindError, AdminServer, Observed, Status};
use crate::log_levels::LogLevels;
use crate::metadata;
use crate::metadata::{MetadataImage, MetadataStore, StorageMetadataLog};
use crate::partition::Partitions;
use crate::quota::Usage;
use crate::server::{BindError, Limits, Server};
use crate::storage::clock::{Clock, SystemClock};
use crate::storage::disk::SystemDisk;
use crate::storage::types::TopicPartition;
use crate::storage::{DataDirectory, OpenError, StorageOptions};

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// The metadata cannot be read.
    #[error("the metadata cannot be read: {0}. Restore the data directory from a copy, or start with an empty one")]
    Metadata(#[from] metadata::OpenError),
    /// The data directory cannot be compared with the metadata.
    #[error("the data directory {path} cannot be listed: {error}")]
    Reconcile {
        /// The data directory.
        path: String,
        /// What the disk said.
        error: std::io::Error,
    },
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The HTTP listener could not be opened.
    #[error(transparent)]
    AdminBind(#[from] AdminBindError),
    /// The runtime is going away.
    #[error("the start was interrupted")]
    Interrupted,
}

/// The storage engine did not stop in order.
#[derive(Debug, thiserror::Error)]
#[error("the data directory was not left in order; everything acknowledged is safe, and the next start recovers it")]
pub struct StopError(#[from] tokio::task::JoinError);

/// A broker that serves. Dropping it without [`RunningBroker::shutdown`] is like a crash: it hangs up, answers nobody and
/// flushes nothing more. The data directory is free when the runtime has let go of the broker's tasks.
pub struct RunningBroker {
    broker: Arc<Broker>,
    server: Server,
    data: Arc<DataDirectory>,
    metadata_log: Arc<StorageMetadataLog>,
    admin: Option<AdminServer>,
}

impl Broker {
    /// Starts a broker inside this process, on the current runtime. When this returns, everything is recovered and replayed,
    /// and the listeners are open.
    pub async fn start(config: BrokerConfig) -> Result<RunningBroker, StartError> {
        for (setting, reason) in config.without_effect() {
            tracing::warn!(setting = setting.name, reason, "this setting has no effect");
        }
        let config = Arc::new(config);
        let status = Arc::new(Status::starting("recovering the logs"));
        // First of all: a broker that recovers for long is to be seen alive.
        let admin = match &config.admin_listen {
            Some(address) => Some(AdminServer::start(address, Arc::clone(&status)).await?),
            None => None,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());

        let producer_expiration = Arc::new(AtomicI64::new(config.transactions.producer_id_expiration_ms.into()));
        let data = Arc::new(open_data(&config, &clock, &producer_expiration).await?);
        let metadata_log = open_metadata_log(&clock, &data).await?;
        let (log, incarnation) = (Arc::clone(&metadata_log), data.meta().incarnation);
        let metadata = MetadataStore::open(log, Arc::clone(&config), incarnation.into()).await?;
        let partitions = Arc::new(Partitions::new(Arc::clone(&data)));
        let follow = PartitionsFollow::new(Arc::clone(&config), Arc::clone(&partitions));
        let image = metadata.subscribe(Arc::<PartitionsFollow>::clone(&follow)).await;
        reconcile(&data, &config, &image).await?;
        follow.open_all(&image).await;

        let offsets = StoredOffsets {
            config: Arc::clone(&config),
            metadata: Arc::clone(&metadata),
            partitions: Arc::clone(&partitions),
        };
        status.goes_on("replaying groups and committed offsets");
        let groups =
            GroupCoordinator::start(group_config(&config), Arc::new(offsets), tell_time(Arc::clone(&clock))).await;
        let id_of = |name: &str| image.topic(name).map(|topic| topic.id);
        if let Err(error) = groups.forget_deleted_topics(id_of).await {
            tracing::warn!(error = error.name(), "offsets of deleted topics remain; the next start removes them");
        }
        follow.tell(&groups);

        let limits = Limits::from(&config.connections);
        let live = SettingsFollow::new(Arc::clone(&config), Arc::clone(&limits.admission), producer_expiration);
        let image = metadata.subscribe(Arc::<SettingsFollow>::clone(&live)).await;
        live.apply(image.dynamic_broker_config()).await;
        let fetch_sessions = FetchSessions::new(config.fetch_session_slots as usize);
        let broker = Arc::new(Broker {
            cluster_id: data.meta().cluster_id.clone(),
            directory_id: data.meta().node_uuid,
            usage: Usage::new(&config.quotas),
            config,
            clock,
            log_levels: LogLevels::default(),
            traffic: Traffic::default(),
            metadata,
            partitions,
            groups,
            fetch_sessions,
            stopping: CancellationToken::new(),
            producer_ids: Mutex::new(0..0),
        });
        let server = Server::start(&broker.config.listeners, limits, Arc::clone(&broker)).await?;
        let running = RunningBroker { broker, server, data, metadata_log, admin };
        status.serves(running.observed());
        Ok(running)
    }
}

async fn open_data(
    config: &BrokerConfig,
    clock: &Arc<dyn Clock>,
    producer_expiration: &Arc<AtomicI64>,
) -> Result<DataDirectory, StartError> {
    let options = StorageOptions {
        node_id: config.node_id,
        retention_check_interval: milliseconds(config.retention_check_interval_ms),
        producer_id_expiration_ms: Arc::clone(producer_expiration),
        ..StorageOptions::default()
    };
    let (clock, path) = (Arc::clone(clock), config.data_dir.clone());
    let opened = spawn_blocking(move || DataDirectory::open(Arc::new(SystemDisk), clock, &path, options)).await;
    Ok(opened.map_err(|_| StartError::Interrupted)??)
}

async fn open_metadata_log(
    clock: &Arc<dyn Clock>,
    data: &Arc<DataDirectory>,
) -> Result<Arc<StorageMetadataLog>, StartError> {
    let (data, clock) = (Arc::clone(data), Arc::clone(clock));
    let log = spawn_blocking(move || StorageMetadataLog::open(&data, clock)).await;
    Ok(Arc::new(log.map_err(|_| StartError::Interrupted)??))
}

/// Sets aside what no topic claims. The metadata's own log is open already, and claimed.
async fn reconcile(data: &Arc<DataDirectory>, config: &BrokerConfig, image: &MetadataImage) -> Result<(), StartError> {
    let expected: Vec<(TopicPartition, Uuid)> = image
        .topics()
        .flat_map(|topic| {
            (0..topic.partitions).map(|index| (TopicPartition::new(Arc::clone(&topic.name), index), topic.id))
        })
        .chain([StorageMetadataLog::identity()])
        .collect();
    let data = Arc::clone(data);
    let report = spawn_blocking(move || data.reconcile(&expected)).await.map_err(|_| StartError::Interrupted)?;
    let path = config.data_dir.display().to_string();
    let report = report.map_err(|error| StartError::Reconcile { path, error })?;
    for partition in &report.missing {
        tracing::warn!(%partition, "the directory of this partition was missing; it is made anew, empty");
    }
    Ok(())
}

fn group_config(config: &BrokerConfig) -> GroupConfig {
    GroupConfig {
        initial_rebalance_delay_ms: config.groups.initial_rebalance_delay_ms,
        min_session_timeout_ms: config.groups.min_session_timeout_ms,
        max_session_timeout_ms: config.groups.max_session_timeout_ms,
        max_size: config.groups.max_size as usize,
        max_groups_per_partition: config.groups.max_groups_per_partition as usize,
        max_pending_members: config.groups.max_pending_members as usize,
        offset_metadata_max_bytes: config.offsets.metadata_max_bytes as usize,
        offsets_retention_ms: config.offsets.retention_ms,
        offsets_retention_check_interval_ms: config.offsets.retention_check_interval_ms,
        ..GroupConfig::default()
    }
}

fn tell_time(clock: Arc<dyn Clock>) -> TellTime {
    Arc::new(move || Now { monotonic: Millis(clock.monotonic().as_millis() as i64), wall_ms: clock.now_ms() })
}

fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1))
}

impl RunningBroker {
    /// What the APIs reach.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The open listeners, in the order of the configuration.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        self.server.listeners()
    }

    /// What health and metrics are made of.
    pub(crate) fn observed(&self) -> Observed {
        Observed { broker: Arc::clone(&self.broker), data: Arc::clone(&self.data), load: self.server.load() }
    }

    /// Where health and metrics are served, if anywhere.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminServer::address)
    }

    /// The directory of everything that lasts.
    pub fn data_dir(&self) -> &Path {
        &self.broker.config().data_dir
    }

    /// Returns when the broker cannot go on: the metadata log has failed. The process should end and be started again.
    pub async fn failed(&self) {
        self.metadata_log.failed().await;
    }

    /// Answers what is in flight, closes every connection, and leaves a clean data directory.
    pub async fn shutdown(self) -> Result<(), StopError> {
        let Self { broker, server, data, admin, .. } = self;
        // Whoever waits for records or for other members is answered now, so that no connection needs the deadline.
        broker.stopping.cancel();
        broker.groups.close().await;
        server.shutdown().await;
        let stopped = spawn_blocking(move || data.shutdown()).await;
        if let Some(admin) = admin {
            admin.shutdown().await;
        }
        Ok(stopped?)
    }
}
