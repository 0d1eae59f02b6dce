//! JoinGroup (key 11), versions 0–9: a member wants to be part of a group's next generation.
//!
//! - 1: the rebalance timeout is its own; before, it is the session timeout.
//! - 4: a new member is told its id first (MEMBER_ID_REQUIRED) and joins again with it (KIP-394).
//! - 5: static members (KIP-345). 7: the answer names the protocol type. 8: a reason, for the log.
//! - 9: a leader may be told to skip the assignment (KIP-814).
//!
//! Answered when the rebalance is over; nothing behind it on the connection is let in before.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use uuid::Uuid;

use crate::broker::Broker;
use crate::group::{JoinReply, JoinRequest, Protocol};

use super::{Answer, RequestContext};

const REBALANCE_TIMEOUT_SINCE: i16 = 1;
const KNOWN_MEMBER_ID_SINCE: i16 = 4;
/// The first version in which no protocol is null; before, it is empty.
const NULL_PROTOCOL_SINCE: i16 = 7;
const SKIPS_ASSIGNMENT_SINCE: i16 = 9;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: JoinGroupRequest,
) -> Answer<JoinGroupResponse> {
    let version = context.version;
    if let Some(reason) = request.reason.as_deref().filter(|reason| !reason.is_empty()) {
        tracing::debug!(group = %request.group_id, member = %request.member_id, reason, "a member joins");
    }
    let reply = broker.groups().join(join(request, context)).await;
    Answer::Ready(respond(reply, version))
}

fn join(request: JoinGroupRequest, context: RequestContext) -> JoinRequest {
    let has_rebalance_timeout = context.version >= REBALANCE_TIMEOUT_SINCE;
    let protocols = request.protocols.into_iter();
    JoinRequest {
        group: request.group_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        client_host: context.connection.client_host().into(),
        client_id: context.client_id.unwrap_or_default(),
        protocol_type: request.protocol_type,
        protocols: protocols.map(|protocol| Protocol { name: protocol.name, metadata: protocol.metadata }).collect(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: if has_rebalance_timeout {
            request.rebalance_timeout_ms
        } else {
            request.session_timeout_ms
        },
        require_known_member_id: context.version >= KNOWN_MEMBER_ID_SINCE,
        supports_skipping_assignment: context.version >= SKIPS_ASSIGNMENT_SINCE,
        fresh_id: Uuid::new_v4(),
    }
}

/// One without a name is none.
fn protocol_name(protocol: Option<ByteString>, version: i16) -> Option<ByteString> {
    match version {
        NULL_PROTOCOL_SINCE.. => protocol.filter(|name| !name.is_empty()),
        _ => Some(protocol.unwrap_or_default()),
    }
}

fn respond(reply: JoinReply, version: i16) -> JoinGroupResponse {
    let members = reply.members.into_iter().map(|member| JoinGroupResponseMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        metadata: member.metadata,
    });
    JoinGroupResponse {
        error_code: reply.error,
        generation_id: reply.generation,
        protocol_type: reply.protocol_type,
        protocol_name: protocol_name(reply.protocol, version),
        leader: reply.leader,
        skip_assignment: reply.skip_assignment,
        member_id: reply.member_id,
        members: members.collect(),
        ..Default::default()
    }
}
