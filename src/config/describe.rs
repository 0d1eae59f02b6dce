//! The layers a value comes from, as `DescribeConfigs` shows them.

use std::borrow::Cow;

use super::def::{ConfigDef, ConfigType, Value};
use super::{
    BrokerConfig, CLIENT_METRICS_SETTINGS, DynamicBrokerConfig, GROUP_SETTINGS, Overrides, TOPIC_SETTINGS,
    broker_setting, broker_settings,
};

/// Where a value comes from; the numbers are those of `DescribeConfigs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic's own setting.
    Topic = 1,
    /// Changed at run time for this broker.
    DynamicBroker = 2,
    /// Changed at run time for every broker.
    DynamicDefaultBroker = 3,
    /// Given when the broker was started.
    StaticBroker = 4,
    /// Nobody set it.
    Default = 5,
    /// Set for a logger of this broker.
    BrokerLogger = 6,
    /// Set for a subscription of client metrics.
    ClientMetrics = 7,
    /// Set for a group.
    Group = 8,
}

/// One setting of a resource, with all the layers that have a value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The setting.
    pub name: Cow<'static, str>,
    /// Its type; `None` if no setting is known by this name.
    pub kind: Option<ConfigType>,
    /// What it is for; `None` if no setting is known by this name.
    pub doc: Option<&'static str>,
    /// The value that counts; `None` if not set or secret.
    pub value: Option<String>,
    /// The layer it comes from.
    pub source: ConfigSource,
    /// The value is fixed when the broker starts.
    pub read_only: bool,
    /// The value is never shown.
    pub sensitive: bool,
    /// Every layer with a value, the strongest first.
    pub synonyms: Vec<ConfigSynonym>,
}

/// A layer with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The setting that holds the value.
    pub name: Cow<'static, str>,
    /// Its text, in that setting's unit; `None` if secret.
    pub value: Option<String>,
    /// The layer.
    pub source: ConfigSource,
}

/// The settings that count for a topic, laid over each other.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    pub(super) overrides: &'a Overrides,
    pub(super) dynamic: &'a DynamicBrokerConfig,
    pub(super) broker: &'a BrokerConfig,
}

/// A value found in a layer.
struct Found<'a> {
    def: &'static ConfigDef,
    text: &'a str,
    source: ConfigSource,
}

impl Found<'_> {
    /// The value in its one form: without white space around it and its elements.
    fn parsed(&self) -> String {
        self.def.parse(self.text).map_or_else(|_| self.text.to_owned(), |value| value.to_string())
    }

    /// What a layer shows: the broker's settings as they were given, those of other resources in their one form.
    fn shown(&self) -> String {
        match self.source {
            ConfigSource::Topic | ConfigSource::Group | ConfigSource::ClientMetrics => self.parsed(),
            _ => self.text.to_owned(),
        }
    }

    fn synonym(&self) -> ConfigSynonym {
        ConfigSynonym {
            name: Cow::Borrowed(self.def.name),
            value: (!self.def.sensitive).then(|| self.shown()),
            source: self.source,
        }
    }
}

impl<'a> Layers<'a> {
    /// The values of broker settings: the strongest layer first, and within a layer in the order of the names.
    fn of_broker(self, names: &[&str]) -> Vec<Found<'a>> {
        let given = |map: &'a Overrides, def: &ConfigDef| map.get(def.name).map(String::as_str);
        let layer = |source, text: &dyn Fn(&'static ConfigDef) -> Option<&'a str>| {
            let defs = names.iter().filter_map(|name| broker_setting(name));
            defs.filter_map(|def| Some(Found { def, text: text(def)?, source })).collect::<Vec<_>>()
        };
        let mut found = layer(ConfigSource::DynamicBroker, &|def| given(&self.dynamic.this_broker, def));
        found.extend(layer(ConfigSource::DynamicDefaultBroker, &|def| given(&self.dynamic.every_broker, def)));
        found.extend(layer(ConfigSource::StaticBroker, &|def| self.broker.given(def.name)));
        found.extend(layer(ConfigSource::Default, &|def| def.default));
        found
    }

