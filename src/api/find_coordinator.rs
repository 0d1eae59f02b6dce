//! FindCoordinator (key 10), versions 0–6: which broker keeps a group. On a single node it is always this one, and at once:
//! the topic behind the coordinator is created when the first record is written.
//!
//! - 1: the kind of coordinator; 4: many keys in one request (KIP-699).
//!
//! There are no transactions and no share groups yet. The answer for transactions is one that clients do not repeat.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

use crate::broker::Broker;

use super::{Answer, RequestContext};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The first version with many keys and an answer for each.
const MANY_KEYS_SINCE: i16 = 4;

pub(super) fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: FindCoordinatorRequest,
) -> Answer<FindCoordinatorResponse> {
    let find = |key: ByteString| find(&broker, &context, request.key_type, key);
    let response = if context.version >= MANY_KEYS_SINCE {
        let coordinators = request.coordinator_keys.into_iter().map(find).collect();
        FindCoordinatorResponse { coordinators, ..Default::default() }
    } else {
        let found = find(request.key);
        FindCoordinatorResponse {
            error_code: found.error_code,
            error_message: found.error_message,
            node_id: found.node_id,
            host: found.host,
            port: found.port,
            ..Default::default()
        }
    };
    Answer::Ready(response)
}

fn find(broker: &Broker, context: &RequestContext, key_type: i8, key: ByteString) -> Coordinator {
    let (error_code, message) = match key_type {
        GROUP => {
            let address = context.advertised();
            let (host, port) = (address.host.into(), address.port.into());
            return Coordinator { key, node_id: broker.node_id(), host, port, ..Default::default() };
        }
        TRANSACTION => (ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "this broker has no transactions yet"),
        _ => (ErrorCode::INVALID_REQUEST, "this broker has coordinators of groups only"),
    };
    let error_message = Some(ByteString::from_static(message));
    Coordinator { key, node_id: -1, port: -1, error_code, error_message, ..Default::default() }
}
