//! InitProducerId (key 22), versions 0–5: an id for an idempotent producer.
//!
//! - 3: the producer may name the id and epoch it had (KIP-360); without a transactional id it gets a new one all the same.
//!
//! There are no transactions yet: a transactional id is refused with an error that clients do not repeat.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: InitProducerIdRequest,
) -> Answer<InitProducerIdResponse> {
    let response = match producer_id(&broker, &request).await {
        Ok(producer_id) => InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() },
        Err(error_code) => InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() },
    };
    Answer::Ready(response)
}

async fn producer_id(broker: &Broker, request: &InitProducerIdRequest) -> Result<i64, ErrorCode> {
    match request.transactional_id.as_deref() {
        None => {}
        Some("") => return Err(ErrorCode::INVALID_REQUEST),
        Some(_) => return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    }
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    broker.next_producer_id().await.map_err(|error| error.code)
}
