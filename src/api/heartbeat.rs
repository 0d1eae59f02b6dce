//! Heartbeat (key 12), versions 0–4: a member is alive, and learns whether its group rebalances.
//!
//! - 3: static members (KIP-345).

use std::sync::Arc;

use naru_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use crate::broker::Broker;
use crate::group;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: HeartbeatRequest,
) -> Answer<HeartbeatResponse> {
    let heartbeat = group::HeartbeatRequest {
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let error_code = broker.groups().heartbeat(&heartbeat).await;
    Answer::Ready(HeartbeatResponse { error_code, ..Default::default() })
}
