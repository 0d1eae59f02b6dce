//! Settings of topics, brokers and groups: what holds and where it comes from, and how it is changed.

use std::collections::HashMap;
use std::fmt;

use bytestring::ByteString;
use naru_protocol::ApiKey;
use naru_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use naru_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use naru_protocol::messages::list_config_resources::ListConfigResourcesRequest;

use super::call::{Twice, check, in_order, single};
use super::{Admin, Each};
use crate::call::Target;
use crate::error::Error;

/// What has settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigResource {
    /// A topic.
    Topic(ByteString),
    /// A broker, by id: it is asked itself.
    Broker(i32),
    /// What holds for every broker that has no setting of its own.
    BrokerDefaults,
    /// A group.
    Group(ByteString),
    /// A subscription to metrics of clients (KIP-714), by name.
    ClientMetrics(ByteString),
    /// The loggers of a broker, by its id: each is a setting whose value is its level.
    BrokerLogger(i32),
}

/// The kinds of [`ConfigResource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigResourceKind {
    /// Topics.
    Topic = 2,
    /// Brokers.
    Broker = 4,
    /// The loggers of brokers.
    BrokerLogger = 8,
    /// Subscriptions to metrics of clients.
    ClientMetrics = 16,
    /// Groups.
    Group = 32,
}

impl ConfigResource {
    /// A topic.
    pub fn topic(name: impl Into<ByteString>) -> Self {
        Self::Topic(name.into())
    }

    /// A group.
    pub fn group(id: impl Into<ByteString>) -> Self {
        Self::Group(id.into())
    }

    /// A subscription to metrics of clients.
    pub fn client_metrics(name: impl Into<ByteString>) -> Self {
        Self::ClientMetrics(name.into())
    }

    /// What kind it is of.
    pub fn kind(&self) -> ConfigResourceKind {
        match self {
            Self::Topic(_) => ConfigResourceKind::Topic,
            Self::Broker(_) | Self::BrokerDefaults => ConfigResourceKind::Broker,
            Self::Group(_) => ConfigResourceKind::Group,
            Self::ClientMetrics(_) => ConfigResourceKind::ClientMetrics,
            Self::BrokerLogger(_) => ConfigResourceKind::BrokerLogger,
        }
    }

    /// Type and name on the wire.
    fn to_wire(&self) -> (i8, ByteString) {
        let name = match self {
            Self::Topic(name) | Self::Group(name) | Self::ClientMetrics(name) => name.clone(),
            Self::Broker(id) | Self::BrokerLogger(id) => id.to_string().into(),
            Self::BrokerDefaults => ByteString::new(),
        };
        (self.kind() as i8, name)
    }

    /// What a broker names by type and name; `None` for a type that this version does not know.
    fn from_wire(kind: i8, name: ByteString) -> Option<Self> {
        match kind {
            2 => Some(Self::Topic(name)),
            4 if name.is_empty() => Some(Self::BrokerDefaults),
            4 => name.parse().ok().map(Self::Broker),
            8 => name.parse().ok().map(Self::BrokerLogger),
            16 => Some(Self::ClientMetrics(name)),
            32 => Some(Self::Group(name)),
            _ => None,
        }
    }

    /// Who knows: a broker's settings are partly in its own files.
    fn target(&self, others: Target) -> Target {
        match self {
            Self::Broker(id) | Self::BrokerLogger(id) => Target::Node(*id),
            _ => others,
        }
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name:?}"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::BrokerDefaults => f.write_str("the defaults of all brokers"),
            Self::Group(id) => write!(f, "group {id:?}"),
            Self::ClientMetrics(name) => write!(f, "client metrics {name:?}"),
            Self::BrokerLogger(id) => write!(f, "the loggers of broker {id}"),
        }
    }
}

