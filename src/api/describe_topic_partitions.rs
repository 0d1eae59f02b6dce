//! DescribeTopicPartitions (key 75), version 0: topics with their partitions, page by page (KIP-966).
//!
//! Topics come by name. A page ends at the limit of the request or of the broker, whichever is lower, and says with its
//! cursor where the next one begins. Every replica of a single node is in sync or offline, so nothing is ever left over
//! from which a leader would have to be chosen: the lists of eligible leaders are empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
};
use naru_protocol::messages::metadata::MetadataResponsePartition;

use crate::broker::Broker;
use crate::metadata::{MetadataImage, Topic, check_topic_name, is_internal_topic};

use super::metadata::describe_partition;
use super::{Answer, RequestContext, TOPIC_OPERATIONS};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> Answer<DescribeTopicPartitionsResponse> {
    let image = broker.metadata().image();
    let limit = request.response_partition_limit.min(broker.config().max_request_partitions).max(1);
    Answer::Ready(match names(&image, &request) {
        Ok(names) => page(&broker, &image, names, request.cursor.as_ref(), limit),
        Err(error_code) => refuse(request, error_code),
    })
}

/// The topics from the cursor on, by name. A cursor at a topic that was not asked for is a mistake of the client, unless
/// all were asked for and the topic has been deleted since.
fn names(image: &MetadataImage, request: &DescribeTopicPartitionsRequest) -> Result<BTreeSet<ByteString>, ErrorCode> {
    let cursor = request.cursor.as_ref();
    let first = cursor.map(|cursor| &*cursor.topic_name).unwrap_or_default();
    if request.topics.is_empty() {
        let all = image.topics().filter(|topic| &*topic.name >= first);
        return Ok(all.map(|topic| topic.name.as_ref().into()).collect());
    }
    let names: BTreeSet<_> =
        request.topics.iter().map(|topic| topic.name.clone()).filter(|name| &**name >= first).collect();
    match cursor {
        Some(cursor) if cursor.partition_index < 0 || !names.contains(&*cursor.topic_name) => {
            Err(ErrorCode::INVALID_REQUEST)
        }
        _ => Ok(names),
    }
}

fn page(
    broker: &Broker,
    image: &MetadataImage,
    names: BTreeSet<ByteString>,
    cursor: Option<&Cursor>,
    limit: i32,
) -> DescribeTopicPartitionsResponse {
    let mut page = DescribeTopicPartitionsResponse::default();
    let mut left = limit;
    for name in names {
        if left == 0 {
            page.next_cursor = Some(Cursor { topic_name: name, partition_index: 0 });
            break;
        }
        let Some(topic) = image.topic(&name) else {
            page.topics.push(unknown(name));
            continue;
        };
        let first = cursor.filter(|cursor| cursor.topic_name == name).map_or(0, |cursor| cursor.partition_index);
        let end = topic.partitions.min(first.saturating_add(left));
        page.topics.push(describe(broker, topic, first..end));
        if end < topic.partitions {
            page.next_cursor = Some(Cursor { topic_name: name, partition_index: end });
            break;
        }
        left -= (end - first).max(0);
    }
    page
}

fn unknown(name: ByteString) -> DescribeTopicPartitionsResponseTopic {
    let error_code = match check_topic_name(&name) {
        Ok(()) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
    };
    DescribeTopicPartitionsResponseTopic {
        error_code,
        is_internal: is_internal_topic(&name),
        name: Some(name),
        topic_authorized_operations: TOPIC_OPERATIONS,
        ..Default::default()
    }
}

fn refuse(request: DescribeTopicPartitionsRequest, error_code: ErrorCode) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.into_iter().map(|topic| DescribeTopicPartitionsResponseTopic {
        error_code,
        name: Some(topic.name),
        ..Default::default()
    });
    DescribeTopicPartitionsResponse { topics: topics.collect(), ..Default::default() }
}

fn describe(broker: &Broker, topic: &Topic, partitions: std::ops::Range<i32>) -> DescribeTopicPartitionsResponseTopic {
    let partitions = partitions.map(|index| {
        let partition = broker.partitions().get(&topic.id, index);
        with_eligible_leaders(describe_partition(broker.node_id(), index, partition.as_deref()))
    });
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.as_ref().into()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: partitions.collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
        ..Default::default()
    }
}

fn with_eligible_leaders(partition: MetadataResponsePartition) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition {
        error_code: partition.error_code,
        partition_index: partition.partition_index,
        leader_id: partition.leader_id,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replica_nodes,
        isr_nodes: partition.isr_nodes,
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: partition.offline_replicas,
    }
}
