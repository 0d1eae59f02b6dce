//! Showing settings.

use naru_protocol::ErrorCode;

use super::topic_name::check_topic_name;
use super::{MetadataImage, RequestError, ResourceKind, Rules};
use crate::config::{ConfigEntry, describe_broker, describe_broker_defaults, describe_topic};

/// The settings of one resource of a `DescribeConfigs` request, sorted by name. `keys` are the settings that are
/// wanted; `None`, and an empty list, mean all. Names that no setting has are passed over, as in Kafka.
pub fn describe_configs(
    image: &MetadataImage,
    rules: Rules<'_>,
    kind: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> Result<Vec<ConfigEntry>, RequestError> {
    let dynamic = image.dynamic_broker_config();
    let mut entries = match ResourceKind::try_from(kind) {
        Ok(ResourceKind::Topic) => {
            check_topic_name(name)?;
            let topic = image.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
            describe_topic(&topic.overrides, dynamic, rules.broker)
        }
        Ok(ResourceKind::Broker) if name.is_empty() => describe_broker_defaults(dynamic),
        Ok(ResourceKind::Broker) => {
            ResourceKind::check_broker(name, image.node_id())?;
            describe_broker(dynamic, rules.broker)
        }
        Err(other) => {
            return Err(RequestError::invalid_request(format!("Resources of type {other} have no settings here.")));
        }
    };
    if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
        entries.retain(|entry| keys.contains(&entry.def.name));
    }
    Ok(entries)
}
