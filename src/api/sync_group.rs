//! SyncGroup (key 14), versions 0–5: a member asks for its assignment, the leader brings those of all.
//!
//! - 3: static members (KIP-345). 5: the member says which protocol it believes in, and must.
//!
//! Answered when the leader has been here and the assignment is durable; nothing behind it on the connection is let in before.

use std::sync::Arc;

use naru_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::broker::Broker;
use crate::group::{MemberAssignment, SyncRequest};

use super::{Answer, RequestContext};

const NAMES_PROTOCOL_SINCE: i16 = 5;

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
        must_name_protocol: context.version >= NAMES_PROTOCOL_SINCE,
        assignments: assignments
            .map(|one| MemberAssignment { member_id: one.member_id, assignment: one.assignment })
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