/// A setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigEntry {
    /// Kafka's name, as `retention.ms`.
    pub name: ByteString,
    /// The value; none where none is set, and for a secret.
    pub value: Option<ByteString>,
    /// Which layer the value comes from.
    pub source: ConfigSource,
    /// Whether it can only be changed in the broker's file.
    pub read_only: bool,
    /// Whether it is a secret, whose value is not told.
    pub sensitive: bool,
    /// What kind of value it takes.
    pub value_type: ConfigType,
    /// What it is for, in the broker's words; none where the broker is too old to tell (before Kafka 2.6).
    pub documentation: Option<ByteString>,
    /// Every layer that has a value, the one that holds first.
    pub synonyms: Vec<ConfigSynonym>,
}

impl ConfigEntry {
    /// Whether nobody has set it.
    pub fn is_default(&self) -> bool {
        self.source == ConfigSource::Default
    }
}

/// One layer's value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigSynonym {
    /// The name in that layer: a topic's `retention.ms` is a broker's `log.retention.ms`.
    pub name: ByteString,
    /// The value; none for a secret.
    pub value: Option<ByteString>,
    /// The layer.
    pub source: ConfigSource,
}

/// The layers of settings, in Kafka's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// Set for the topic.
    Topic,
    /// Set for this broker while it ran.
    Broker,
    /// Set for all brokers while they ran.
    BrokerDefaults,
    /// From the broker's file or command line.
    StaticBroker,
    /// Built in.
    Default,
    /// Set for the logger of a broker.
    BrokerLogger,
    /// Set for client metrics.
    ClientMetrics,
    /// Set for the group.
    Group,
    /// A layer that this version does not know, or none told.
    Unknown,
}

impl ConfigSource {
    fn from_wire(source: i8) -> Self {
        match source {
            1 => Self::Topic,
            2 => Self::Broker,
            3 => Self::BrokerDefaults,
            4 => Self::StaticBroker,
            5 => Self::Default,
            6 => Self::BrokerLogger,
            7 => Self::ClientMetrics,
            8 => Self::Group,
            _ => Self::Unknown,
        }
    }

    /// A word for it, as in `topic`, `default`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
            Self::BrokerDefaults => "all brokers",
            Self::StaticBroker => "file",
            Self::Default => "default",
            Self::BrokerLogger => "logger",
            Self::ClientMetrics => "client metrics",
            Self::Group => "group",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// A number of 32 bits.
    Int,
    /// A number of 16 bits.
    Short,
    /// A number of 64 bits.
    Long,
    /// A number with a fraction.
    Double,
    /// Entries between commas.
    List,
    /// The name of a class.
    Class,
    /// A secret.
    Password,
    /// A type that this version does not know, or none told.
    Unknown,
}

impl ConfigType {
    fn from_wire(value_type: i8) -> Self {
        match value_type {
            1 => Self::Boolean,
            2 => Self::String,
            3 => Self::Int,
            4 => Self::Short,
            5 => Self::Long,
            6 => Self::Double,
            7 => Self::List,
            8 => Self::Class,
            9 => Self::Password,
            _ => Self::Unknown,
        }
    }
}

/// A change of one setting.
///
/// ```
/// use naru_client::admin::ConfigChange;
///
/// let changes = [ConfigChange::set("retention.ms", "3600000"), ConfigChange::unset("segment.bytes")];
/// assert_eq!(changes[1].name(), "segment.bytes");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    name: ByteString,
    operation: Operation,
    value: Option<ByteString>,
}

/// The operations of KIP-339, with their numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Set = 0,
    Delete = 1,
    Append = 2,
    Subtract = 3,
}

impl ConfigChange {
    /// Sets a value.
    pub fn set(name: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        Self { name: name.into(), operation: Operation::Set, value: Some(value.into()) }
    }

    /// Takes the value away: the next layer's holds.
    pub fn unset(name: impl Into<ByteString>) -> Self {
        Self { name: name.into(), operation: Operation::Delete, value: None }
    }

    /// Adds entries, between commas, to a setting that is a list.
    pub fn append(name: impl Into<ByteString>, entries: impl Into<ByteString>) -> Self {
        Self { name: name.into(), operation: Operation::Append, value: Some(entries.into()) }
    }

