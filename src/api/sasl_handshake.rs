//! SaslHandshake (key 17), versions 0–1: which SASL mechanism a client wants. On a listener without SASL nobody does.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    _broker: Arc<Broker>,
    _context: RequestContext,
    _request: SaslHandshakeRequest,
) -> Answer<SaslHandshakeResponse> {
    let error_code = ErrorCode::ILLEGAL_SASL_STATE;
    Answer::Ready(SaslHandshakeResponse { error_code, ..Default::default() })
}
