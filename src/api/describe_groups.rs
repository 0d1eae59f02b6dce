//! DescribeGroups (key 15), versions 0–6: state, protocol and members of groups.
//!
//! - 3: authorized operations, if asked for. 4: instance ids.
//! - 6: GROUP_ID_NOT_FOUND for a group that is not there; before, its state is Dead and that is no error (KIP-1043).

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

use crate::broker::Broker;
use crate::group;

use super::{Answer, GROUP_OPERATIONS, NO_OPERATIONS, RequestContext};

const NOT_FOUND_SINCE: i16 = 6;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeGroupsRequest,
) -> Answer<DescribeGroupsResponse> {
    let mut descriptions = Vec::with_capacity(request.groups.len());
    for name in request.groups {
        let description = broker.groups().describe(&name).await;
        descriptions.push((name, description));
    }
    Answer::pipelined(async move {
        let mut groups = Vec::with_capacity(descriptions.len());
        for (name, description) in descriptions {
            let mut described = match description.kept().await {
                Ok(found) => describe(found, context.version),
                Err(error_code) => DescribedGroup { error_code, group_id: name, ..Default::default() },
            };
            let shows_operations = request.include_authorized_operations && described.error_code == ErrorCode::NONE;
            described.authorized_operations = if shows_operations { GROUP_OPERATIONS } else { NO_OPERATIONS };
            groups.push(described);
        }
        DescribeGroupsResponse { groups, ..Default::default() }
    })
}

fn describe(found: group::DescribedGroup, version: i16) -> DescribedGroup {
    let error_code = if version >= NOT_FOUND_SINCE { found.error } else { ErrorCode::NONE };
    let members = found.members.into_iter().map(|member| DescribedGroupMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    });
    let message = || ByteString::from(format!("there is no group {}", found.group));
    DescribedGroup {
        error_code,
        error_message: (error_code != ErrorCode::NONE).then(message),
        group_state: found.state.name().into(),
        protocol_type: found.protocol_type,
        protocol_data: found.protocol,
        members: members.collect(),
        group_id: found.group,
        authorized_operations: NO_OPERATIONS,
    }
}
