//! DescribeGroups (key 15), versions 0–6: state and members of classic groups.
//!
//! - 3: authorized operations, if asked for. 4: static members.
//! - 6: a group that does not exist is GROUP_ID_NOT_FOUND (KIP-1043); before, it is answered as Dead.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

use crate::broker::Broker;
use crate::group;

use super::{Answer, GROUP_OPERATIONS, NO_OPERATIONS, RequestContext};

const GROUP_ID_NOT_FOUND_SINCE: i16 = 6;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeGroupsRequest,
) -> Answer<DescribeGroupsResponse> {
    let mut groups = Vec::with_capacity(request.groups.len());
    for group_id in request.groups {
        let mut group = match broker.groups().describe(&group_id).await {
            Ok(described) => describe(described, context.version),
            Err(error_code) => DescribedGroup { error_code, group_id, ..Default::default() },
        };
        let shown = request.include_authorized_operations && group.error_code == ErrorCode::NONE;
        group.authorized_operations = if shown { GROUP_OPERATIONS } else { NO_OPERATIONS };
        groups.push(group);
    }
    Answer::Ready(DescribeGroupsResponse { groups, ..Default::default() })
}

fn describe(group: group::DescribedGroup, version: i16) -> DescribedGroup {
    let told = version >= GROUP_ID_NOT_FOUND_SINCE || group.error != ErrorCode::GROUP_ID_NOT_FOUND;
    let error_code = if told { group.error } else { ErrorCode::NONE };
    let members = group.members.into_iter().map(|member| DescribedGroupMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    });
    let message = (told && error_code != ErrorCode::NONE).then(|| format!("Group {} not found.", group.group));
    DescribedGroup {
        error_code,
        error_message: message.filter(|_| version >= GROUP_ID_NOT_FOUND_SINCE).map(Into::into),
        group_id: group.group,
        group_state: ByteString::from_static(group.state.name()),
        protocol_type: group.protocol_type,
        protocol_data: group.protocol,
        members: members.collect(),
        ..Default::default()
    }
}
