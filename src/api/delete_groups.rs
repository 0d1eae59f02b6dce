//! DeleteGroups (key 42), versions 0–3: deletes groups that have no members, with their offsets.
//!
//! - 3: error messages.

use std::sync::Arc;

use naru_protocol::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DeleteGroupsRequest,
) -> Answer<DeleteGroupsResponse> {
    let mut deletions = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        let deletion = broker.groups().delete_group(&group_id).await;
        deletions.push((group_id, deletion));
    }
    Answer::pipelined(async move {
        let mut results = Vec::with_capacity(deletions.len());
        for (group_id, deletion) in deletions {
            let mut result = DeletableGroupResult { group_id, ..Default::default() };
            if let Err(error_code) = deletion.kept().await {
                result.error_code = error_code;
                result.error_message = Some(error_code.message().into());
            }
            results.push(result);
        }
        DeleteGroupsResponse { results, ..Default::default() }
    })
}
