//! UnregisterController (key 94), version 0: a controller that is gone for good is forgotten. The only controller of a
//! single node is at work.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::unregister_controller::{UnregisterControllerRequest, UnregisterControllerResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: UnregisterControllerRequest,
) -> Answer<UnregisterControllerResponse> {
    let (error_code, message) = if request.controller_id == broker.node_id() {
        (ErrorCode::INVALID_REQUEST, "the only controller of this cluster cannot be forgotten".to_owned())
    } else {
        let message = format!("no controller has the number {}", request.controller_id);
        (ErrorCode::CONTROLLER_ID_NOT_REGISTERED, message)
    };
    Answer::Ready(UnregisterControllerResponse {
        error_code,
        error_message: Some(message.into()),
        ..Default::default()
    })
}
