//! ListGroups (key 16), versions 0–5: all groups of this coordinator.
//!
//! - 4: states, and a filter by them (KIP-518). 5: types, and a filter by them (KIP-848).

use std::sync::Arc;

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
    let groups = match broker.groups().list(&filter).await {
        Ok(groups) => groups,
        Err(error_code) => return Answer::Ready(ListGroupsResponse { error_code, ..Default::default() }),
    };
    let groups = groups.into_iter().map(|group| ListedGroup {
        group_state: group.state.name().into(),
        group_type: group.type_name().into(),
        group_id: group.group,
        protocol_type: group.protocol_type,
    });
    Answer::Ready(ListGroupsResponse { groups: groups.collect(), ..Default::default() })
}
