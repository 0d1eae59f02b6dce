//! AlterConfigs (key 33), versions 0–2: replaces all settings of a topic, the broker, a group or a subscription. What is
//! not named goes back to its default; IncrementalAlterConfigs changes single settings.

use std::sync::Arc;

use naru_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use crate::broker::Broker;
use crate::metadata::AlterConfigs;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterConfigsRequest,
) -> Answer<AlterConfigsResponse> {
    let mut responses: Vec<_> = request.resources.iter().map(response).collect();
    let wanted = request.resources.into_iter().map(|resource| AlterConfigs {
        kind: resource.resource_type,
        name: resource.resource_name.to_string(),
        configs: (resource.configs.into_iter())
            .map(|config| (config.name.to_string(), config.value.map(|value| value.to_string())))
            .collect(),
    });
    let outcomes = broker.alter_configs(wanted.collect(), request.validate_only).await;
    let outcomes = outcomes.unwrap_or_else(|error| vec![Err(error); responses.len()]);
    for (response, error) in responses.iter_mut().zip(outcomes).filter_map(|(r, outcome)| Some((r, outcome.err()?))) {
        response.error_code = error.code;
        response.error_message = error.message.map(Into::into);
    }
    Answer::Ready(AlterConfigsResponse { responses, ..Default::default() })
}

fn response(resource: &AlterConfigsResource) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}