    /// The values that count for a topic setting, the strongest first: the topic's own, then those of its synonyms.
    fn of_topic(self, def: &'static ConfigDef) -> impl Iterator<Item = Found<'a>> {
        let own = self.overrides.get(def.name).map(|text| Found { def, text, source: ConfigSource::Topic });
        own.into_iter().chain(self.of_broker(def.synonyms))
    }

    /// The text that counts for a broker setting.
    pub(super) fn broker_text(self, def: &'static ConfigDef) -> Option<&'a str> {
        self.of_broker(&[def.name]).first().map(|found| found.text)
    }

    /// The number that counts for a broker setting.
    pub(super) fn broker_integer(self, def: &'static ConfigDef) -> Option<i64> {
        match def.parse(self.broker_text(def)?) {
            Ok(Value::Integer(number)) => Some(number),
            _ => None,
        }
    }

    /// The value that counts for a topic setting, in the topic setting's unit.
    pub(super) fn effective(self, def: &'static ConfigDef) -> Option<Value> {
        let found =
            self.of_topic(def).find_map(|found| found.def.parse(found.text).ok().map(|value| (found.def, value)));
        match found {
            Some((from, Value::Integer(number))) => {
                Some(Value::Integer(number.saturating_mul(milliseconds(from.name))))
            }
            Some((_, value)) => Some(value),
            None => def.default.and_then(|text| def.parse(text).ok()),
        }
    }
}

/// Milliseconds in the unit of a setting, by which its value is multiplied; 1 for everything that is not a longer time.
fn milliseconds(name: &str) -> i64 {
    match name.rsplit_once('.') {
        Some((_, "hours")) => 3_600_000,
        Some((_, "minutes")) => 60_000,
        _ => 1,
    }
}

/// All settings of a topic, sorted by name.
pub fn describe_topic(overrides: &Overrides, dynamic: &DynamicBrokerConfig, broker: &BrokerConfig) -> Vec<ConfigEntry> {
    let layers = Layers { overrides, dynamic, broker };
    let describe = |def: &'static ConfigDef| {
        let (mut found, behind): (Vec<_>, Vec<_>) =
            layers.of_topic(def).partition(|found| found.source == ConfigSource::Topic);
        // Kafka shows what stands behind the first synonym, and nothing where that one has no value.
        found.extend(behind.into_iter().skip_while(|found| Some(&found.def.name) != def.synonyms.first()));
        entry(def, layers.effective(def).map(|value| value.to_string()), &found)
    };
    topic_settings(overrides).map(describe).collect()
}

/// All settings of a topic as `CreateTopics` shows them: values of the topic's own as they were given, and every layer
/// counts.
pub fn describe_created_topic(
    overrides: &Overrides,
    dynamic: &DynamicBrokerConfig,
    broker: &BrokerConfig,
) -> Vec<ConfigEntry> {
    let layers = Layers { overrides, dynamic, broker };
    let describe = |def: &'static ConfigDef| {
        let own = overrides.get(def.name).cloned();
        let value = own.or_else(|| layers.effective(def).map(|value| value.to_string()));
        entry(def, value, &layers.of_topic(def).collect::<Vec<_>>())
    };
    topic_settings(overrides).map(describe).collect()
}

/// The settings that are listed for a topic.
fn topic_settings(overrides: &Overrides) -> impl Iterator<Item = &'static ConfigDef> {
    TOPIC_SETTINGS.iter().filter(|def| !def.internal || overrides.contains_key(def.name))
}

