//! LeaveGroup (key 13), versions 0–5: members leave a classic group, or an administrator removes them.
//!
//! - 3: several members at once, also by their instance ids (KIP-345); an outcome for each.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};

use crate::broker::Broker;
use crate::group::{LeaveRequest, LeavingMember, LeftMember};

use super::{Answer, RequestContext};

/// The first version with several members.
const MEMBERS_SINCE: i16 = 3;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: LeaveGroupRequest,
) -> Answer<LeaveGroupResponse> {
    let several = context.version >= MEMBERS_SINCE;
    let members = if several {
        let named = request.members.into_iter();
        named
            .map(|member| LeavingMember { member_id: member.member_id, instance_id: member.group_instance_id })
            .collect()
    } else {
        vec![LeavingMember { member_id: request.member_id, instance_id: None }]
    };
    let left = broker.groups().leave(&LeaveRequest { group: request.group_id, members }).await;
    Answer::pipelined(async move { answer(left.kept().await, several) })
}

fn answer(left: Result<Vec<LeftMember>, ErrorCode>, several: bool) -> LeaveGroupResponse {
    match left {
        Err(error_code) => LeaveGroupResponse { error_code, ..Default::default() },
        Ok(left) if several => {
            let members = left.into_iter().map(|member| MemberResponse {
                member_id: member.member_id,
                group_instance_id: member.instance_id,
                error_code: member.error,
            });
            LeaveGroupResponse { members: members.collect(), ..Default::default() }
        }
        Ok(left) => {
            let error_code = left.first().map_or(ErrorCode::NONE, |member| member.error);
            LeaveGroupResponse { error_code, ..Default::default() }
        }
    }
}
