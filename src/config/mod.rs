//! Settings: which exist, what they accept, where a value comes from.
//!
//! A leaf of the house: it knows no disk, no socket and no other room. [`TOPIC_SETTINGS`] and [`broker_settings()`] are
//! tables of facts; [`BrokerConfig`] is what the broker was started with; [`TopicConfig`] is what one topic gets when
//! its own settings, the broker settings changed at run time, those of the start and the defaults are laid over each
//! other, [`LiveSettings`] the same for what else follows changes; [`describe_topic`], [`describe_broker`] and the others
//! show the layers to `DescribeConfigs`. Whatever these types hold has been checked.

mod broker;
mod broker_changes;
mod broker_settings;
mod client_metrics;
mod def;
mod describe;
#[cfg(test)]
mod documented;
mod group;
mod listener;
mod live;
mod reasons;
mod sources;
mod topic;
mod topic_settings;
mod validator;
mod values;

use std::collections::BTreeMap;

pub use broker::{BrokerConfig, Durability, ListedSetting, RecordValidation};
pub use broker_changes::{InvalidChange, check_broker_changes};
pub use broker_settings::{broker_setting, broker_settings};
pub use client_metrics::{CLIENT_METRICS_SETTINGS, check_client_metrics};
pub use def::{ConfigDef, ConfigType, Effect, Importance, InvalidValue, UpdateMode, Value};
pub use describe::{
    ConfigEntry, ConfigSource, ConfigSynonym, describe_broker, describe_broker_defaults, describe_client_metrics,
    describe_created_topic, describe_group, describe_topic,
};
pub use group::{GROUP_SETTINGS, InvalidSettings, check_group};
pub use listener::{AdvertiseReason, Advertised, HostPort, Listener, ListenerError};
pub use live::LiveSettings;
pub use sources::{ConfigError, Setting, SettingSource, environment};
pub use topic::{
    CleanupPolicy, InvalidOverrides, StoredCompression, TimestampType, TopicConfig, check_topic_overrides,
};
pub use topic_settings::TOPIC_SETTINGS;
pub use validator::Validator;
pub use values::{ConnectionLimits, GroupSettings, OffsetsSettings, QuotaSettings, TransactionSettings};

/// Settings of one resource by name, as text that has been checked.
pub type Overrides = BTreeMap<String, String>;

/// Broker settings that were changed while the broker runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DynamicBrokerConfig {
    /// For this broker alone; the stronger of the two.
    pub this_broker: Overrides,
    /// For every broker of the cluster.
    pub every_broker: Overrides,
}

/// The setting of a topic with this name.
pub fn topic_setting(name: &str) -> Option<&'static ConfigDef> {
    TOPIC_SETTINGS.binary_search_by(|def| def.name.cmp(name)).ok().and_then(|index| TOPIC_SETTINGS.get(index))
}

/// The name among `names` that somebody who typed `typed` most likely meant.
pub fn nearest_name<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.75;
    let typed = typed.to_ascii_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&typed, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod given {
    //! Settings of tests.

    use super::{BrokerConfig, Overrides, Setting, SettingSource};

    pub(super) fn overrides(pairs: &[(&str, &str)]) -> Overrides {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    pub(super) fn broker(pairs: &[(&str, &str)]) -> BrokerConfig {
        let setting = |(name, value): &(&str, &str)| Setting {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            source: SettingSource::Override,
        };
        BrokerConfig::from_sources(pairs.iter().map(setting)).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static ConfigDef> {
        let others = GROUP_SETTINGS.iter().chain(CLIENT_METRICS_SETTINGS);
        TOPIC_SETTINGS.iter().chain(broker_settings().iter().copied()).chain(others)
    }

    #[test]
    fn tables_are_sorted_and_have_no_duplicates() {
        assert!(TOPIC_SETTINGS.is_sorted_by(|a, b| a.name < b.name));
        assert!(broker_settings().is_sorted_by(|a, b| a.name < b.name));
        assert!(GROUP_SETTINGS.is_sorted_by(|a, b| a.name < b.name));
        assert!(CLIENT_METRICS_SETTINGS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for def in all() {
            assert!(!def.doc.is_empty(), "{} has no documentation", def.name);
            if let Some(default) = def.default {
                let value = def.parse(default).unwrap_or_else(|error| panic!("{error}"));
                assert!(!matches!(value, Value::Double(_)) || def.kind == ConfigType::Double);
            }
        }
    }

    #[test]
    fn every_synonym_is_a_broker_setting_with_the_same_default() {
        for def in all() {
            for synonym in def.synonyms {
                assert!(broker_setting(synonym).is_some(), "{synonym}, a synonym of {}, is not in the table", def.name);
            }
        }
        for def in TOPIC_SETTINGS {
            let [synonym] = def.synonyms else { continue };
            assert_eq!(broker_setting(synonym).and_then(|broker| broker.default), def.default, "{}", def.name);
        }
    }

    #[test]
    fn a_typing_error_finds_its_name() {
        let names = || TOPIC_SETTINGS.iter().map(|def| def.name);
        assert_eq!(nearest_name("retention.m", names()), Some("retention.ms"));
        assert_eq!(nearest_name("Cleanup.Polcy", names()), Some("cleanup.policy"));
        assert_eq!(nearest_name("no.such.config", names()), None);
    }
}
