//! JoinGroup (key 11), versions 0–9: a member wants to be part of the next generation of a classic group.
//!
//! - 1: a rebalance timeout of its own; before, the session timeout counts.
//! - 4: a new member is told its id first (KIP-394). 5: static members (KIP-345).
//! - 7: the protocol type in the answer, and null where a name is missing. 9: skip assignment (KIP-814).
//!
//! Answered when the rebalance is over; nothing behind it on the connection is applied before.

use std::sync::Arc;

use naru_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use uuid::Uuid;

use crate::broker::Broker;
use crate::group::{JoinReply, JoinRequest, Protocol};

use super::{Answer, RequestContext};

const REBALANCE_TIMEOUT_SINCE: i16 = 1;
const MEMBER_ID_REQUIRED_SINCE: i16 = 4;
const NULL_PROTOCOL_SINCE: i16 = 7;
const SKIP_ASSIGNMENT_SINCE: i16 = 9;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: JoinGroupRequest,
) -> Answer<JoinGroupResponse> {
    let version = context.version;
    let protocols = request.protocols.into_iter();
    let reply = broker.groups().join(JoinRequest {
        group: request.group_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        client_host: context.connection.client_host().into(),
        client_id: context.client_id.unwrap_or_default(),
        protocol_type: request.protocol_type,
        protocols: protocols.map(|protocol| Protocol { name: protocol.name, metadata: protocol.metadata }).collect(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: if version >= REBALANCE_TIMEOUT_SINCE {
            request.rebalance_timeout_ms
        } else {
            request.session_timeout_ms
        },
        require_known_member_id: version >= MEMBER_ID_REQUIRED_SINCE,
        supports_skipping_assignment: version >= SKIP_ASSIGNMENT_SINCE,
        fresh_id: Uuid::new_v4(),
    });
    Answer::Ready(answer(reply.await, version))
}

fn answer(reply: JoinReply, version: i16) -> JoinGroupResponse {
    let members = reply.members.into_iter().map(|member| JoinGroupResponseMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        metadata: member.metadata,
    });
    JoinGroupResponse {
        error_code: reply.error,
        generation_id: reply.generation,
        protocol_type: reply.protocol_type,
        protocol_name: reply.protocol.or_else(|| (version < NULL_PROTOCOL_SINCE).then(Default::default)),
        leader: reply.leader,
        skip_assignment: reply.skip_assignment,
        member_id: reply.member_id,
        members: members.collect(),
        ..Default::default()
    }
}
