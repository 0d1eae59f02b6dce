//! DeleteGroups (key 42), versions 0–3: forgets groups without members, and their offsets.
//!
//! - 3: a text with each error.

use std::collections::HashSet;
use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DeleteGroupsRequest,
) -> Answer<DeleteGroupsResponse> {
    let mut named = HashSet::new();
    let mut deletions = Vec::with_capacity(request.groups_names.len());
    // A group that is named twice is answered once.
    for group_id in request.groups_names.into_iter().filter(|name| named.insert(name.clone())) {
        let deletion = broker.groups().delete_group(&group_id).await;
        deletions.push((group_id, deletion));
    }
    Answer::pipelined(async move {
        let mut results = Vec::with_capacity(deletions.len());
        for (group_id, deletion) in deletions {
            let error_code = deletion.kept().await.err().unwrap_or(ErrorCode::NONE);
            let error_message = (error_code != ErrorCode::NONE).then(|| error_code.message().into());
            results.push(DeletableGroupResult { group_id, error_code, error_message });
        }
        DeleteGroupsResponse { results, ..Default::default() }
    })
}
