//! ListPartitionReassignments (key 46), version 0: the moves of replicas that are under way. On a single node none is.

use std::sync::Arc;

use naru_protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    _broker: Arc<Broker>,
    _context: RequestContext,
    _request: ListPartitionReassignmentsRequest,
) -> Answer<ListPartitionReassignmentsResponse> {
    Answer::Ready(ListPartitionReassignmentsResponse::default())
}
