//! DescribeConfigs (key 32), versions 1–4: the settings of topics and of the broker, and where each value comes from.
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
use crate::config::{ConfigEntry, describe_broker, describe_broker_defaults, describe_topic};
use crate::metadata::{ResourceKind, check_topic_name};

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeConfigsRequest,
) -> Answer<DescribeConfigsResponse> {
    let show = Show { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let results = request.resources.into_iter().map(|resource| answer(&broker, resource, show)).collect();
    Answer::Ready(DescribeConfigsResponse { results, ..Default::default() })
}

/// What of a setting was asked for.
#[derive(Clone, Copy)]
struct Show {
    synonyms: bool,
    documentation: bool,
}

fn answer(broker: &Broker, resource: DescribeConfigsResource, show: Show) -> DescribeConfigsResult {
    let mut result = DescribeConfigsResult { resource_type: resource.resource_type, ..Default::default() };
    match settings(broker, resource.resource_type, &resource.resource_name) {
        Ok(entries) => {
            // No names, like null, asks for all.
            let names = resource.configuration_keys.filter(|names| !names.is_empty());
            let wanted = |entry: &ConfigEntry| {
                names.as_ref().is_none_or(|names| names.iter().any(|name| *name == entry.def.name))
            };
            result.configs = entries.into_iter().filter(wanted).map(|entry| show.setting(entry)).collect();
        }
        Err((error_code, message)) => {
            result.error_code = error_code;
            result.error_message = message.map(Into::into);
        }
    }
    result.resource_name = resource.resource_name;
    result
}

fn settings(broker: &Broker, kind: i8, name: &str) -> Result<Vec<ConfigEntry>, (ErrorCode, Option<String>)> {
    let refused = |message: String| (ErrorCode::INVALID_REQUEST, Some(message));
    let image = broker.metadata().image();
    let dynamic = image.dynamic_broker_config();
    match ResourceKind::try_from(kind) {
        Ok(ResourceKind::Topic) => {
            check_topic_name(name).map_err(|error| (ErrorCode::INVALID_TOPIC_EXCEPTION, Some(error.to_string())))?;
            let topic = image.topic(name).ok_or((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, None))?;
            Ok(describe_topic(&topic.overrides, dynamic, broker.config()))
        }
        Ok(ResourceKind::Broker) if name.is_empty() => Ok(describe_broker_defaults(dynamic)),
        Ok(ResourceKind::Broker) => match name.parse::<i32>() {
            Ok(number) if number == broker.node_id() => Ok(describe_broker(dynamic, broker.config())),
            Ok(number) => Err(refused(format!("this is broker {}, not {number}", broker.node_id()))),
            Err(_) => Err(refused(format!("a broker is named by its number, not {name:?}"))),
        },
        Err(other) => Err(refused(format!("this broker has no settings for resources of type {other}"))),
    }
}

impl Show {
    fn setting(self, entry: ConfigEntry) -> DescribeConfigsResourceResult {
        let synonyms = entry.synonyms.into_iter().filter(|_| self.synonyms).map(|synonym| DescribeConfigsSynonym {
            name: synonym.name.into(),
            value: synonym.value.map(Into::into),
            source: synonym.source as i8,
        });
        DescribeConfigsResourceResult {
            name: entry.def.name.into(),
            value: entry.value.map(Into::into),
            read_only: entry.def.read_only,
            config_source: entry.source as i8,
            is_sensitive: entry.def.sensitive,
            synonyms: synonyms.collect(),
            config_type: entry.def.kind as i8,
            documentation: self.documentation.then(|| ByteString::from_static(entry.def.doc)),
        }
    }
}
