//! DescribeCluster (key 60), versions 0–2: the cluster's id and its brokers.
//!
//! - 1: brokers or controllers; only brokers can be asked here, as on any client listener.
//! - 2: fenced brokers, too; a single node is none.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use crate::broker::Broker;

use super::{Answer, CLUSTER_OPERATIONS, RequestContext};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(super) fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeClusterRequest,
) -> Answer<DescribeClusterResponse> {
    Answer::Ready(match request.endpoint_type {
        BROKERS => describe(&broker, &context, request.include_cluster_authorized_operations),
        CONTROLLERS => refuse(
            ErrorCode::MISMATCHED_ENDPOINT_TYPE,
            "this is a listener of brokers; there is none of controllers".to_owned(),
        ),
        other => refuse(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, format!("there are no endpoints of type {other}")),
    })
}

fn refuse(error_code: ErrorCode, message: String) -> DescribeClusterResponse {
    DescribeClusterResponse { error_code, error_message: Some(message.into()), ..Default::default() }
}

fn describe(broker: &Broker, context: &RequestContext, operations: bool) -> DescribeClusterResponse {
    let address = context.advertised();
    let this_broker = DescribeClusterBroker {
        broker_id: broker.node_id(),
        host: address.host.into(),
        port: address.port.into(),
        rack: broker.config().rack.as_deref().map(Into::into),
        is_fenced: false,
    };
    let mut response = DescribeClusterResponse {
        cluster_id: broker.cluster_id().into(),
        controller_id: broker.node_id(),
        brokers: vec![this_broker],
        ..Default::default()
    };
    if operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}
