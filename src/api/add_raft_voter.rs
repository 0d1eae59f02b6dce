//! AddRaftVoter (key 80), versions 0–1: a controller joins the quorum that keeps the metadata log (KIP-853).
//!
//! - 1: whether to wait until the change is committed.
//!
//! A single node keeps its metadata alone, so nobody is let in; the request is checked as Kafka checks it.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::add_raft_voter::{AddRaftVoterRequest, AddRaftVoterResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AddRaftVoterRequest,
) -> Answer<AddRaftVoterResponse> {
    let (error_code, message) = refuse(&broker, &request);
    Answer::Ready(AddRaftVoterResponse { error_code, error_message: Some(message.into()), ..Default::default() })
}

fn refuse(broker: &Broker, request: &AddRaftVoterRequest) -> (ErrorCode, &'static str) {
    if request.cluster_id.as_ref().is_some_and(|id| *id != broker.cluster_id()) {
        (ErrorCode::INCONSISTENT_CLUSTER_ID, "the cluster has another id")
    } else if request.voter_id < 0 || request.voter_directory_id.is_nil() {
        (ErrorCode::INVALID_REQUEST, "a voter has a number from 0 up and the id of a directory")
    } else if request.listeners.is_empty() {
        (ErrorCode::INVALID_REQUEST, "a voter has an address")
    } else if request.voter_id == broker.node_id() {
        (ErrorCode::DUPLICATE_VOTER, "this node is the voter already")
    } else {
        (ErrorCode::INVALID_REQUEST, "a single node keeps its metadata alone; no voter can be added")
    }
}
