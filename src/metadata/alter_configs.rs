//! Changing settings of topics and of the broker.

use std::collections::{BTreeSet, HashMap, HashSet};

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::state::cluster_metadata::config::ConfigRecord;

use super::topic_name::check_topic_name;
use super::{Decision, MetadataImage, RequestError, Rules};
use crate::config::{
    self, ConfigDef, ConfigType, DynamicBrokerConfig, Overrides, Value, broker_setting, broker_settings,
    check_topic_overrides, describe_broker, describe_topic, topic_setting,
};

/// What has settings that can be changed; the numbers are those of the wire and of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A topic, by name.
    Topic = 2,
    /// The broker, by number; without a name, every broker.
    Broker = 4,
}

impl TryFrom<i8> for ResourceKind {
    type Error = i8;

    fn try_from(number: i8) -> Result<Self, i8> {
        match number {
            2 => Ok(Self::Topic),
            4 => Ok(Self::Broker),
            other => Err(other),
        }
    }
}

impl ResourceKind {
    /// Checks that the name of a broker resource is this broker's number.
    pub(super) fn check_broker(name: &str, node_id: i32) -> Result<(), RequestError> {
        match name.parse::<i32>() {
            Ok(number) if number == node_id => Ok(()),
            Ok(number) => Err(RequestError::invalid_request(format!("This is broker {node_id}, not {number}."))),
            Err(_) => {
                Err(RequestError::invalid_request(format!("A broker resource is named by its number, not {name:?}.")))
            }
        }
    }
}

/// A resource of an `AlterConfigs` request: these are all the settings it shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterConfigs {
    /// The number of the resource type, as it arrived.
    pub kind: i8,
    /// Name of the topic, number of the broker, or empty for every broker.
    pub name: String,
    /// Every setting of its own; what is not here goes back to its default.
    pub configs: Vec<(String, Option<String>)>,
}

/// A resource of an `IncrementalAlterConfigs` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncrementalAlterConfigs {
    /// The number of the resource type, as it arrived.
    pub kind: i8,
    /// Name of the topic, number of the broker, or empty for every broker.
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
    decide(image, rules, &names, validate_only, |index, target| {
        let configs = &resources.get(index).ok_or(ErrorCode::INVALID_REQUEST)?.configs;
        refuse_duplicates(configs.iter().map(|(name, _)| name.as_str()))?;
        let mut settings = Overrides::new();
        for (name, value) in configs {
            let value = value.clone().ok_or_else(|| null_value(name))?;
            settings.insert(name.clone(), value);
        }
        target.refuse_read_only(configs.iter().map(|(name, _)| name.as_str()))?;
        Ok(settings)
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
    let names: Vec<_> = resources.iter().map(|resource| (resource.kind, resource.name.as_str())).collect();
    decide(image, rules, &names, validate_only, |index, target| {
        let changes = &resources.get(index).ok_or(ErrorCode::INVALID_REQUEST)?.changes;
        refuse_duplicates(changes.iter().map(|change| change.name.as_str()))?;
        let mut settings = target.settings.clone();
        for change in changes {
            target.change(&mut settings, change)?;
        }
        target.refuse_read_only(changes.iter().map(|change| change.name.as_str()))?;
        Ok(settings)
    })
}

/// What both requests share: `wanted` makes the settings that the resource with this index shall have.
fn decide(
    image: &MetadataImage,
    rules: Rules<'_>,
    names: &[(i8, &str)],
    validate_only: bool,
    wanted: impl Fn(usize, &Target<'_>) -> Result<Overrides, RequestError>,
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
            Target::find(image, rules, kind, name).and_then(|target| {
                let settings = wanted(index, &target)?;
                target.check(&settings)?;
                decision.records.extend(target.difference(&settings));
                Ok(())
            })
        };
        decision.answers.push(answer);
    }
    decision.without_effect(validate_only)
}

/// A resource that exists, with the settings it has now.
struct Target<'a> {
    kind: ResourceKind,
    name: &'a str,
    settings: Overrides,
    image: &'a MetadataImage,
    rules: Rules<'a>,
}

