//! The one place where metadata changes.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::wire::DecodeError;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::change::changes;
use super::{
    AlterConfigs, ApplyError, Change, Charge, ClientQuotas, CreatedTopic, Decision, DeletedTopic, EntityParts, FREE,
    IncrementalAlterConfigs, MetadataImage, MetadataLog, MetadataLogEnd, MetadataLogError, NewPartitions,
    QuotaAlteration, RequestError, Rules, ScramDeletion, ScramUpsertion, Topic, TopicSpec, TopicToDelete,
};
use crate::config::BrokerConfig;

/// The future of a [`MetadataListener`].
pub type ListenerFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Somebody who keeps something for each topic, such as the logs of its partitions.
pub trait MetadataListener: Send + Sync {
    /// Called for every change that is durable, in order, one after the other. The image is published and the request
    /// answered when the future is done, so whoever sees a topic finds its partitions open.
    fn changed<'a>(&'a self, image: &'a Arc<MetadataImage>, changes: &'a [Change]) -> ListenerFuture<'a>;
}

/// The metadata of this broker: one image that everybody reads, one turn in which it changes.
///
/// A change is decided on the newest image, appended, waited for until it is durable, applied, told to the listeners
/// and published, in this order and one change at a time. It runs to its end even if the caller loses interest.
pub struct MetadataStore {
    image: ArcSwap<MetadataImage>,
    broker: Arc<BrokerConfig>,
    broker_epoch: i64,
    log: Arc<dyn MetadataLog>,
    turn: Mutex<Turn>,
}

struct Turn {
    listeners: Vec<Arc<dyn MetadataListener>>,
    /// What the image has from its start and the log has not: settings that Kafka's controllers write at their first start
    /// and that cannot be deleted. They are the same at every start until the first change takes them along, so that a
    /// start need not wait for the disk.
    unwritten: Vec<Record>,
    /// Set while a change is under way and when one failed: the image may lack what the log has.
    blocked: Option<String>,
}

/// Why the metadata cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum OpenError {
    #[error(transparent)]
    Log(#[from] MetadataLogError),
    #[error("record {number} of the metadata log cannot be read: {error}")]
    Decode { number: u64, error: DecodeError },
    #[error("record {number} of the metadata log does not fit: {error}")]
    Apply { number: u64, error: ApplyError },
}

impl MetadataStore {
    /// Replays the log. `broker_epoch` is the incarnation of this start.
    pub async fn open(
        log: Arc<dyn MetadataLog>,
        broker: Arc<BrokerConfig>,
        broker_epoch: i64,
    ) -> Result<Arc<Self>, OpenError> {
        let mut image = MetadataImage::new(broker.node_id);
        let mut number = 0;
        let mut replayed = Ok(());
        log.replay(&mut |bytes| {
            if replayed.is_ok() {
                replayed = replay_record(&mut image, number, bytes);
                number += 1;
            }
        })
        .await?;
        replayed?;
        let unwritten = super::cluster_settings(&image, &broker);
        for record in &unwritten {
            image.apply(record).map_err(|error| OpenError::Apply { number, error })?;
        }
        Ok(Arc::new(Self {
            image: ArcSwap::from_pointee(image),
            broker,
            broker_epoch,
            log,
            turn: Mutex::new(Turn { listeners: Vec::new(), unwritten, blocked: None }),
        }))
    }

    /// What exists now. Everything in it that somebody asked for is durable.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    /// How far the log behind the image goes.
    pub fn log_end(&self) -> MetadataLogEnd {
        self.log.end()
    }

    /// The quotas of clients; `None` while nobody has one. Cheap enough for every request.
    pub fn client_quotas(&self) -> Option<Arc<ClientQuotas>> {
        let image = self.image.load();
        let quotas = image.client_quotas();
        (!quotas.is_empty()).then(|| Arc::clone(quotas))
    }

    /// The settings the broker was started with.
    pub fn broker_config(&self) -> &Arc<BrokerConfig> {
        &self.broker
    }

    /// Adds a listener and returns the image from which its changes start.
    pub async fn subscribe(&self, listener: Arc<dyn MetadataListener>) -> Arc<MetadataImage> {
        let mut turn = self.turn.lock().await;
        turn.listeners.push(listener);
        self.image()
    }

