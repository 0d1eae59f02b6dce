//! RemoveRaftVoter (key 81), version 0: a controller leaves the quorum that keeps the metadata log (KIP-853). The only
//! voter of a single node stays.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::remove_raft_voter::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: RemoveRaftVoterRequest,
) -> Answer<RemoveRaftVoterResponse> {
    let (error_code, message) = if request.cluster_id.as_ref().is_some_and(|id| *id != broker.cluster_id()) {
        (ErrorCode::INCONSISTENT_CLUSTER_ID, "the cluster has another id")
    } else if request.voter_id < 0 || request.voter_directory_id.is_nil() {
        (ErrorCode::INVALID_REQUEST, "a voter has a number from 0 up and the id of a directory")
    } else {
        // The last voter gets the same answer from Kafka: there is no quorum without it.
        (ErrorCode::VOTER_NOT_FOUND, "there is no such voter besides this node, which has to stay")
    };
    Answer::Ready(RemoveRaftVoterResponse { error_code, error_message: Some(message.into()), ..Default::default() })
}
