//! Produce requests, and what their answers mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use naru_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use naru_protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};
use naru_protocol::records::Codec;
use naru_protocol::{ApiKey, ErrorCode, Records};
use uuid::Uuid;

use super::Acks;
use super::batch::ClosedBatch;
use super::queue::PartitionQueue;
use crate::call::Target;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::metadata::Cluster;
use crate::network::Channel;

/// The first version that names topics by their ids.
const WITH_TOPIC_IDS: i16 = 13;

/// The first version whose batches may be compressed with Zstandard.
const WITH_ZSTD: i16 = 7;

/// A batch in flight.
pub(super) struct Sent {
    pub(super) queue: Arc<PartitionQueue>,
    pub(super) batch: Box<ClosedBatch>,
    pub(super) bytes: Bytes,
    /// The id under which its topic is asked for: another one may be known when the answer comes.
    pub(super) topic_id: Uuid,
}

/// What an answer says about a batch.
pub(super) enum Verdict {
    /// It is written. A base offset of −1 is not known.
    Written { base_offset: i64, append_time: Option<i64> },
    /// Not now.
    Again(Error),
    /// The sequence number is not the one that the broker expects.
    LostCount(Error),
    /// Two smaller batches may do.
    TooLarge(Error),
    /// Never.
    Failed(Error),
}

/// Gives the batches the ids of their topics, where they are known.
pub(super) fn name_topics(batches: &mut [Sent], cluster: &Cluster) {
    for sent in batches {
        sent.topic_id = cluster.topics.get(&sent.queue.id.topic).map_or(Uuid::nil(), |topic| topic.id);
    }
}

/// The version of the request: topic ids where all topics have them.
pub(super) fn version(channel: &Channel, batches: &[Sent], codec: Codec) -> Result<i16, Error> {
    let nameless = batches.iter().any(|sent| sent.topic_id.is_nil());
    let newest = if nameless { WITH_TOPIC_IDS - 1 } else { WITH_TOPIC_IDS };
    let oldest = if codec == Codec::Zstd { WITH_ZSTD } else { 3 };
    channel.newest::<ProduceRequest>(oldest..=newest)
}

/// One request with all these batches, at most one of a partition.
pub(super) fn produce(acks: Acks, limit: Duration, batches: &[Sent]) -> ProduceRequest {
    let mut topics: Vec<TopicProduceData> = Vec::new();
    for sent in batches {
        let id = &sent.queue.id;
        let data = PartitionProduceData { index: id.partition, records: Some(Records::from(sent.bytes.clone())) };
        match topics.iter_mut().find(|topic| topic.name == id.topic) {
            Some(topic) => topic.partition_data.push(data),
            None => topics.push(TopicProduceData {
                name: id.topic.clone(),
                topic_id: sent.topic_id,
                partition_data: vec![data],
            }),
        }
    }
    let acks = match acks {
        Acks::None => 0,
        Acks::Leader => 1,
        Acks::All => -1,
    };
    ProduceRequest {
        acks,
        timeout_ms: i32::try_from(limit.as_millis()).unwrap_or(i32::MAX),
        topic_data: topics,
        ..Default::default()
    }
}

/// The answer to a request, taken apart by partition.
pub(super) struct Verdicts(Vec<TopicProduceResponse>);

pub(super) fn verdicts(answer: ProduceResponse) -> Verdicts {
    Verdicts(answer.responses)
}

impl Verdicts {
    /// What the answer says about a batch.
    pub(super) fn of(&mut self, sent: &Sent) -> Verdict {
        let id = &sent.queue.id;
        let topic = self
            .0
            .iter_mut()
            .find(|topic| if topic.name.is_empty() { topic.topic_id == sent.topic_id } else { topic.name == id.topic });
        let partition = topic.and_then(|topic| {
            let at = topic.partition_responses.iter().position(|answered| answered.index == id.partition)?;
            Some(topic.partition_responses.swap_remove(at))
        });
        match partition {
            Some(partition) => verdict(&partition, sent),
            None => Verdict::Again(
                Error::new(ErrorKind::Protocol, format!("the answer leaves {id} out"))
                    .of(ApiKey::Produce)
                    .maybe_written(),
            ),
        }
    }
}

fn verdict(answered: &PartitionProduceResponse, sent: &Sent) -> Verdict {
    let code = answered.error_code;
    let append_time = Some(answered.log_append_time_ms).filter(|time| *time >= 0);
    match code {
        ErrorCode::NONE => return Verdict::Written { base_offset: answered.base_offset, append_time },
        // It came twice, and the broker has forgotten where the first lies.
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => return Verdict::Written { base_offset: -1, append_time: None },
        _ => {}
    }
    let mut explanation = answered.error_message.as_deref().unwrap_or_default().to_owned();
    if let Some(rejected) = answered.record_errors.first() {
        let reason = rejected.batch_index_error_message.as_deref().unwrap_or("no reason given");
        explanation = format!("{explanation} (record {} of its batch: {reason})", rejected.batch_index);
    }
    let error = Error::broker_said(ApiKey::Produce, code, Some(explanation.trim()));
    let error = error.context(format_args!("sending to {}", sent.queue.id));
    match code {
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
        | ErrorCode::UNKNOWN_PRODUCER_ID
        | ErrorCode::INVALID_PRODUCER_EPOCH
            if sent.batch.sent_as.is_some() =>
        {
            Verdict::LostCount(error)
        }
        // The broker has it, and does not say that others do.
        ErrorCode::REQUEST_TIMED_OUT | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND => {
            Verdict::Again(error.maybe_written())
        }
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => Verdict::TooLarge(error),
        // The topic was deleted, or is just being made; the metadata tell.
        ErrorCode::UNKNOWN_TOPIC_ID | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Verdict::Again(error),
        code if code.is_retriable() => Verdict::Again(error),
        _ => Verdict::Failed(error),
    }
}

/// An id for an idempotent producer, and its first epoch. A retriable error comes only after a while.
pub(super) async fn producer_id(client: &Client) -> Result<(i64, i16), Error> {
    let deadline = Deadline::after(client.config().request_timeout.max(Duration::from_secs(1)));
    let request =
        InitProducerIdRequest { transactional_id: None, transaction_timeout_ms: i32::MAX, ..Default::default() };
    let mut backoff = client.backoff();
    loop {
        let InitProducerIdResponse { error_code, producer_id, producer_epoch, .. } =
            client.call_within(Target::Any, &request, 0..=4, deadline).await.map_err(without_id)?;
        if error_code.is_none() {
            return Ok((producer_id, producer_epoch));
        }
        let error = Error::broker_code(ApiKey::InitProducerId, error_code);
        let passes = error.is_retriable() || error_code == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        if !passes || deadline.passed() {
            return Err(without_id(error));
        }
        deadline.sleep(backoff.next()).await;
    }
}

fn without_id(error: Error) -> Error {
    error.context("an idempotent producer needs an id (enable.idempotence=false does without)")
}