    /// Creates topics; see [`create_topics`](super::create_topics()).
    pub async fn create_topics(
        self: &Arc<Self>,
        topics: Vec<TopicSpec>,
        validate_only: bool,
        charge: Option<Arc<Charge>>,
    ) -> Result<Vec<(String, Result<CreatedTopic, RequestError>)>, RequestError> {
        self.change(move |image, rules| {
            let rules = Rules { charge: charge.as_deref().unwrap_or(FREE), ..rules };
            super::create_topics(image, rules, &topics, validate_only, new_topic_id)
        })
        .await
    }

    /// The topic of this name, which is created with the broker's defaults if it does not exist; see
    /// [`TopicSpec::automatic`]. Whether that is wanted (`auto.create.topics.enable`) is for the caller to decide.
    pub async fn ensure_topic(self: &Arc<Self>, name: &str) -> Result<Arc<Topic>, RequestError> {
        if let Some(topic) = self.image().topic(name) {
            return Ok(Arc::clone(topic));
        }
        let spec = TopicSpec::automatic(name, &self.broker);
        let answers = self
            .change(move |image, rules| {
                if let Some(topic) = image.topic(&spec.name) {
                    return Decision { records: Vec::new(), answers: vec![Ok(Arc::clone(topic))] };
                }
                let Decision { records, answers } =
                    super::create_topics(image, rules, std::slice::from_ref(&spec), false, new_topic_id);
                let answers = answers.into_iter().map(|(_, answer)| answer.map(|created| created.topic)).collect();
                Decision { records, answers }
            })
            .await?;
        one(answers)?
    }

    /// Deletes topics; see [`delete_topics`](super::delete_topics()).
    pub async fn delete_topics(
        self: &Arc<Self>,
        topics: Vec<TopicToDelete>,
        charge: Option<Arc<Charge>>,
    ) -> Result<Vec<DeletedTopic>, RequestError> {
        self.change(move |image, rules| {
            let rules = Rules { charge: charge.as_deref().unwrap_or(FREE), ..rules };
            super::delete_topics(image, rules, &topics)
        })
        .await
    }

    /// Adds partitions; see [`create_partitions`](super::create_partitions()).
    pub async fn create_partitions(
        self: &Arc<Self>,
        topics: Vec<NewPartitions>,
        validate_only: bool,
        charge: Option<Arc<Charge>>,
    ) -> Result<Vec<(String, Result<(), RequestError>)>, RequestError> {
        self.change(move |image, rules| {
            let rules = Rules { charge: charge.as_deref().unwrap_or(FREE), ..rules };
            super::create_partitions(image, rules, &topics, validate_only)
        })
        .await
    }

    /// Replaces settings; see [`alter_configs`](super::alter_configs()).
    pub async fn alter_configs(
        self: &Arc<Self>,
        resources: Vec<AlterConfigs>,
        validate_only: bool,
    ) -> Result<Vec<Result<(), RequestError>>, RequestError> {
        self.change(move |image, rules| super::alter_configs(image, rules, &resources, validate_only)).await
    }

    /// Changes settings one by one; see [`incremental_alter_configs`](super::incremental_alter_configs()).
    pub async fn incremental_alter_configs(
        self: &Arc<Self>,
        resources: Vec<IncrementalAlterConfigs>,
        validate_only: bool,
    ) -> Result<Vec<Result<(), RequestError>>, RequestError> {
        self.change(move |image, rules| super::incremental_alter_configs(image, rules, &resources, validate_only)).await
    }

    /// Changes quotas; see [`alter_client_quotas`](super::alter_client_quotas()).
    pub async fn alter_client_quotas(
        self: &Arc<Self>,
        alterations: Vec<QuotaAlteration>,
        validate_only: bool,
    ) -> Result<Vec<(EntityParts, Result<(), RequestError>)>, RequestError> {
        self.change(move |image, _| super::alter_client_quotas(image, &alterations, validate_only)).await
    }

