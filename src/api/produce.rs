//! Produce (key 0), versions 3–11: appends record batches.
//!
//! - 5: the answer names the log start offset.
//! - 7: batches may be compressed with zstd.
//! - 8: the answer names the records that were the reason for a refusal (KIP-467).
//! - 12 and 13 belong to transactions of the second version and are not served yet; 0 to 2 are advertised, because
//!   clients take their absence for the absence of compression (KAFKA-18659), but not served, as in Kafka.
//!
//! Every partition has its own outcome. An answer with acks=all is pipelined: it waits for the high watermark while the
//! next request is already appended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData, TopicProduceResponse,
};
use naru_protocol::records::{self, Codec, InvalidBatch, PayloadValidation, ValidBatch, Validation, validate};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::config::{RecordValidation, StoredCompression, TimestampType, TopicConfig};
use crate::metadata::is_internal_topic;
use crate::partition::Partition;
use crate::storage::{AppendError, Appended, Origin};

use super::{Answer, CloseReason, RequestContext};

/// A compressed batch of this size and more, and any that is compressed anew, is checked on a thread that may be busy for
/// long: decompression takes about a millisecond for a MiB of output, and the runtime's threads serve everybody.
const CHECK_ELSEWHERE_FROM: usize = 64 << 10;

/// The first version that knows Zstandard.
const ZSTD_SINCE: i16 = 7;

/// What the producer waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acks {
    Nothing,
    Append,
    HighWatermark,
}

impl Acks {
    fn from_wire(acks: i16) -> Option<Self> {
        match acks {
            0 => Some(Self::Nothing),
            1 => Some(Self::Append),
            -1 => Some(Self::HighWatermark),
            _ => None,
        }
    }
}

/// What became of one partition's records.
enum Outcome {
    Accepted(Accepted),
    Refused(Refusal),
}

struct Accepted {
    partition: Arc<Partition>,
    appended: Appended,
    /// When the topic's records carry the broker's time; −1 otherwise.
    log_append_time_ms: i64,
}

struct Refusal {
    error_code: ErrorCode,
    message: Option<ByteString>,
    log_start_offset: i64,
    record_errors: Vec<BatchIndexAndErrorMessage>,
}

struct Topic {
    name: ByteString,
    partitions: Vec<(i32, Outcome)>,
}

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: ProduceRequest,
) -> Answer<ProduceResponse> {
    let acks = Acks::from_wire(request.acks);
    // A retry must not wait longer than the client does.
    let deadline = Instant::now() + Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let mut topics = Vec::with_capacity(request.topic_data.len());
    for topic in each_once(request.topic_data) {
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let index = data.index;
            let appended = append(&broker, context.version, &topic.name, data, acks).await;
            let outcome = match appended {
                Ok(accepted) => Outcome::Accepted(accepted),
                Err(refusal) => Outcome::Refused(refusal),
            };
            partitions.push((index, outcome));
        }
        topics.push(Topic { name: topic.name, partitions });
    }
    match acks {
        Some(Acks::Nothing) => unacknowledged(&topics),
        Some(Acks::HighWatermark) if !all_visible(&topics) => Answer::pipelined(when_visible(topics, deadline)),
        Some(Acks::HighWatermark | Acks::Append) | None => Answer::Ready(respond(topics)),
    }
}

/// Every topic and partition once, as Kafka takes them: of what is named twice the last counts. A topic without partitions is
/// left out.
fn each_once(topics: Vec<TopicProduceData>) -> Vec<TopicProduceData> {
    if let [topic] = &topics[..]
        && topic.partition_data.len() == 1
    {
        return topics;
    }
    let (mut kept, mut topic_at, mut partition_at): (Vec<TopicProduceData>, _, _) =
        (Vec::with_capacity(topics.len()), HashMap::new(), HashMap::new());
    for topic in topics.into_iter().filter(|topic| !topic.partition_data.is_empty()) {
        let at = *topic_at.entry(topic.name.clone()).or_insert(kept.len());
        if at == kept.len() {
            kept.push(TopicProduceData { name: topic.name, ..Default::default() });
        }
        let partitions = &mut kept[at].partition_data;
        for data in topic.partition_data {
            match *partition_at.entry((at, data.index)).or_insert(partitions.len()) {
                new if new == partitions.len() => partitions.push(data),
                known => partitions[known] = data,
            }
        }
    }
    kept
}