    /// Takes entries, between commas, out of a setting that is a list.
    pub fn subtract(name: impl Into<ByteString>, entries: impl Into<ByteString>) -> Self {
        Self { name: name.into(), operation: Operation::Subtract, value: Some(entries.into()) }
    }

    /// The setting's name.
    pub fn name(&self) -> &ByteString {
        &self.name
    }

    fn to_wire(&self) -> AlterableConfig {
        AlterableConfig { name: self.name.clone(), config_operation: self.operation as i8, value: self.value.clone() }
    }
}

impl Admin {
    /// Everything of these kinds that has settings: every topic and every broker, and the groups and subscriptions that were
    /// given some. Without a kind, everything of every kind. Brokers before Kafka 4.1 know subscriptions alone.
    ///
    /// ```no_run
    /// use naru_client::admin::ConfigResourceKind;
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for group in admin.list_config_resources([ConfigResourceKind::Group]).await? {
    ///     println!("{group} has settings of its own");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_config_resources(
        &self,
        kinds: impl IntoIterator<Item = ConfigResourceKind>,
    ) -> Result<Vec<ConfigResource>, Error> {
        let resource_types: Vec<i8> = kinds.into_iter().map(|kind| kind as i8).collect();
        self.one(self.deadline(), Twice::Harmless, || self.list_config_resources_once(resource_types.clone())).await
    }

    async fn list_config_resources_once(&self, resource_types: Vec<i8>) -> Result<Vec<ConfigResource>, Error> {
        // Version 0 knows subscriptions alone.
        let oldest = i16::from(resource_types != [ConfigResourceKind::ClientMetrics as i8]);
        let request = |_| ListConfigResourcesRequest { resource_types };
        let answer = self.ask(Target::Any, oldest..=1, request).await?;
        check(ApiKey::ListConfigResources, answer.error_code, None)?;
        let named = answer.config_resources.into_iter();
        Ok(named.filter_map(|found| ConfigResource::from_wire(found.resource_type, found.resource_name)).collect())
    }

