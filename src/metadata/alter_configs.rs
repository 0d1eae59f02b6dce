//! Changing settings of topics, the broker, groups and subscriptions to client metrics.

use std::collections::{HashMap, HashSet};

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;

use super::config_resource::Resource;
use super::{Decision, MetadataImage, RequestError, ResourceKind, Rules};
use crate::config::{
    BrokerConfig, ConfigType, DynamicBrokerConfig, InvalidSettings, Overrides, check_broker_changes,
    check_client_metrics, check_group, check_topic_overrides,
};

/// A resource of an `AlterConfigs` request: these are all the settings it shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterConfigs {
    /// The number of the resource type, as it arrived.
    pub kind: i8,
    /// Name of the resource, number of the broker, or empty for every broker.
    pub name: String,
    /// Every setting of its own; what is not here goes back to its default.
    pub configs: Vec<(String, Option<String>)>,
}

/// A resource of an `IncrementalAlterConfigs` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncrementalAlterConfigs {
    /// The number of the resource type, as it arrived.
    pub kind: i8,
    /// Name of the resource, number of the broker, or empty for every broker.
    pub name: String,
    /// The changes; settings that are not here stay.
    pub changes: Vec<ConfigChange>,
}

/// One change of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The setting.
    pub name: String,
    /// The number of the operation, as it arrived; see [`ConfigOperation`].
    pub operation: i8,
    /// The value; not used to delete.
    pub value: Option<String>,
}

/// What to do with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOperation {
    /// Give it the value.
    Set = 0,
    /// Give it its default back.
    Delete = 1,
    /// Add the elements to the list that counts now.
    Append = 2,
    /// Take the elements out of the list that counts now.
    Subtract = 3,
}

impl TryFrom<i8> for ConfigOperation {
    type Error = i8;

    fn try_from(number: i8) -> Result<Self, i8> {
        match number {
            0 => Ok(Self::Set),
            1 => Ok(Self::Delete),
            2 => Ok(Self::Append),
            3 => Ok(Self::Subtract),
            other => Err(other),
        }
    }
}

/// Decides about an `AlterConfigs` request. One answer for each resource; a resource that appears twice is refused each
/// time.
pub fn alter_configs(
    image: &MetadataImage,
    rules: Rules<'_>,
    resources: &[AlterConfigs],
    validate_only: bool,
) -> Decision<Result<(), RequestError>> {
    let names: Vec<_> = resources.iter().map(|resource| (resource.kind, resource.name.as_str())).collect();
    decide(image, rules, &names, validate_only, |index, _| {
        let configs = &resources.get(index).ok_or(ErrorCode::INVALID_REQUEST)?.configs;
        let mut settings = Overrides::new();
        for (name, value) in configs {
            let value = value.clone().ok_or_else(|| null_value(name))?;
            settings.insert(name.clone(), value);
        }
        refuse_duplicates(configs.iter().map(|(name, _)| name.as_str()))?;
        Ok((settings, configs.iter().map(|(name, _)| name.as_str()).collect()))
    })
}

/// Decides about an `IncrementalAlterConfigs` request. One answer for each resource; a resource that appears twice is
/// refused each time.
pub fn incremental_alter_configs(
    image: &MetadataImage,
    rules: Rules<'_>,
    resources: &[IncrementalAlterConfigs],
    validate_only: bool,
) -> Decision<Result<(), RequestError>> {
    let mut operations = resources.iter().flat_map(|resource| &resource.changes).map(|change| change.operation);
    if let Some(unknown) = operations.find_map(|operation| ConfigOperation::try_from(operation).err()) {
        // Kafka's broker does not get through such a request: every resource has its answer.
        let error = RequestError::new(ErrorCode::UNKNOWN_SERVER_ERROR, format!("There is no operation {unknown}"));
        return Decision { records: Vec::new(), answers: vec![Err(error); resources.len()] };
    }
    let names: Vec<_> = resources.iter().map(|resource| (resource.kind, resource.name.as_str())).collect();
    decide(image, rules, &names, validate_only, |index, target| {
        let changes = &resources.get(index).ok_or(ErrorCode::INVALID_REQUEST)?.changes;
        check_changes(changes)?;
        let mut settings = target.settings.clone();
        for change in changes {
            target.change(&mut settings, change)?;
        }
        Ok((settings, changes.iter().map(|change| change.name.as_str()).collect()))
    })
}

