//! LeaveGroup (key 13), versions 0–5: members leave a group, or an administrator removes them.
//!
//! - 3: several members at once, static ones by their instance id (KIP-345). 5: a reason, for the log.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};

use crate::broker::Broker;
use crate::group::{LeaveRequest, LeavingMember, LeftMember};

use super::{Answer, RequestContext};

const MANY_MEMBERS_SINCE: i16 = 3;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: LeaveGroupRequest,
) -> Answer<LeaveGroupResponse> {
    let many = context.version >= MANY_MEMBERS_SINCE;
    let members = if many {
        let members = request.members.into_iter();
        members
            .map(|member| LeavingMember { member_id: member.member_id, instance_id: member.group_instance_id })
            .collect()
    } else {
        vec![LeavingMember { member_id: request.member_id, instance_id: None }]
    };
    let promise = broker.groups().leave(&LeaveRequest { group: request.group_id, members }).await;
    Answer::pipelined(async move { respond(promise.kept().await, many) })
}

fn respond(left: Result<Vec<LeftMember>, ErrorCode>, many: bool) -> LeaveGroupResponse {
    let left = match left {
        Ok(left) => left,
        Err(error_code) => return LeaveGroupResponse { error_code, ..Default::default() },
    };
    if !many {
        let error_code = left.first().map_or(ErrorCode::NONE, |member| member.error);
        return LeaveGroupResponse { error_code, ..Default::default() };
    }
    let members = left.into_iter().map(|member| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        error_code: member.error,
    });
    LeaveGroupResponse { members: members.collect(), ..Default::default() }
}
