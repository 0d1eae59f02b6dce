//! What has settings that can be changed, and the settings it has now.

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::state::cluster_metadata::config::ConfigRecord;

use super::topic_name::check_topic_name;
use super::{MetadataImage, RequestError};
use crate::config::{CLIENT_METRICS_SETTINGS, ConfigDef, GROUP_SETTINGS, Overrides, broker_setting, topic_setting};

/// What has settings that are kept in the metadata; the numbers are those of the wire and of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A topic, by name.
    Topic = 2,
    /// The broker, by number; without a name, every broker.
    Broker = 4,
    /// A subscription to metrics of clients, by name (KIP-714).
    ClientMetrics = 16,
    /// A group, by its id.
    Group = 32,
}

impl ResourceKind {
    /// Every kind, by ascending number.
    pub const ALL: [Self; 4] = [Self::Topic, Self::Broker, Self::ClientMetrics, Self::Group];

    /// The setting of this kind of resource with this name.
    pub(super) fn setting(self, name: &str) -> Option<&'static ConfigDef> {
        let among = |table: &'static [ConfigDef]| table.iter().find(|def| def.name == name);
        match self {
            Self::Topic => topic_setting(name),
            Self::Broker => broker_setting(name),
            Self::ClientMetrics => among(CLIENT_METRICS_SETTINGS),
            Self::Group => among(GROUP_SETTINGS),
        }
    }
}

impl TryFrom<i8> for ResourceKind {
    type Error = i8;

    fn try_from(number: i8) -> Result<Self, i8> {
        Self::ALL.into_iter().find(|kind| *kind as i8 == number).ok_or(number)
    }
}

/// Checks that the name of a broker resource is this broker's number.
pub fn check_broker_name(name: &str, node_id: i32) -> Result<(), RequestError> {
    match name.parse::<i32>() {
        Ok(number) if number == node_id => Ok(()),
        Ok(number) => Err(RequestError::invalid_request(format!("This is broker {node_id}, not {number}."))),
        Err(_) => Err(RequestError::invalid_request(format!("A broker is named by its number, not {name:?}."))),
    }
}

/// A resource that can be altered.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub(super) kind: ResourceKind,
    pub(super) name: &'a str,
}

impl<'a> Resource<'a> {
    /// Finds the resource and the settings it has. A group or subscription needs no more than a name: its settings may
    /// come before it.
    pub(super) fn find(image: &MetadataImage, kind: i8, name: &'a str) -> Result<(Self, Overrides), RequestError> {
        let kind = ResourceKind::try_from(kind)
            .map_err(|other| RequestError::invalid_request(format!("Unknown resource type {other}")))?;
        if name.is_empty() && kind != ResourceKind::Broker {
            return Err(RequestError::invalid_request("The resource needs a name."));
        }
        let dynamic = image.dynamic_broker_config();
        let settings = match kind {
            ResourceKind::Topic => {
                check_topic_name(name)?;
                let topic = image.topic(name).ok_or_else(|| {
                    let message = format!("The topic '{name}' does not exist.");
                    RequestError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message)
                })?;
                topic.overrides.as_ref().clone()
            }
            ResourceKind::Broker if name.is_empty() => dynamic.every_broker.clone(),
            ResourceKind::Broker => {
                check_broker_name(name, image.node_id())?;
                dynamic.this_broker.clone()
            }
            ResourceKind::ClientMetrics => image.client_metrics(name).cloned().unwrap_or_default(),
            ResourceKind::Group => image.group_settings(name).cloned().unwrap_or_default(),
        };
        Ok((Self { kind, name }, settings))
    }

    /// The records that turn settings into others.
    pub(super) fn difference(self, node_id: i32, before: &Overrides, after: &Overrides) -> Vec<Record> {
        // However the number was written, the record has its one form.
        let name = match self.kind {
            ResourceKind::Broker if !self.name.is_empty() => node_id.to_string(),
            _ => self.name.to_owned(),
        };
        let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (name, None));
        let new = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
        gone.chain(new.map(|(name, value)| (name, Some(value))))
            .map(|(setting, value)| {
                ConfigRecord {
                    resource_type: self.kind as i8,
                    resource_name: name.as_str().into(),
                    name: setting.as_str().into(),
                    value: value.map(|value| value.as_str().into()),
                }
                .into()
            })
            .collect()
    }
}
