//! UnregisterBroker (key 64), version 0: a broker that is gone for good is forgotten. The only broker of a single node is
//! at work: forgetting it would leave its partitions without a place.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: UnregisterBrokerRequest,
) -> Answer<UnregisterBrokerResponse> {
    let (error_code, message) = if request.broker_id == broker.node_id() {
        (ErrorCode::INVALID_REQUEST, "the only broker of this cluster cannot be forgotten".to_owned())
    } else {
        (ErrorCode::BROKER_ID_NOT_REGISTERED, format!("no broker has the number {}", request.broker_id))
    };
    Answer::Ready(UnregisterBrokerResponse { error_code, error_message: Some(message.into()), ..Default::default() })
}
