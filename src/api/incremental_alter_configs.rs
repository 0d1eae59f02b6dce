//! IncrementalAlterConfigs (key 44), versions 0–1: sets, deletes, and adds to or takes from lists, single settings of a topic,
//! the broker, its loggers, a group or a subscription (KIP-339).

use std::sync::Arc;

use naru_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use crate::broker::Broker;
use crate::metadata::{ConfigChange, IncrementalAlterConfigs};

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> Answer<IncrementalAlterConfigsResponse> {
    let mut responses: Vec<_> = request.resources.iter().map(response).collect();
    let wanted = request.resources.into_iter().map(changes).collect();
    let outcomes = broker.incremental_alter_configs(wanted, request.validate_only).await;
    let outcomes = outcomes.unwrap_or_else(|error| vec![Err(error); responses.len()]);
    for (response, error) in responses.iter_mut().zip(outcomes).filter_map(|(r, outcome)| Some((r, outcome.err()?))) {
        response.error_code = error.code;
        response.error_message = error.message.map(Into::into);
    }
    Answer::Ready(IncrementalAlterConfigsResponse { responses, ..Default::default() })
}

fn changes(resource: AlterConfigsResource) -> IncrementalAlterConfigs {
    let changes = resource.configs.into_iter().map(|config| ConfigChange {
        name: config.name.to_string(),
        operation: config.config_operation,
        value: config.value.map(|value| value.to_string()),
    });
    IncrementalAlterConfigs {
        kind: resource.resource_type,
        name: resource.resource_name.to_string(),
        changes: changes.collect(),
    }
}

fn response(resource: &AlterConfigsResource) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}
