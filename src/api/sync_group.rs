//! SyncGroup (key 14), versions 0–5: the leader brings the assignment, every member gets its part.
//!
//! - 3: static members (KIP-345). 5: protocol type and name must be those of the group (KIP-559).
//!
//! Answered when the leader has brought the assignment; nothing behind it on the connection is applied before.

use std::sync::Arc;

use naru_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::broker::Broker;
use crate::group::{MemberAssignment, SyncRequest};

use super::{Answer, RequestContext};

const PROTOCOL_NAMED_SINCE: i16 = 5;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: SyncGroupRequest,
) -> Answer<SyncGroupResponse> {
    let assignments = request.assignments.into_iter();
    let reply = broker.groups().sync(SyncRequest {
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        must_name_protocol: context.version >= PROTOCOL_NAMED_SINCE,
        assignments: assignments
            .map(|assigned| MemberAssignment { member_id: assigned.member_id, assignment: assigned.assignment })
            .collect(),
    });
    let reply = reply.await;
    Answer::Ready(SyncGroupResponse {
        error_code: reply.error,
        protocol_type: reply.protocol_type,
        protocol_name: reply.protocol,
        assignment: reply.assignment,
        ..Default::default()
    })
}