impl<'a> Target<'a> {
    fn find(image: &'a MetadataImage, rules: Rules<'a>, kind: i8, name: &'a str) -> Result<Self, RequestError> {
        let kind = ResourceKind::try_from(kind)
            .map_err(|other| RequestError::invalid_request(format!("Unknown resource type {other}")))?;
        let dynamic = image.dynamic_broker_config();
        let settings = match kind {
            ResourceKind::Topic if name.is_empty() => {
                return Err(RequestError::invalid_request("A topic resource needs the name of a topic."));
            }
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
                ResourceKind::check_broker(name, image.node_id())?;
                dynamic.this_broker.clone()
            }
        };
        Ok(Self { kind, name, settings, image, rules })
    }

    fn setting(&self, name: &str) -> Option<&'static ConfigDef> {
        match self.kind {
            ResourceKind::Topic => topic_setting(name),
            ResourceKind::Broker => broker_setting(name),
        }
    }

    /// Applies one change to the settings.
    fn change(&self, settings: &mut Overrides, change: &ConfigChange) -> Result<(), RequestError> {
        let ConfigChange { name, operation, value } = change;
        let operation = ConfigOperation::try_from(*operation)
            .map_err(|other| RequestError::invalid_request(format!("Unknown operation {other} for {name}")))?;
        if operation == ConfigOperation::Delete {
            settings.remove(name);
            return Ok(());
        }
        let value = value.as_deref().ok_or_else(|| null_value(name))?;
        let value = match operation {
            ConfigOperation::Append => self.list_change(name, value, |mut list, elements| {
                list.extend(elements);
                list
            })?,
            ConfigOperation::Subtract => self.list_change(name, value, |list, elements| {
                list.into_iter().filter(|element| !elements.contains(element)).collect()
            })?,
            _ => value.to_owned(),
        };
        settings.insert(name.clone(), value);
        Ok(())
    }

    /// The list that counts now, combined with the elements of a value.
    fn list_change(
        &self,
        name: &str,
        value: &str,
        combine: impl FnOnce(Vec<String>, Vec<String>) -> Vec<String>,
    ) -> Result<String, RequestError> {
        let invalid = |message: String| RequestError::new(ErrorCode::INVALID_CONFIG, message);
        let def = self.setting(name).filter(|def| def.kind == ConfigType::List);
        let def = def.ok_or_else(|| invalid(format!("{name} is not a list, so nothing can be added or taken out")))?;
        let parse = |text: &str| match def.parse(text) {
            Ok(Value::List(elements)) => Ok(elements),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(invalid(error.to_string())),
        };
        let elements = parse(value)?;
        if elements.is_empty() {
            return Err(invalid(format!("There is nothing in the value to add to {name} or to take out of it")));
        }
        let list = combine(parse(&self.effective(name))?, elements);
        let mut seen = HashSet::new();
        let unique: Vec<_> = list.iter().filter(|element| seen.insert(element.as_str())).map(String::as_str).collect();
        Ok(unique.join(","))
    }

    /// The value that counts now, whatever layer it comes from.
    fn effective(&self, name: &str) -> String {
        let dynamic = self.image.dynamic_broker_config();
        let entries = match self.kind {
            ResourceKind::Topic => describe_topic(&self.settings, dynamic, self.rules.broker),
            ResourceKind::Broker if self.name.is_empty() => {
                let every_broker = dynamic.every_broker.clone();
                describe_broker(&DynamicBrokerConfig { every_broker, ..Default::default() }, self.rules.broker)
            }
            ResourceKind::Broker => describe_broker(dynamic, self.rules.broker),
        };
        entries.into_iter().find(|entry| entry.def.name == name).and_then(|entry| entry.value).unwrap_or_default()
    }

    /// Broker settings that are fixed at start cannot be changed, not even to the value they have.
    fn refuse_read_only<'b>(&self, names: impl Iterator<Item = &'b str>) -> Result<(), RequestError> {
        let fixed: Vec<_> = names.filter(|name| self.setting(name).is_some_and(|def| def.read_only)).collect();
        if fixed.is_empty() {
            return Ok(());
        }
        let message = format!("These settings are fixed when the broker starts: {}", fixed.join(", "));
        Err(RequestError::invalid_request(message))
    }

    /// Checks the settings, each by itself and together.
    fn check(&self, settings: &Overrides) -> Result<(), RequestError> {
        match self.kind {
            ResourceKind::Topic => {
                let dynamic = self.image.dynamic_broker_config();
                check_topic_overrides(settings, dynamic, self.rules.broker)
                    .map_err(|error| RequestError::new(ErrorCode::INVALID_CONFIG, error.to_string()))
            }
            ResourceKind::Broker => self.check_broker(settings),
        }
    }

    fn check_broker(&self, settings: &Overrides) -> Result<(), RequestError> {
        for (name, value) in settings {
            let def = self.setting(name).ok_or_else(|| unknown_broker_setting(name))?;
            def.parse(value).map_err(|error| RequestError::invalid_request(error.to_string()))?;
        }
        let mut dynamic = DynamicBrokerConfig::clone(self.image.dynamic_broker_config());
        if self.name.is_empty() {
            dynamic.every_broker = settings.clone();
        } else {
            dynamic.this_broker = settings.clone();
        }
        check_topic_overrides(&Overrides::new(), &dynamic, self.rules.broker)
            .map_err(|error| RequestError::invalid_request(error.to_string()))
    }

    /// The records that turn the settings the resource has into these.
    fn difference(&self, settings: &Overrides) -> Vec<Record> {
        let names: BTreeSet<&String> = self.settings.keys().chain(settings.keys()).collect();
        names
            .into_iter()
            .filter(|name| self.settings.get(*name) != settings.get(*name))
            .map(|name| {
                ConfigRecord {
                    resource_type: self.kind as i8,
                    resource_name: self.name.into(),
                    name: name.as_str().into(),
                    value: settings.get(name).map(|value| value.as_str().into()),
                }
                .into()
            })
            .collect()
    }
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

fn unknown_broker_setting(name: &str) -> RequestError {
    let nearest = config::nearest_name(name, broker_settings().iter().map(|def| def.name));
    let hint = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    RequestError::new(ErrorCode::INVALID_CONFIG, format!("Unknown broker config name: {name}{hint}"))
}
