//! DescribeAcls (key 29), versions 1–3: who may do what. Without an authorizer there is nothing to tell.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};

use crate::broker::Broker;

use super::{Answer, CloseReason, RequestContext};

/// What the ACL APIs say while everybody may do everything.
pub(super) const NO_AUTHORIZER: ByteString = ByteString::from_static("This broker has no authorizer.");

/// The number that stands for an unknown type of resource, pattern, operation or permission.
const UNKNOWN: i8 = 0;

pub(super) fn handle(
    _broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeAclsRequest,
) -> Answer<DescribeAclsResponse> {
    let DescribeAclsRequest { resource_type_filter, pattern_type_filter, operation, permission_type, .. } = request;
    if let Some(reason) = unknown([resource_type_filter, pattern_type_filter, operation, permission_type]) {
        return malformed("DescribeAcls", context.version, reason);
    }
    Answer::Ready(DescribeAclsResponse {
        error_code: ErrorCode::SECURITY_DISABLED,
        error_message: Some(NO_AUTHORIZER),
        ..Default::default()
    })
}

/// Why these numbers of resource type, pattern type, operation and permission cannot be meant: one of them says itself that
/// it is unknown. Larger numbers than those that exist are not looked at, as in Kafka.
pub(super) fn unknown(numbers: [i8; 4]) -> Option<&'static str> {
    numbers.contains(&UNKNOWN).then_some("a type, operation or permission is UNKNOWN")
}

/// Kafka's answer to such a request is to hang up.
pub(super) fn malformed<T>(api: &'static str, version: i16, reason: &str) -> Answer<T> {
    Answer::Close(CloseReason::MalformedBody { api, version, reason: reason.to_owned() })
}