async fn append(
    broker: &Broker,
    version: i16,
    topic: &str,
    data: PartitionProduceData,
    acks: Option<Acks>,
) -> Result<Accepted, Refusal> {
    if is_internal_topic(topic) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION.into());
    }
    let partition = broker.partition(topic, data.index)?;
    if acks.is_none() {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
    }
    let records = data.records.ok_or(ErrorCode::INVALID_REQUEST)?.to_bytes();
    let topic_config = partition.topic_config();
    let (rules, compression) = (rules(broker, version, &topic_config), topic_config.compression);
    let sent_with = codec_bits(&records);
    let large = records.len() >= CHECK_ELSEWHERE_FROM && rules.payload == PayloadValidation::Full;
    let recompress = compression.is_some_and(|wanted| wanted.codec.id() != sent_with);
    let batch = if recompress || (large && sent_with != Codec::None.id()) {
        let checked = tokio::task::spawn_blocking(move || check(records, &rules, compression)).await;
        checked.map_err(|_| ErrorCode::UNKNOWN_SERVER_ERROR)?
    } else {
        check(records, &rules, compression)
    };
    let batch = batch.map_err(|invalid| refuse_invalid(&invalid, &partition))?;
    refuse_transactions(&batch)?;
    let appended = partition.append(&batch, broker.now_ms(), Origin::Client).await;
    let appended = appended.map_err(|error| Refusal {
        message: Some(error.to_string().into()),
        log_start_offset: if matches!(error, AppendError::Producer(_)) { partition.log().log_start().0 } else { -1 },
        ..ErrorCode::from(&error).into()
    })?;
    // Of a duplicate Kafka answers the time stamp of the batch it has, whosever clock that shows.
    let broker_time = batch.header.timestamp_type() == records::TimestampType::LogAppendTime || appended.duplicate;
    let log_append_time_ms = if broker_time { appended.max_timestamp } else { -1 };
    Ok(Accepted { partition, appended, log_append_time_ms })
}

/// The number of the codec that the batch header names; of a batch too short to tell that of none.
fn codec_bits(records: &[u8]) -> u8 {
    const CODEC_BYTE: usize = 22;
    const CODEC_BITS: u8 = 0x07;
    records.get(CODEC_BYTE).map_or(Codec::None.id(), |attributes| attributes & CODEC_BITS)
}

/// The batch as it is to be stored.
fn check(
    records: Bytes,
    rules: &Validation,
    compression: Option<StoredCompression>,
) -> Result<ValidBatch, InvalidBatch> {
    let batch = validate(records, rules)?;
    let Some(StoredCompression { codec, level }) = compression else { return Ok(batch) };
    batch.recompressed(codec, level, rules.max_message_bytes)
}

fn rules(broker: &Broker, version: i16, topic: &TopicConfig) -> Validation {
    Validation {
        max_message_bytes: topic.max_message_bytes as usize,
        timestamp_type: match topic.message_timestamp_type {
            TimestampType::CreateTime => records::TimestampType::CreateTime,
            TimestampType::LogAppendTime => records::TimestampType::LogAppendTime,
        },
        now_ms: broker.now_ms(),
        before_max_ms: topic.message_timestamp_before_max_ms,
        after_max_ms: topic.message_timestamp_after_max_ms,
        compacted: topic.cleanup_policy.compact,
        allow_control: false,
        allow_zstd: version >= ZSTD_SINCE,
        payload: match broker.config().record_validation {
            RecordValidation::Full => PayloadValidation::Full,
            RecordValidation::Header => PayloadValidation::Header,
        },
    }
}

/// There are no transactions yet. This error is final for every client: none tries again for ever.
fn refuse_transactions(batch: &ValidBatch) -> Result<(), Refusal> {
    if !batch.header.is_transactional() {
        return Ok(());
    }
    let message = "this broker has no transactions yet; configure the producer without a transactional id";
    Err(Refusal {
        message: Some(ByteString::from_static(message)),
        ..ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED.into()
    })
}

