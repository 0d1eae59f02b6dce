//! AlterPartitionReassignments (key 45), versions 0–1: replicas move between brokers.
//!
//! - 1: the client may forbid that the number of replicas changes.
//!
//! On a single node, the only place for a replica is where it is: that is accepted and there is nothing to do, and so
//! there never is anything to cancel.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopic, ReassignableTopicResponse,
};

use crate::broker::Broker;
use crate::metadata::{MetadataImage, RequestError, check_reassignment};

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterPartitionReassignmentsRequest,
) -> Answer<AlterPartitionReassignmentsResponse> {
    let image = broker.metadata().image();
    let error_code = if request.timeout_ms > 0 { ErrorCode::NONE } else { ErrorCode::REQUEST_TIMED_OUT };
    let check = |topic: &str, partition: &ReassignablePartition| match error_code {
        ErrorCode::NONE => check(&image, topic, partition),
        refused => Err(refused.into()),
    };
    let responses = request.topics.into_iter().map(|topic| answer(topic, check)).collect();
    Answer::Ready(AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        error_code,
        responses,
        ..Default::default()
    })
}

fn check(image: &MetadataImage, topic: &str, partition: &ReassignablePartition) -> Result<(), RequestError> {
    check_reassignment(image, topic, partition.partition_index, partition.replicas.as_deref())
}

fn answer(
    topic: ReassignableTopic,
    check: impl Fn(&str, &ReassignablePartition) -> Result<(), RequestError>,
) -> ReassignableTopicResponse {
    let partitions = topic.partitions.iter().map(|partition| {
        let mut response =
            ReassignablePartitionResponse { partition_index: partition.partition_index, ..Default::default() };
        if let Err(error) = check(&topic.name, partition) {
            response.error_code = error.code;
            response.error_message = error.message.map(Into::into);
        }
        response
    });
    ReassignableTopicResponse { partitions: partitions.collect(), name: topic.name }
}