    /// Changes SCRAM credentials; see [`alter_scram_credentials`](super::alter_scram_credentials()).
    pub async fn alter_scram_credentials(
        self: &Arc<Self>,
        deletions: Vec<ScramDeletion>,
        upsertions: Vec<ScramUpsertion>,
    ) -> Result<Vec<(String, Result<(), RequestError>)>, RequestError> {
        self.change(move |image, _| super::alter_scram_credentials(image, &deletions, &upsertions)).await
    }

    /// Producer ids that nobody else gets, not after a restart either.
    pub async fn allocate_producer_ids(self: &Arc<Self>) -> Result<Range<i64>, RequestError> {
        one(self.change(super::allocate_producer_ids).await?)?
    }

    /// Runs a change in a task of its own, so that it ends even if the caller is dropped.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        decide: impl FnOnce(&MetadataImage, Rules<'_>) -> Decision<T> + Send + 'static,
    ) -> Result<Vec<T>, RequestError> {
        let store = Arc::clone(self);
        let task = tokio::spawn(async move { store.change_in_turn(decide).await });
        task.await.unwrap_or_else(|error| Err(storage_error(format!("the change was interrupted: {error}"))))
    }

    async fn change_in_turn<T>(
        &self,
        decide: impl FnOnce(&MetadataImage, Rules<'_>) -> Decision<T>,
    ) -> Result<Vec<T>, RequestError> {
        let mut turn = self.turn.lock().await;
        if let Some(reason) = &turn.blocked {
            return Err(storage_error(reason.clone()));
        }
        let before = self.image();
        let rules = Rules { broker: &self.broker, broker_epoch: self.broker_epoch, charge: FREE };
        let Decision { records, answers } = decide(&before, rules);
        if records.is_empty() {
            return Ok(answers);
        }
        let (after, bytes) = prepare(&before, turn.unwritten.iter().chain(&records)).map_err(storage_error)?;
        turn.blocked = Some("an earlier change of the metadata was interrupted; restart the broker".to_owned());
        match self.log.append(bytes).await {
            Ok(()) => {}
            Err(error @ MetadataLogError::Refused(_)) => {
                turn.blocked = None;
                return Err(storage_error(error.to_string()));
            }
            Err(error @ MetadataLogError::Failed(_)) => {
                turn.blocked = Some(error.to_string());
                return Err(storage_error(error.to_string()));
            }
        }
        let after = Arc::new(after);
        let changes = changes(&before, &after, &records);
        for listener in &turn.listeners {
            listener.changed(&after, &changes).await;
        }
        self.image.store(after);
        turn.unwritten.clear();
        turn.blocked = None;
        Ok(answers)
    }
}

fn replay_record(image: &mut MetadataImage, number: u64, bytes: Bytes) -> Result<(), OpenError> {
    let record = Record::decode(bytes).map_err(|error| OpenError::Decode { number, error })?;
    image.apply(&record).map_err(|error| OpenError::Apply { number, error })
}

/// The image that the records lead to, and their bytes. Done before anything is appended: what cannot be applied never
/// gets into the log.
fn prepare<'a>(
    before: &MetadataImage,
    records: impl Iterator<Item = &'a Record>,
) -> Result<(MetadataImage, Vec<Bytes>), String> {
    let mut after = before.clone();
    let mut bytes = Vec::with_capacity(records.size_hint().0);
    for record in records {
        after.apply(record).map_err(|error| error.to_string())?;
        bytes.push(record.encode().map_err(|error| error.to_string())?);
    }
    Ok((after, bytes))
}

fn storage_error(message: String) -> RequestError {
    RequestError::new(ErrorCode::KAFKA_STORAGE_ERROR, message)
}

fn one<T>(answers: Vec<T>) -> Result<T, RequestError> {
    answers.into_iter().next().ok_or_else(|| ErrorCode::UNKNOWN_SERVER_ERROR.into())
}

/// A random id. Its text does not begin with `-`, which tools would take for an option.
fn new_topic_id() -> Uuid {
    const DASH: u8 = 62;
    loop {
        let id = Uuid::new_v4();
        let [first, ..] = *id.as_bytes();
        if first >> 2 != DASH {
            return id;
        }
    }
}
