//! ListConfigResources (key 74), versions 0–1: what has settings.
//!
//! - 1: every type of resource, or those asked for; version 0 knows subscriptions to client metrics alone (KIP-1142).

use std::collections::BTreeSet;
use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use crate::broker::Broker;
use crate::broker::settings::BROKER_LOGGER;
use crate::metadata::{ResourceKind, config_resources};

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: ListConfigResourcesRequest,
) -> Answer<ListConfigResourcesResponse> {
    let every = ResourceKind::ALL.into_iter().map(|kind| kind as i8).chain([BROKER_LOGGER]);
    let kinds: BTreeSet<i8> = match context.version {
        0 => [ResourceKind::ClientMetrics as i8].into(),
        _ if request.resource_types.is_empty() => every.collect(),
        _ => request.resource_types.into_iter().collect(),
    };
    let image = broker.metadata().image();
    let mut found = Vec::new();
    for resource_type in kinds {
        let names = match ResourceKind::try_from(resource_type) {
            Ok(kind) => config_resources(&image, kind),
            Err(BROKER_LOGGER) => vec![broker.node_id().to_string()],
            Err(_) => return Answer::Ready(refused(ErrorCode::UNSUPPORTED_VERSION)),
        };
        let resources = names.into_iter().map(|name| ConfigResource { resource_name: name.into(), resource_type });
        found.extend(resources);
    }
    Answer::Ready(ListConfigResourcesResponse { config_resources: found, ..Default::default() })
}

fn refused(error_code: ErrorCode) -> ListConfigResourcesResponse {
    ListConfigResourcesResponse { error_code, ..Default::default() }
}
