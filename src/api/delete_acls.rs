//! DeleteAcls (key 31), versions 1–3: forgets who may do what. Without an authorizer there is nothing to forget.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::delete_acls::{DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse};

use crate::broker::Broker;

use super::describe_acls::{NO_AUTHORIZER, malformed, unknown};
use super::{Answer, RequestContext};

pub(super) fn handle(
    _broker: Arc<Broker>,
    context: RequestContext,
    request: DeleteAclsRequest,
) -> Answer<DeleteAclsResponse> {
    let mut numbers = request.filters.iter().map(|filter| {
        [filter.resource_type_filter, filter.pattern_type_filter, filter.operation, filter.permission_type]
    });
    if let Some(reason) = numbers.find_map(unknown) {
        return malformed("DeleteAcls", context.version, reason);
    }
    let refused = |_| DeleteAclsFilterResult {
        error_code: ErrorCode::SECURITY_DISABLED,
        error_message: Some(NO_AUTHORIZER),
        ..Default::default()
    };
    let filter_results = request.filters.iter().map(refused).collect();
    Answer::Ready(DeleteAclsResponse { filter_results, ..Default::default() })
}
