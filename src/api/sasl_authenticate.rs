//! SaslAuthenticate (key 36), versions 0–2: a step of a SASL exchange, which no listener without SASL has begun.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    _broker: Arc<Broker>,
    _context: RequestContext,
    _request: SaslAuthenticateRequest,
) -> Answer<SaslAuthenticateResponse> {
    Answer::Ready(SaslAuthenticateResponse {
        error_code: ErrorCode::ILLEGAL_SASL_STATE,
        error_message: Some(ByteString::from_static("This listener has no authentication.")),
        ..Default::default()
    })
}
