//! CreateDelegationToken (key 38, versions 1–3), RenewDelegationToken (39, 1–2), ExpireDelegationToken (40, 1–2) and
//! DescribeDelegationToken (41, 1–3): there are no tokens, and so does a Kafka answer that was given no secret for them.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::create_delegation_token::{CreateDelegationTokenRequest, CreateDelegationTokenResponse};
use naru_protocol::messages::describe_delegation_token::{
    DescribeDelegationTokenRequest, DescribeDelegationTokenResponse,
};
use naru_protocol::messages::expire_delegation_token::{ExpireDelegationTokenRequest, ExpireDelegationTokenResponse};
use naru_protocol::messages::renew_delegation_token::{RenewDelegationTokenRequest, RenewDelegationTokenResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

const DISABLED: ErrorCode = ErrorCode::DELEGATION_TOKEN_REQUEST_NOT_ALLOWED;

/// The type of principal that Kafka knows.
const USER: ByteString = ByteString::from_static("User");

pub(super) fn create(
    _broker: Arc<Broker>,
    context: RequestContext,
    request: CreateDelegationTokenRequest,
) -> Answer<CreateDelegationTokenResponse> {
    let requester = ByteString::from_static(context.user());
    let owner = request.owner_principal_name.filter(|name| !name.is_empty());
    let owner_type = request.owner_principal_type.filter(|_| owner.is_some());
    Answer::Ready(CreateDelegationTokenResponse {
        error_code: DISABLED,
        principal_type: owner_type.unwrap_or(USER),
        principal_name: owner.unwrap_or_else(|| requester.clone()),
        token_requester_principal_type: if context.version >= 3 { USER } else { ByteString::default() },
        token_requester_principal_name: if context.version >= 3 { requester } else { ByteString::default() },
        issue_timestamp_ms: -1,
        expiry_timestamp_ms: -1,
        max_timestamp_ms: -1,
        ..Default::default()
    })
}

pub(super) fn renew(
    _broker: Arc<Broker>,
    _context: RequestContext,
    _request: RenewDelegationTokenRequest,
) -> Answer<RenewDelegationTokenResponse> {
    let response = RenewDelegationTokenResponse { error_code: DISABLED, expiry_timestamp_ms: -1, ..Default::default() };
    Answer::Ready(response)
}

pub(super) fn expire(
    _broker: Arc<Broker>,
    _context: RequestContext,
    _request: ExpireDelegationTokenRequest,
) -> Answer<ExpireDelegationTokenResponse> {
    let response =
        ExpireDelegationTokenResponse { error_code: DISABLED, expiry_timestamp_ms: -1, ..Default::default() };
    Answer::Ready(response)
}

pub(super) fn describe(
    _broker: Arc<Broker>,
    _context: RequestContext,
    _request: DescribeDelegationTokenRequest,
) -> Answer<DescribeDelegationTokenResponse> {
    Answer::Ready(DescribeDelegationTokenResponse { error_code: DISABLED, ..Default::default() })
}