/// All settings of this broker, sorted by name, and after them what was set under names that no setting has.
pub fn describe_broker(dynamic: &DynamicBrokerConfig, broker: &BrokerConfig) -> Vec<ConfigEntry> {
    let layers = Layers { overrides: &Overrides::new(), dynamic, broker };
    let describe = |def: &'static ConfigDef| {
        let names = [&[def.name], def.synonyms].concat();
        let found: Vec<_> = layers.of_broker(&names).into_iter().skip_while(|found| found.def != def).collect();
        entry(def, found.first().map(Found::parsed), &found)
    };
    let is_listed = |def: &&'static ConfigDef| {
        !def.internal || dynamic.this_broker.contains_key(def.name) || dynamic.every_broker.contains_key(def.name)
    };
    let mut entries: Vec<_> = broker_settings().iter().copied().filter(is_listed).map(describe).collect();
    entries.extend(unknown(&dynamic.this_broker, ConfigSource::DynamicBroker));
    let second = unknown(&dynamic.every_broker, ConfigSource::DynamicDefaultBroker);
    for other in second {
        match entries.iter_mut().find(|entry| entry.name == other.name) {
            Some(entry) => entry.synonyms.extend(other.synonyms),
            None => entries.push(other),
        }
    }
    entries
}

/// The settings that were changed at run time for every broker, which is what `DescribeConfigs` shows for the broker
/// without a name.
pub fn describe_broker_defaults(dynamic: &DynamicBrokerConfig) -> Vec<ConfigEntry> {
    let describe = |(name, text): (&String, &String)| {
        let def = broker_setting(name)?;
        let found = [Found { def, text, source: ConfigSource::DynamicDefaultBroker }];
        Some(entry(def, found.first().map(Found::parsed), &found))
    };
    let known = dynamic.every_broker.iter().filter_map(describe);
    known.chain(unknown(&dynamic.every_broker, ConfigSource::DynamicDefaultBroker)).collect()
}

/// Values under names that no setting of a broker has. They may be secrets of a plugin, so Kafka shows none.
fn unknown(overrides: &Overrides, source: ConfigSource) -> impl Iterator<Item = ConfigEntry> {
    let names = overrides.keys().filter(|name| broker_setting(name).is_none());
    names.map(move |name| ConfigEntry {
        name: Cow::Owned(name.clone()),
        kind: None,
        doc: None,
        value: None,
        source,
        read_only: true,
        sensitive: true,
        synonyms: vec![ConfigSynonym { name: Cow::Owned(name.clone()), value: None, source }],
    })
}

/// All settings of a group: its own over the broker's.
pub fn describe_group(overrides: &Overrides, dynamic: &DynamicBrokerConfig, broker: &BrokerConfig) -> Vec<ConfigEntry> {
    let layers = Layers { overrides: &Overrides::new(), dynamic, broker };
    let describe = |def: &'static ConfigDef| {
        let own = overrides.get(def.name).map(|text| Found { def, text, source: ConfigSource::Group });
        let default = def.default.filter(|_| def.synonyms.is_empty());
        let default = default.map(|text| Found { def, text, source: ConfigSource::Default });
        let found: Vec<_> = own.into_iter().chain(layers.of_broker(def.synonyms)).chain(default).collect();
        entry(def, found.first().map(Found::parsed), &found)
    };
    GROUP_SETTINGS.iter().filter(|def| !def.internal || overrides.contains_key(def.name)).map(describe).collect()
}

/// All settings of a subscription of client metrics.
pub fn describe_client_metrics(overrides: &Overrides) -> Vec<ConfigEntry> {
    let describe = |def: &'static ConfigDef| {
        let own = overrides.get(def.name).map(|text| Found { def, text, source: ConfigSource::ClientMetrics });
        let value = own.as_ref().map(Found::parsed).or_else(|| def.default.map(str::to_owned));
        entry(def, value, own.as_slice())
    };
    CLIENT_METRICS_SETTINGS.iter().map(describe).collect()
}

