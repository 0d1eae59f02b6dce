//! ListGroups (key 16), versions 0–5: the groups of this broker.
//!
//! - 4: states, and a filter by them. 5: types, and a filter by them.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use crate::broker::Broker;
use crate::group::ListFilter;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: ListGroupsRequest,
) -> Answer<ListGroupsResponse> {
    let filter = ListFilter { states: request.states_filter, types: request.types_filter };
    Answer::Ready(match broker.groups().list(&filter).await {
        Err(error_code) => ListGroupsResponse { error_code, ..Default::default() },
        Ok(groups) => {
            let groups = groups.into_iter().map(|group| ListedGroup {
                group_state: ByteString::from_static(group.state.name()),
                group_type: ByteString::from_static(group.type_name()),
                group_id: group.group,
                protocol_type: group.protocol_type,
            });
            ListGroupsResponse { groups: groups.collect(), ..Default::default() }
        }
    })
}
