//! DeleteRecords (key 21), versions 0–2: everything before an offset is deleted.
//!
//! - 2: flexible.
//!
//! The answer leaves when the new log start offsets are durable. The time limit of the request is for followers that lag
//! behind; there are none.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use crate::broker::Broker;
use crate::metadata::is_internal_topic;
use crate::partition::{DeleteRecordsError, Partition};
use crate::storage::types::Offset;

use super::{Answer, RequestContext};

/// Results by topic and partition: of a partition that is named twice the last offset counts, as in Kafka.
type Results<T> = BTreeMap<(ByteString, i32), Result<T, ErrorCode>>;

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DeleteRecordsRequest,
) -> Answer<DeleteRecordsResponse> {
    let mut checked = Results::new();
    for topic in request.topics {
        for asked in topic.partitions {
            let start = new_start(&broker, &topic.name, asked.partition_index, asked.offset);
            checked.insert((topic.name.clone(), asked.partition_index), start);
        }
    }
    // Reads of the disk and writes to it.
    let deleted = tokio::task::spawn_blocking(move || delete(&broker, checked)).await;
    Answer::Ready(DeleteRecordsResponse { topics: deleted.map(answer).unwrap_or_default(), ..Default::default() })
}

fn new_start(broker: &Broker, topic: &str, index: i32, offset: i64) -> Result<(Arc<Partition>, Offset), ErrorCode> {
    let partition = broker.partition(topic, index)?;
    if is_internal_topic(topic) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    let start = partition.start_after_deletion(offset).map_err(|error| ErrorCode::from(&error))?;
    Ok((partition, start))
}

fn delete(broker: &Broker, checked: Results<(Arc<Partition>, Offset)>) -> Results<Offset> {
    let wanted: Vec<_> = checked.values().filter_map(|start| start.as_ref().ok()).cloned().collect();
    let mut deleted = broker.partitions().delete_records(&wanted).into_iter();
    let mut outcome = |start: Result<_, ErrorCode>| {
        let deleted = start.map(|_| deleted.next())?.unwrap_or(Err(DeleteRecordsError::Storage));
        deleted.map_err(|error| ErrorCode::from(&error))
    };
    checked.into_iter().map(|(key, start)| (key, outcome(start))).collect()
}

fn answer(deleted: Results<Offset>) -> Vec<DeleteRecordsTopicResult> {
    let mut topics: Vec<DeleteRecordsTopicResult> = Vec::new();
    for ((name, partition_index), start) in deleted {
        let result = DeleteRecordsPartitionResult {
            partition_index,
            low_watermark: start.map_or(-1, |start| start.0),
            error_code: start.err().unwrap_or(ErrorCode::NONE),
        };
        match topics.last_mut() {
            Some(topic) if topic.name == name => topic.partitions.push(result),
            _ => topics.push(DeleteRecordsTopicResult { name, partitions: vec![result] }),
        }
    }
    topics
}
