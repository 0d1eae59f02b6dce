//! The layers a value comes from, as `DescribeConfigs` shows them.

use super::def::{ConfigDef, Value};
use super::{BrokerConfig, DynamicBrokerConfig, Overrides, TOPIC_SETTINGS, broker_setting, broker_settings};

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
}

/// One setting of a resource, with all the layers that have a value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// What the setting is.
    pub def: &'static ConfigDef,
    /// The value that counts; `None` if not set or secret.
    pub value: Option<String>,
    /// The layer it comes from.
    pub source: ConfigSource,
    /// Every layer with a value, the strongest first.
    pub synonyms: Vec<ConfigSynonym>,
}

/// A layer with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The setting that holds the value.
    pub name: &'static str,
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
    /// The text as Kafka shows it: without white space around the value and its elements, and without duplicates.
    fn shown(&self) -> String {
        self.def.parse(self.text).map_or_else(|_| self.text.to_owned(), |value| value.to_string())
    }
}

impl<'a> Layers<'a> {
    /// The values of one broker setting, the strongest first.
    fn of_broker(self, name: &str) -> impl Iterator<Item = Found<'a>> + use<'a> {
        let def = broker_setting(name);
        let layers = def.map(|def| {
            [
                (self.dynamic.this_broker.get(def.name).map(String::as_str), ConfigSource::DynamicBroker),
                (self.dynamic.every_broker.get(def.name).map(String::as_str), ConfigSource::DynamicDefaultBroker),
                (self.broker.given(def.name), ConfigSource::StaticBroker),
                (def.default, ConfigSource::Default),
            ]
        });
        layers
            .into_iter()
            .flatten()
            .filter_map(move |(text, source)| def.zip(text).map(|(def, text)| Found { def, text, source }))
    }

    /// The values that count for a topic setting, the strongest first: the topic's own, then those of each synonym.
    fn of_topic(self, def: &'static ConfigDef) -> impl Iterator<Item = Found<'a>> {
        let own = self.overrides.get(def.name).map(|text| Found { def, text, source: ConfigSource::Topic });
        own.into_iter().chain(def.synonyms.iter().flat_map(move |synonym| self.of_broker(synonym)))
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
        let (own, mut found): (Vec<_>, Vec<_>) =
            layers.of_topic(def).partition(|found| found.source == ConfigSource::Topic);
        // Kafka leaves the synonyms out when the first of several is not set and all others are defaults.
        let only_defaults = found.iter().all(|found| found.source == ConfigSource::Default);
        if only_defaults && found.first().map(|found| found.def.name) != def.synonyms.first().copied() {
            found.clear();
        }
        found.splice(0..0, own);
        let value = match found.first() {
            Some(first) if first.source == ConfigSource::Topic => Some(first.shown()),
            _ => layers.effective(def).map(|value| value.to_string()),
        };
        entry(def, value, &found)
    };
    TOPIC_SETTINGS.iter().map(describe).collect()
}

/// All settings of this broker, sorted by name.
pub fn describe_broker(dynamic: &DynamicBrokerConfig, broker: &BrokerConfig) -> Vec<ConfigEntry> {
    let layers = Layers { overrides: &Overrides::new(), dynamic, broker };
    let describe = |def: &&'static ConfigDef| {
        let mut found: Vec<_> = layers.of_broker(def.name).collect();
        let value = found.first().map(Found::shown);
        if !found.is_empty() {
            found.extend(def.synonyms.iter().flat_map(|synonym| layers.of_broker(synonym)));
        }
        entry(def, value, &found)
    };
    broker_settings().iter().map(describe).collect()
}

/// The settings that were changed at run time for every broker, which is what `DescribeConfigs` shows for the broker
/// without a name.
pub fn describe_broker_defaults(dynamic: &DynamicBrokerConfig) -> Vec<ConfigEntry> {
    let describe = |(name, value): (&String, &String)| {
        let def = broker_setting(name)?;
        let found = [Found { def, text: value, source: ConfigSource::DynamicDefaultBroker }];
        Some(entry(def, found.first().map(Found::shown), &found))
    };
    dynamic.every_broker.iter().filter_map(describe).collect()
}

fn entry(def: &'static ConfigDef, value: Option<String>, found: &[Found<'_>]) -> ConfigEntry {
    ConfigEntry {
        def,
        value: value.filter(|_| !def.sensitive),
        source: found.first().map_or(ConfigSource::Default, |first| first.source),
        synonyms: found
            .iter()
            .map(|found| ConfigSynonym {
                name: found.def.name,
                value: (!found.def.sensitive).then(|| found.shown()),
                source: found.source,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::{broker, overrides};

    /// An entry as `value source [name=value source, ...]`, with Kafka's numbers for the sources.
    fn show(entries: &[ConfigEntry], name: &str) -> String {
        let entry = entries.iter().find(|entry| entry.def.name == name).unwrap();
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
        assert!(show(&topic, "retention.ms").starts_with("6000000 4 "));
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