fn refuse_invalid(invalid: &InvalidBatch, partition: &Partition) -> Refusal {
    let record_errors = invalid.rejected_records().iter().map(|record| BatchIndexAndErrorMessage {
        batch_index: record.batch_index,
        batch_index_error_message: Some(record.message.as_str().into()),
    });
    Refusal {
        error_code: ErrorCode(invalid.error_code()),
        message: Some(invalid.to_string().into()),
        log_start_offset: if was_read(invalid) { partition.log().log_start().0 } else { -1 },
        record_errors: record_errors.collect(),
    }
}

/// Whether the batch was looked into. Kafka names the log start offset only then.
fn was_read(invalid: &InvalidBatch) -> bool {
    match invalid {
        InvalidBatch::NoBatch
        | InvalidBatch::MoreThanOneBatch
        | InvalidBatch::OldFormat(_)
        | InvalidBatch::Damaged { .. }
        | InvalidBatch::Checksum { .. }
        | InvalidBatch::ZstdTooEarly
        | InvalidBatch::TooLarge { .. } => false,
        InvalidBatch::Unreadable(_)
        | InvalidBatch::BaseOffset(_)
        | InvalidBatch::Count { .. }
        | InvalidBatch::Control
        | InvalidBatch::Sequence { .. }
        | InvalidBatch::OffsetDelta { .. }
        | InvalidBatch::Records { .. } => true,
    }
}

impl From<ErrorCode> for Refusal {
    fn from(error_code: ErrorCode) -> Self {
        Self { error_code, message: None, log_start_offset: -1, record_errors: Vec::new() }
    }
}

/// acks=0: there is no response to say that something failed, so the connection is closed, as in Kafka.
fn unacknowledged(topics: &[Topic]) -> Answer<ProduceResponse> {
    let mut outcomes = topics.iter().flat_map(|topic| topic.partitions.iter().map(move |p| (topic, p)));
    let failure = outcomes.find_map(|(topic, (index, outcome))| match outcome {
        Outcome::Accepted(_) => None,
        Outcome::Refused(refusal) => Some(format!("{}-{index}: {}", topic.name, refusal.error_code.name())),
    });
    failure.map_or(Answer::Nothing, |failure| Answer::Close(CloseReason::UnacknowledgedFailure(failure)))
}

fn all_visible(topics: &[Topic]) -> bool {
    topics.iter().flat_map(|topic| &topic.partitions).all(|(_, outcome)| match outcome {
        Outcome::Accepted(Accepted { partition, appended, .. }) => {
            partition.high_watermark().get() >= appended.durable_at
        }
        Outcome::Refused(_) => true,
    })
}

/// Past the deadline the batch stays in the log; only the answer says that it took too long.
async fn when_visible(mut topics: Vec<Topic>, deadline: Instant) -> ProduceResponse {
    for (_, outcome) in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        let Outcome::Accepted(Accepted { partition, appended, .. }) = outcome else { continue };
        let reached = partition.high_watermark().reached(appended.durable_at);
        let refused = match tokio::time::timeout_at(deadline, reached).await {
            Ok(Ok(())) => continue,
            Ok(Err(closed)) => ErrorCode::from(closed),
            Err(_) => ErrorCode::REQUEST_TIMED_OUT,
        };
        *outcome = Outcome::Refused(refused.into());
    }
    respond(topics)
}

fn respond(topics: Vec<Topic>) -> ProduceResponse {
    let responses = topics.into_iter().map(|topic| TopicProduceResponse {
        name: topic.name,
        partition_responses: topic.partitions.into_iter().map(|(index, outcome)| answer(index, outcome)).collect(),
        ..Default::default()
    });
    ProduceResponse { responses: responses.collect(), ..Default::default() }
}

fn answer(index: i32, outcome: Outcome) -> PartitionProduceResponse {
    match outcome {
        Outcome::Accepted(Accepted { appended, log_append_time_ms, .. }) => PartitionProduceResponse {
            index,
            base_offset: appended.base_offset.0,
            log_append_time_ms,
            log_start_offset: appended.log_start_offset.0,
            ..Default::default()
        },
        Outcome::Refused(refusal) => PartitionProduceResponse {
            index,
            error_code: refusal.error_code,
            base_offset: -1,
            log_start_offset: refusal.log_start_offset,
            record_errors: refusal.record_errors,
            error_message: refusal.message,
            ..Default::default()
        },
    }
}
