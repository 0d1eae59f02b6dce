//! DescribeConfigs (key 32), versions 1–4: the settings of topics, the broker, its loggers, groups and subscriptions to
//! client metrics, and where each value comes from.
//!
//! - 1: synonyms, if asked for: every layer that has a value.
//! - 3: types, and documentation if asked for.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

use crate::broker::Broker;
use crate::broker::settings::BROKER_LOGGER;
use crate::config::ConfigEntry;
use crate::metadata::ResourceKind;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeConfigsRequest,
) -> Answer<DescribeConfigsResponse> {
    let show = Show { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let known = request.resources.iter().all(|resource| is_known(resource.resource_type));
    let results = request
        .resources
        .into_iter()
        .map(|resource| if known { answer(&broker, resource, show) } else { refuse(resource) });
    let results = results.collect();
    Answer::Ready(DescribeConfigsResponse { results, ..Default::default() })
}

fn is_known(kind: i8) -> bool {
    kind == BROKER_LOGGER || ResourceKind::try_from(kind).is_ok()
}

/// As in Kafka, one resource of an unknown type spoils the request for all.
fn refuse(resource: DescribeConfigsResource) -> DescribeConfigsResult {
    DescribeConfigsResult {
        error_code: ErrorCode::INVALID_REQUEST,
        error_message: Some(ByteString::from_static("A resource of the request has a type that does not exist.")),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        ..Default::default()
    }
}

/// What of a setting was asked for.
#[derive(Clone, Copy)]
struct Show {
    synonyms: bool,
    documentation: bool,
}

fn answer(broker: &Broker, resource: DescribeConfigsResource, show: Show) -> DescribeConfigsResult {
    let mut result = DescribeConfigsResult { resource_type: resource.resource_type, ..Default::default() };
    match broker.describe_configs(resource.resource_type, &resource.resource_name) {
        Ok(entries) => {
            // No names, like null, asks for all.
            let names = resource.configuration_keys.filter(|names| !names.is_empty());
            let wanted =
                |entry: &ConfigEntry| names.as_ref().is_none_or(|names| names.iter().any(|n| **n == *entry.name));
            result.configs = entries.into_iter().filter(wanted).map(|entry| show.setting(entry)).collect();
        }
        Err(error) => {
            result.error_code = error.code;
            result.error_message = error.message.map(Into::into);
        }
    }
    result.resource_name = resource.resource_name;
    result
}

impl Show {
    fn setting(self, entry: ConfigEntry) -> DescribeConfigsResourceResult {
        let synonyms = entry.synonyms.into_iter().filter(|_| self.synonyms).map(|synonym| DescribeConfigsSynonym {
            name: synonym.name.as_ref().into(),
            value: synonym.value.map(Into::into),
            source: synonym.source as i8,
        });
        DescribeConfigsResourceResult {
            name: entry.name.as_ref().into(),
            value: entry.value.map(Into::into),
            read_only: entry.read_only,
            config_source: entry.source as i8,
            is_sensitive: entry.sensitive,
            synonyms: synonyms.collect(),
            config_type: entry.kind.map_or(UNKNOWN_TYPE, |kind| kind as i8),
            documentation: entry.doc.filter(|_| self.documentation).map(ByteString::from_static),
        }
    }
}

/// The type of a setting that nobody knows.
const UNKNOWN_TYPE: i8 = 0;
