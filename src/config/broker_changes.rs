//! Which changes of its settings a running broker takes.

use super::def::{ConfigDef, Effect, InvalidValue, UpdateMode, Value};
use super::describe::Layers;
use super::validator::connection_counts;
use super::{BrokerConfig, DynamicBrokerConfig, Overrides, broker_setting, topic_setting};

/// Why a change of the broker's settings is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidChange {
    #[error("{0} is fixed when the broker starts")]
    Fixed(&'static str),
    #[error("{0} can be changed for one broker, not for all of them")]
    OneBrokerOnly(String),
    #[error("{name} cannot be changed: {reason}")]
    Unavailable { name: String, reason: &'static str },
    #[error(transparent)]
    Value(#[from] InvalidValue),
    #[error("{name} cannot become {wanted}: it is {now}, and one change may halve or double it")]
    Threads { name: &'static str, now: i64, wanted: i64 },
    #[error("{local} ({value}) must not be larger than {whole} ({bound})")]
    LocalRetention { local: &'static str, value: i64, whole: &'static str, bound: i64 },
    #[error("a broker keeps at most {MAX_UNKNOWN} settings that it does not know")]
    TooManyUnknown,
    #[error("max.connections.per.ip can be 0 only where max.connections.per.ip.overrides lets somebody in")]
    NobodyMayConnect,
}

/// Numbers of threads, which one change may at most halve or double.
const THREADS: &[&str] = &[
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
];

/// Topic settings: what is kept on local disks, and what is kept at all.
const LOCAL_RETENTION: &[(&str, &str)] =
    &[("local.retention.ms", "retention.ms"), ("local.retention.bytes", "retention.bytes")];
const FOLLOWS_WHOLE: i64 = -2;
const NO_BOUND: i64 = -1;

/// Settings that nobody knows are kept, as in Kafka, but not without end.
const MAX_UNKNOWN: usize = 1000;

const LISTENER_PREFIX: &str = "listener.name.";

/// Checks what the settings changed at run time shall be; `for_all` tells whether the change is one for every broker.
/// Names that no setting has are let pass, as in Kafka: they may be meant for something else that reads them.
pub fn check_broker_changes(
    before: &DynamicBrokerConfig,
    after: &DynamicBrokerConfig,
    broker: &BrokerConfig,
    for_all: bool,
) -> Result<(), InvalidChange> {
    let settings = if for_all { &after.every_broker } else { &after.this_broker };
    let known = |name: &String| broker_setting(name);
    if let Some(def) = settings.keys().filter_map(known).find(|def| def.is_read_only()) {
        return Err(InvalidChange::Fixed(def.name));
    }
    if settings.keys().filter(|name| known(name).is_none()).count() > MAX_UNKNOWN {
        return Err(InvalidChange::TooManyUnknown);
    }
    for (name, value) in settings {
        match broker_setting(name) {
            Some(def) => check_change(def, value, broker, for_all)?,
            None if for_all && name.starts_with(LISTENER_PREFIX) => {
                return Err(InvalidChange::OneBrokerOnly(name.clone()));
            }
            None => {}
        }
    }
    let overrides = &Overrides::new();
    check_together(Layers { overrides, dynamic: before, broker }, Layers { overrides, dynamic: after, broker })
}

fn check_change(
    def: &'static ConfigDef,
    value: &str,
    broker: &BrokerConfig,
    for_all: bool,
) -> Result<(), InvalidChange> {
    if for_all && def.update_mode == UpdateMode::PerBroker {
        return Err(InvalidChange::OneBrokerOnly(def.name.to_owned()));
    }
    let parsed = def.parse(value)?;
    let now = broker.given(def.name).or(def.default);
    match def.effect {
        Effect::Unavailable(reason) if now.and_then(|text| def.parse(text).ok()).as_ref() != Some(&parsed) => {
            Err(InvalidChange::Unavailable { name: def.name.to_owned(), reason })
        }
        _ => Ok(()),
    }
}

/// Rules that no single setting shows.
fn check_together(before: Layers<'_>, after: Layers<'_>) -> Result<(), InvalidChange> {
    for def in THREADS.iter().filter_map(|name| broker_setting(name)) {
        let (Some(now), Some(wanted)) = (before.broker_integer(def), after.broker_integer(def)) else { continue };
        if wanted != now && !(now / 2..=now.saturating_mul(2)).contains(&wanted) {
            return Err(InvalidChange::Threads { name: def.name, now, wanted });
        }
    }
    for (local, whole) in LOCAL_RETENTION {
        let (Some(value), Some(bound)) = (topic_integer(after, local), topic_integer(after, whole)) else { continue };
        if value != FOLLOWS_WHOLE && bound != NO_BOUND && (value == NO_BOUND || value > bound) {
            return Err(InvalidChange::LocalRetention { local, value, whole, bound });
        }
    }
    let text = |name| broker_setting(name).and_then(|def| after.broker_text(def)).unwrap_or_default();
    let nobody = broker_setting("max.connections.per.ip").and_then(|def| after.broker_integer(def)) == Some(0);
    if nobody && connection_counts(text("max.connections.per.ip.overrides")).is_ok_and(|pairs| pairs.is_empty()) {
        return Err(InvalidChange::NobodyMayConnect);
    }
    Ok(())
}

/// The number that a topic without settings of its own gets.
fn topic_integer(layers: Layers<'_>, name: &str) -> Option<i64> {
    match layers.effective(topic_setting(name)?) {
        Some(Value::Integer(number)) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::{broker, overrides};

    fn change(name: &str, value: &str, for_all: bool) -> Result<(), String> {
        let mut after = DynamicBrokerConfig::default();
        let settings = if for_all { &mut after.every_broker } else { &mut after.this_broker };
        *settings = overrides(&[(name, value)]);
        check_broker_changes(&DynamicBrokerConfig::default(), &after, &broker(&[]), for_all)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_setting_says_who_can_change_it() {
        assert_eq!(change("log.retention.ms", "5", true), Ok(()));
        assert!(change("num.partitions", "1", false).unwrap_err().contains("fixed"));
        assert_eq!(change("cordoned.log.dirs", "*", false), Ok(()));
        assert!(change("cordoned.log.dirs", "*", true).unwrap_err().contains("for one broker"));
        assert_eq!(change("no.such.setting", "1", true), Ok(()));
        assert!(change("ssl.keystore.location", "/keys", false).unwrap_err().contains("no TLS"));
    }

    #[test]
    fn threads_are_at_most_doubled() {
        assert_eq!(change("num.io.threads", "16", false), Ok(()));
        assert!(change("num.io.threads", "17", false).is_err());
        assert!(change("num.io.threads", "3", true).is_err());
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(change("log.local.retention.ms", "604800001", false).is_err());
        assert_eq!(change("log.local.retention.bytes", "10", false), Ok(()));
        assert!(change("max.connections.per.ip", "0", false).is_err());
    }
}