/// What both requests share: `wanted` makes the settings that the resource with this index shall have, and tells the
/// names that the request has.
fn decide<'r>(
    image: &MetadataImage,
    rules: Rules<'_>,
    names: &[(i8, &'r str)],
    validate_only: bool,
    wanted: impl Fn(usize, &Target<'_>) -> Result<(Overrides, Vec<&'r str>), RequestError>,
) -> Decision<Result<(), RequestError>> {
    let mut times: HashMap<(i8, &str), usize> = HashMap::new();
    for name in names {
        *times.entry(*name).or_default() += 1;
    }
    let mut decision = Decision::new();
    for (index, &(kind, name)) in names.iter().enumerate() {
        let answer = if times.get(&(kind, name)).is_some_and(|times| *times > 1) {
            Err(RequestError::invalid_request("Each resource must appear at most once."))
        } else {
            Resource::find(image, kind, name).and_then(|(resource, settings)| {
                let target = Target { resource, settings, image, rules };
                let (settings, named) = wanted(index, &target)?;
                target.check(&settings, &named)?;
                decision.records.extend(resource.difference(image.node_id(), &target.settings, &settings));
                Ok(())
            })
        };
        decision.answers.push(answer);
    }
    decision.without_effect(validate_only)
}

/// Groups and subscriptions that may have settings: they need not exist, so nothing else bounds them.
const MAX_RESOURCES: usize = 100_000;

/// Since eligible leader replicas, Kafka keeps this setting for the cluster, always, and for no broker alone.
const MIN_ISR: &str = "min.insync.replicas";

/// The records that give the cluster its `min.insync.replicas`, with the value of the start, unless it has one.
pub fn cluster_settings(image: &MetadataImage, broker: &BrokerConfig) -> Vec<Record> {
    let before = &image.dynamic_broker_config().every_broker;
    let start = broker.given(MIN_ISR).or(ResourceKind::Broker.setting(MIN_ISR).and_then(|def| def.default));
    let Some(value) = start.filter(|_| !before.contains_key(MIN_ISR)) else { return Vec::new() };
    let mut after = before.clone();
    after.insert(MIN_ISR.to_owned(), value.to_owned());
    let cluster = Resource { kind: ResourceKind::Broker, name: "" };
    cluster.difference(image.node_id(), before, &after)
}

/// A resource that exists, with the settings it has now.
struct Target<'a> {
    resource: Resource<'a>,
    settings: Overrides,
    image: &'a MetadataImage,
    rules: Rules<'a>,
}

