//! CreateAcls (key 30), versions 1–3: lets somebody do something. Without an authorizer nothing is stored.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::create_acls::{AclCreationResult, CreateAclsRequest, CreateAclsResponse};

use crate::broker::Broker;

use super::describe_acls::{NO_AUTHORIZER, malformed, unknown};
use super::{Answer, RequestContext};

pub(super) fn handle(
    _broker: Arc<Broker>,
    context: RequestContext,
    request: CreateAclsRequest,
) -> Answer<CreateAclsResponse> {
    let mut numbers = request.creations.iter().map(|creation| {
        [creation.resource_type, creation.resource_pattern_type, creation.operation, creation.permission_type]
    });
    if let Some(reason) = numbers.find_map(unknown) {
        return malformed("CreateAcls", context.version, reason);
    }
    let refused =
        |_| AclCreationResult { error_code: ErrorCode::SECURITY_DISABLED, error_message: Some(NO_AUTHORIZER) };
    let results = request.creations.iter().map(refused).collect();
    Answer::Ready(CreateAclsResponse { results, ..Default::default() })
}