fn entry(def: &'static ConfigDef, value: Option<String>, found: &[Found<'_>]) -> ConfigEntry {
    ConfigEntry {
        name: Cow::Borrowed(def.name),
        kind: Some(def.kind),
        doc: Some(def.doc),
        value: value.filter(|_| !def.sensitive),
        source: found.first().map_or(ConfigSource::Default, |first| first.source),
        read_only: def.is_read_only(),
        sensitive: def.sensitive,
        synonyms: found.iter().map(Found::synonym).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::{broker, overrides};

    /// An entry as `value source [name=value source, ...]`, with Kafka's numbers for the sources.
    fn show(entries: &[ConfigEntry], name: &str) -> String {
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        let synonyms = entry
            .synonyms
            .iter()
            .map(|synonym| {
                format!("{}={} {}", synonym.name, synonym.value.as_deref().unwrap_or("null"), synonym.source as u8)
            })
            .collect::<Vec<_>>()
            .join(", ");
        format!("{} {} [{synonyms}]", entry.value.as_deref().unwrap_or("null"), entry.source as u8)
    }

    #[test]
    fn a_topic_shows_all_settings_with_their_layers() {
        let dynamic = DynamicBrokerConfig {
            this_broker: overrides(&[("message.max.bytes", "1000001")]),
            every_broker: overrides(&[("message.max.bytes", "1000002")]),
        };
        let entries =
            describe_topic(&overrides(&[("retention.ms", "1000")]), &dynamic, &broker(&[("compression.type", "gzip")]));
        assert_eq!(entries.len(), 37);
        assert_eq!(show(&entries, "retention.ms"), "1000 1 [retention.ms=1000 1]");
        assert_eq!(show(&entries, "cleanup.policy"), "delete 5 [log.cleanup.policy=delete 5]");
        assert_eq!(show(&entries, "segment.ms"), "604800000 5 []");
        assert_eq!(show(&entries, "errors.deadletterqueue.group.enable"), "false 5 []");
        assert_eq!(
            show(&entries, "max.message.bytes"),
            "1000001 2 [message.max.bytes=1000001 2, message.max.bytes=1000002 3, message.max.bytes=1048588 5]"
        );
        assert_eq!(show(&entries, "compression.type"), "gzip 4 [compression.type=gzip 4, compression.type=producer 5]");
    }

    #[test]
    fn times_in_hours_and_minutes_are_shown_in_their_own_unit() {
        let broker =
            broker(&[("log.retention.hours", "24"), ("log.retention.minutes", "100"), ("log.roll.ms", "100000")]);
        let dynamic = DynamicBrokerConfig {
            this_broker: overrides(&[("log.retention.ms", "777")]),
            every_broker: Overrides::new(),
        };
        let chain = [
            "log.retention.ms=777 2",
            "log.retention.minutes=100 4",
            "log.retention.hours=24 4",
            "log.retention.hours=168 5",
        ];
        let chain = format!("[{}]", chain.join(", "));
        let topic = describe_topic(&overrides(&[("segment.ms", "5000")]), &dynamic, &broker);
        assert_eq!(show(&topic, "retention.ms"), format!("777 2 {chain}"));
        assert_eq!(
            show(&topic, "segment.ms"),
            "5000 1 [segment.ms=5000 1, log.roll.ms=100000 4, log.roll.hours=168 5]"
        );
        let own = describe_broker(&dynamic, &broker);
        assert_eq!(show(&own, "log.retention.ms"), format!("777 2 {chain}"));
        assert_eq!(show(&own, "log.roll.ms"), "100000 4 [log.roll.ms=100000 4, log.roll.hours=168 5]");
        assert_eq!(show(&own, "log.flush.interval.ms"), "null 5 []");
        let topic = describe_topic(&Overrides::new(), &DynamicBrokerConfig::default(), &broker);
        assert_eq!(show(&topic, "retention.ms"), "6000000 5 []");
    }

    #[test]
    fn the_broker_without_a_name_shows_what_was_changed_for_all() {
        let dynamic = DynamicBrokerConfig {
            this_broker: Overrides::new(),
            every_broker: overrides(&[("message.max.bytes", "900000")]),
        };
        let entries = describe_broker_defaults(&dynamic);
        assert_eq!(entries.len(), 1);
        assert_eq!(show(&entries, "message.max.bytes"), "900000 3 [message.max.bytes=900000 3]");
    }
}