    /// All settings of a topic, a broker or a group, with their sources, by name. [`Error::is_not_found`] when there is no
    /// such topic.
    ///
    /// ```no_run
    /// use naru_client::admin::{ConfigChange, ConfigResource};
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// let orders = ConfigResource::topic("orders");
    /// admin.alter_config(orders.clone(), [ConfigChange::set("retention.ms", "3600000")]).await?;
    /// for entry in admin.describe_config(orders).await?.iter().filter(|entry| !entry.is_default()) {
    ///     println!("{}={} ({})", entry.name, entry.value.as_deref().unwrap_or_default(), entry.source);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn describe_config(&self, resource: ConfigResource) -> Result<Vec<ConfigEntry>, Error> {
        single(self.describe_configs([resource]).await)
    }

    /// All settings of topics, brokers and groups.
    pub async fn describe_configs(
        &self,
        resources: impl IntoIterator<Item = ConfigResource>,
    ) -> Result<Each<ConfigResource, Vec<ConfigEntry>>, Error> {
        let resources = resources.into_iter().collect();
        self.each(self.deadline(), Twice::Harmless, resources, |resources| self.describe_configs_once(resources)).await
    }

    async fn describe_configs_once(
        &self,
        resources: Vec<ConfigResource>,
    ) -> Result<Vec<Result<Vec<ConfigEntry>, Error>>, Error> {
        let mut answers = HashMap::new();
        for (target, resources) in by_target(&resources, Target::Any, |resource| resource) {
            let resource = |(resource_type, resource_name)| DescribeConfigsResource {
                resource_type,
                resource_name,
                configuration_keys: None,
            };
            let request = |version| DescribeConfigsRequest {
                resources: resources.iter().map(|wanted| resource(wanted.to_wire())).collect(),
                include_synonyms: true,
                include_documentation: version >= 3,
            };
            let results = match self.ask(target, 1..=4, request).await {
                Ok(answer) => answer.results,
                Err(error) => {
                    answers.extend(resources.iter().map(|resource| (resource.to_wire(), Err(error.clone()))));
                    continue;
                }
            };
            for described in results {
                let answered = check(ApiKey::DescribeConfigs, described.error_code, described.error_message.as_deref());
                let entries = answered.map(|()| entries(described.configs));
                answers.insert((described.resource_type, described.resource_name), entries);
            }
        }
        let keys: Vec<_> = resources.iter().map(ConfigResource::to_wire).collect();
        Ok(in_order(ApiKey::DescribeConfigs, &keys, &answers))
    }

    /// Changes settings of a topic, a broker or a group, all of them or none.
    pub async fn alter_config(
        &self,
        resource: ConfigResource,
        changes: impl IntoIterator<Item = ConfigChange>,
    ) -> Result<(), Error> {
        single(self.alter_configs([(resource, changes.into_iter().collect())]).await)
    }

    /// Changes settings of topics, brokers and groups: for each of these all changes or none (KIP-339).
    pub async fn alter_configs(
        &self,
        changes: impl IntoIterator<Item = (ConfigResource, Vec<ConfigChange>)>,
    ) -> Result<Each<ConfigResource, ()>, Error> {
        let changes = changes.into_iter().collect();
        let attempt = |changes| self.alter_configs_once(changes);
        let altered = self.each(self.deadline(), Twice::Harmless, changes, attempt).await?;
        Ok(altered.into_iter().map(|((resource, _), result)| (resource, result)).collect())
    }

    async fn alter_configs_once(
        &self,
        changes: Vec<(ConfigResource, Vec<ConfigChange>)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let mut answers = HashMap::new();
        for (target, changes) in by_target(&changes, Target::Controller, |(resource, _)| resource) {
            let resource = |(resource, changes): &(ConfigResource, Vec<ConfigChange>)| {
                let (resource_type, resource_name) = resource.to_wire();
                let configs = changes.iter().map(ConfigChange::to_wire).collect();
                AlterConfigsResource { resource_type, resource_name, configs }
            };
            let request = |_| IncrementalAlterConfigsRequest {
                resources: changes.iter().map(|change| resource(change)).collect(),
                validate_only: self.dry_run,
            };
            let responses = match self.ask(target, 0..=1, request).await {
                Ok(answer) => answer.responses,
                Err(error) => {
                    answers.extend(changes.iter().map(|(resource, _)| (resource.to_wire(), Err(error.clone()))));
                    continue;
                }
            };
            for altered in responses {
                let api = ApiKey::IncrementalAlterConfigs;
                let result = check(api, altered.error_code, altered.error_message.as_deref());
                answers.insert((altered.resource_type, altered.resource_name), result);
            }
        }
        let keys: Vec<_> = changes.iter().map(|(resource, _)| resource.to_wire()).collect();
        Ok(in_order(ApiKey::IncrementalAlterConfigs, &keys, &answers))
    }
}

/// What each broker is to be asked.
fn by_target<T>(entries: &[T], others: Target, resource: impl Fn(&T) -> &ConfigResource) -> HashMap<Target, Vec<&T>> {
    let mut groups: HashMap<Target, Vec<&T>> = HashMap::new();
    for entry in entries {
        groups.entry(resource(entry).target(others)).or_default().push(entry);
    }
    groups
}

fn entries(configs: Vec<DescribeConfigsResourceResult>) -> Vec<ConfigEntry> {
    let mut entries: Vec<ConfigEntry> = configs.into_iter().map(entry).collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}

fn entry(config: DescribeConfigsResourceResult) -> ConfigEntry {
    let synonyms = config.synonyms.into_iter().map(|synonym| ConfigSynonym {
        name: synonym.name,
        value: synonym.value,
        source: ConfigSource::from_wire(synonym.source),
    });
    ConfigEntry {
        name: config.name,
        value: config.value,
        source: ConfigSource::from_wire(config.config_source),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
        value_type: ConfigType::from_wire(config.config_type),
        documentation: config.documentation,
        synonyms: synonyms.collect(),
    }
}