impl Target<'_> {
    /// Applies one change to the settings.
    fn change(&self, settings: &mut Overrides, change: &ConfigChange) -> Result<(), RequestError> {
        let ConfigChange { name, operation, value } = change;
        let operation = ConfigOperation::try_from(*operation).map_err(|other| {
            RequestError::new(ErrorCode::UNKNOWN_SERVER_ERROR, format!("Unknown operation {other}"))
        })?;
        if operation == ConfigOperation::Delete {
            settings.remove(name);
            return Ok(());
        }
        let value = value.as_deref().ok_or_else(|| null_value(name))?;
        let value = match operation {
            ConfigOperation::Append => self.list_change(name, value, |list, element| {
                if !list.contains(&element) {
                    list.push(element);
                }
            })?,
            ConfigOperation::Subtract => self.list_change(name, value, |list, element| {
                if let Some(at) = list.iter().position(|other| *other == element) {
                    list.remove(at);
                }
            })?,
            _ => value.to_owned(),
        };
        settings.insert(name.clone(), value);
        Ok(())
    }

    /// The resource's own list, changed by each element of a value.
    fn list_change(
        &self,
        name: &str,
        value: &str,
        change: impl for<'l> Fn(&mut Vec<&'l str>, &'l str),
    ) -> Result<String, RequestError> {
        // Lists of groups and subscriptions are set as a whole, as in Kafka.
        let whole = matches!(self.resource.kind, ResourceKind::ClientMetrics | ResourceKind::Group);
        let def = self.resource.kind.setting(name).filter(|def| def.kind == ConfigType::List && !whole);
        let def = def.ok_or_else(|| {
            let message = format!("{name} is not a list, so nothing can be added or taken out");
            RequestError::new(ErrorCode::INVALID_CONFIG, message)
        })?;
        // Kafka begins with the built-in default, whatever other layers say.
        let now = self.settings.get(name).map_or(def.default, |own| Some(own.as_str()));
        let mut list: Vec<_> = now.unwrap_or_default().split(',').filter(|element| !element.is_empty()).collect();
        // Elements are compared as they were typed; separators at the end separate nothing.
        let elements = value.trim_end_matches(',');
        if elements.len() == value.len() || !elements.is_empty() {
            elements.split(',').for_each(|element| change(&mut list, element));
        }
        Ok(list.join(","))
    }

    /// Checks the settings that the resource shall have, each by itself and together. `named` is what the request names.
    fn check(&self, settings: &Overrides, named: &[&str]) -> Result<(), RequestError> {
        let invalid = |message: String| RequestError::new(ErrorCode::INVALID_CONFIG, message);
        let (dynamic, broker) = (self.image.dynamic_broker_config(), self.rules.broker);
        let is_new = self.settings.is_empty() && !settings.is_empty();
        match self.resource.kind {
            ResourceKind::ClientMetrics | ResourceKind::Group
                if is_new && self.image.resources_with_settings() >= MAX_RESOURCES =>
            {
                Err(invalid(format!("{MAX_RESOURCES} groups and subscriptions have settings already")))
            }
            ResourceKind::Topic => {
                check_topic_overrides(settings, dynamic, broker).map_err(|error| invalid(error.to_string()))
            }
            ResourceKind::Broker => self.check_broker(settings, named),
            ResourceKind::ClientMetrics => check_client_metrics(settings).map_err(|error| match error {
                InvalidSettings::Unknown { .. } | InvalidSettings::Interval(_) => {
                    RequestError::invalid_request(error.to_string())
                }
                _ => invalid(error.to_string()),
            }),
            ResourceKind::Group => check_group(settings, dynamic, broker).map_err(|error| invalid(error.to_string())),
        }
    }

    fn check_broker(&self, settings: &Overrides, named: &[&str]) -> Result<(), RequestError> {
        let for_all = self.resource.name.is_empty();
        let before = self.image.dynamic_broker_config();
        let mut after = DynamicBrokerConfig::clone(before);
        if for_all {
            after.every_broker = settings.clone();
        } else {
            after.this_broker = settings.clone();
        }
        check_broker_changes(before, &after, self.rules.broker, for_all)
            .map_err(|error| RequestError::invalid_request(error.to_string()))?;
        let refused = if for_all {
            before.every_broker.contains_key(MIN_ISR) && !settings.contains_key(MIN_ISR)
        } else {
            named.contains(&MIN_ISR)
        };
        if refused {
            let message = format!("{MIN_ISR} is a setting of the whole cluster and cannot be left out");
            return Err(RequestError::new(ErrorCode::INVALID_CONFIG, message));
        }
        Ok(())
    }
}

/// Refuses values that are missing, and settings that are named more than once.
pub fn check_changes(changes: &[ConfigChange]) -> Result<(), RequestError> {
    let needs_value = |change: &&ConfigChange| change.operation != ConfigOperation::Delete as i8;
    if let Some(change) = changes.iter().filter(needs_value).find(|change| change.value.is_none()) {
        return Err(null_value(&change.name));
    }
    refuse_duplicates(changes.iter().map(|change| change.name.as_str()))
}

fn null_value(name: &str) -> RequestError {
    RequestError::invalid_request(format!("Null value not supported for : {name}"))
}

fn refuse_duplicates<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), RequestError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(RequestError::invalid_request(format!("The setting {name} is in the request more than once")));
        }
    }
    Ok(())
}
