//! Showing settings, and telling who has any.

use naru_protocol::ErrorCode;

use super::config_resource::check_broker_name;
use super::topic_name::check_topic_name;
use super::{MetadataImage, RequestError, ResourceKind};
use crate::config::{
    BrokerConfig, ConfigEntry, Overrides, describe_broker, describe_broker_defaults, describe_client_metrics,
    describe_group, describe_topic,
};

/// The settings of one resource of a `DescribeConfigs` request. A group or subscription that nobody knows has the
/// settings that it would get.
pub fn describe_configs(
    image: &MetadataImage,
    broker: &BrokerConfig,
    kind: i8,
    name: &str,
) -> Result<Vec<ConfigEntry>, RequestError> {
    let dynamic = image.dynamic_broker_config();
    let none = Overrides::new();
    match ResourceKind::try_from(kind) {
        Ok(ResourceKind::Topic) => {
            check_topic_name(name)?;
            let topic = image.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
            Ok(describe_topic(&topic.overrides, dynamic, broker))
        }
        Ok(ResourceKind::Broker) if name.is_empty() => Ok(describe_broker_defaults(dynamic)),
        Ok(ResourceKind::Broker) => {
            check_broker_name(name, image.node_id())?;
            Ok(describe_broker(dynamic, broker))
        }
        Ok(ResourceKind::ClientMetrics | ResourceKind::Group) if name.is_empty() => {
            Err(RequestError::invalid_request("The resource needs a name."))
        }
        Ok(ResourceKind::ClientMetrics) => Ok(describe_client_metrics(image.client_metrics(name).unwrap_or(&none))),
        Ok(ResourceKind::Group) => Ok(describe_group(image.group_settings(name).unwrap_or(&none), dynamic, broker)),
        Err(other) => Err(RequestError::invalid_request(format!("Resources of type {other} have no settings here."))),
    }
}

/// Names of the resources of one kind, in no order that means anything: every topic, this broker, and the groups and
/// subscriptions with settings of their own.
pub fn config_resources(image: &MetadataImage, kind: ResourceKind) -> Vec<String> {
    match kind {
        ResourceKind::Topic => image.topics().map(|topic| topic.name.to_string()).collect(),
        ResourceKind::Broker => vec![image.node_id().to_string()],
        ResourceKind::ClientMetrics => image.client_metrics_names().map(str::to_owned).collect(),
        ResourceKind::Group => image.groups_with_settings().map(str::to_owned).collect(),
    }
}
