//! Settings of groups, and the bounds that the broker's settings put on them.

use super::def::{ConfigDef, InvalidValue, Value};
use super::describe::Layers;
use super::reasons::{NO_CONSUMER_GROUPS, NO_SHARE_GROUPS, NO_STREAMS_GROUPS};
use super::{BrokerConfig, DynamicBrokerConfig, Overrides, Validator, broker_setting, nearest_name};

/// Every group setting of Kafka 4.4, sorted by name.
pub const GROUP_SETTINGS: &[ConfigDef] = &[
    ConfigDef::int("consumer.assignment.interval.ms", Some("1000"))
        .at_least(0)
        .synonyms(&["group.consumer.assignment.interval.ms"])
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Least time between two assignments of the consumer group."),
    ConfigDef::boolean("consumer.assignor.offload.enable", Some("true"))
        .synonyms(&["group.consumer.assignor.offload.enable"])
        .internal()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Compute assignments of the consumer group on a thread of their own."),
    ConfigDef::int("consumer.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .synonyms(&["group.consumer.heartbeat.interval.ms"])
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Heartbeat interval given to members of the consumer group."),
    ConfigDef::int("consumer.session.timeout.ms", Some("45000"))
        .at_least(1)
        .synonyms(&["group.consumer.session.timeout.ms"])
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Silence after which a member of the consumer group is removed."),
    ConfigDef::boolean("errors.deadletterqueue.copy.record.enable", Some("false"))
        .accepted(NO_SHARE_GROUPS)
        .doc("Write the whole record to the dead-letter topic, not only why it was given up."),
    ConfigDef::text("errors.deadletterqueue.topic.name", Some(""))
        .accepted(NO_SHARE_GROUPS)
        .doc("Dead-letter topic of the share group; none if empty."),
    ConfigDef::int("share.assignment.interval.ms", Some("1000"))
        .at_least(0)
        .synonyms(&["group.share.assignment.interval.ms"])
        .accepted(NO_SHARE_GROUPS)
        .doc("Least time between two assignments of the share group."),
    ConfigDef::boolean("share.assignor.offload.enable", Some("true"))
        .synonyms(&["group.share.assignor.offload.enable"])
        .internal()
        .accepted(NO_SHARE_GROUPS)
        .doc("Compute assignments of the share group on a thread of their own."),
    ConfigDef::text("share.auto.offset.reset", Some("latest"))
        .check(Validator::OffsetReset)
        .accepted(NO_SHARE_GROUPS)
        .doc("Where the share group begins to read a partition: `latest`, `earliest` or `by_duration:PnDTnHnMn.nS`."),
    ConfigDef::int("share.delivery.count.limit", Some("5"))
        .at_least(2)
        .synonyms(&["group.share.delivery.count.limit"])
        .accepted(NO_SHARE_GROUPS)
        .doc("Times a record is delivered to the share group before it is given up."),
    ConfigDef::int("share.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .synonyms(&["group.share.heartbeat.interval.ms"])
        .accepted(NO_SHARE_GROUPS)
        .doc("Heartbeat interval given to members of the share group."),
    ConfigDef::text("share.isolation.level", Some("read_uncommitted"))
        .one_of(&["read_committed", "read_uncommitted"])
        .accepted(NO_SHARE_GROUPS)
        .doc("Whether the share group gets records of transactions that were not committed."),
    ConfigDef::int("share.partition.max.record.locks", Some("2000"))
        .at_least(100)
        .synonyms(&["group.share.partition.max.record.locks"])
        .accepted(NO_SHARE_GROUPS)
        .doc("Records of a partition that members of the share group may hold locked."),
    ConfigDef::int("share.record.lock.duration.ms", Some("30000"))
        .at_least(1000)
        .synonyms(&["group.share.record.lock.duration.ms"])
        .accepted(NO_SHARE_GROUPS)
        .doc("How long a record is locked for the member that got it."),
    ConfigDef::boolean("share.renew.acknowledge.enable", Some("true"))
        .accepted(NO_SHARE_GROUPS)
        .doc("Let members of the share group renew the lock of a record."),
    ConfigDef::int("share.session.timeout.ms", Some("45000"))
        .at_least(1)
        .synonyms(&["group.share.session.timeout.ms"])
        .accepted(NO_SHARE_GROUPS)
        .doc("Silence after which a member of the share group is removed."),
    ConfigDef::long("streams.acceptable.recovery.lag", Some("10000"))
        .at_least(0)
        .synonyms(&["group.streams.acceptable.recovery.lag"])
        .internal()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Lag up to which a task of the streams group counts as caught up."),
    ConfigDef::int("streams.assignment.interval.ms", Some("1000"))
        .at_least(0)
        .synonyms(&["group.streams.assignment.interval.ms"])
        .accepted(NO_STREAMS_GROUPS)
        .doc("Least time between two assignments of the streams group."),
    ConfigDef::text("streams.assignor.name", None)
        .synonyms(&["group.streams.assignors"])
        .accepted(NO_STREAMS_GROUPS)
        .doc("Assignor of the streams group, one of `group.streams.assignors`; the first of them if not set."),
    ConfigDef::boolean("streams.assignor.offload.enable", Some("true"))
        .synonyms(&["group.streams.assignor.offload.enable"])
        .internal()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Compute assignments of the streams group on a thread of their own."),
    ConfigDef::int("streams.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .synonyms(&["group.streams.heartbeat.interval.ms"])
        .accepted(NO_STREAMS_GROUPS)
        .doc("Heartbeat interval given to members of the streams group."),
    ConfigDef::int("streams.initial.rebalance.delay.ms", Some("3000"))
        .at_least(0)
        .synonyms(&["group.streams.initial.rebalance.delay.ms"])
        .accepted(NO_STREAMS_GROUPS)
        .doc("Wait for more members before the first assignment of the streams group."),
    ConfigDef::int("streams.num.standby.replicas", Some("0"))
        .at_least(0)
        .synonyms(&["group.streams.num.standby.replicas"])
        .accepted(NO_STREAMS_GROUPS)
        .doc("Standby replicas of each task of the streams group."),
    ConfigDef::int("streams.num.warmup.replicas", Some("2"))
        .at_least(0)
        .synonyms(&["group.streams.num.warmup.replicas"])
        .internal()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Replicas of the streams group that warm up at a time."),
    ConfigDef::list("streams.rack.aware.assignment.tags", Some(""))
        .synonyms(&["group.streams.rack.aware.assignment.tags"])
        .importance(super::Importance::Low)
        .accepted(NO_STREAMS_GROUPS)
        .doc("Client tags by which standby replicas of the streams group are spread."),
    ConfigDef::int("streams.session.timeout.ms", Some("45000"))
        .at_least(1)
        .synonyms(&["group.streams.session.timeout.ms"])
        .accepted(NO_STREAMS_GROUPS)
        .doc("Silence after which a member of the streams group is removed."),
    ConfigDef::int("streams.task.offset.interval.ms", Some("60000"))
        .at_least(1)
        .synonyms(&["group.streams.task.offset.interval.ms"])
        .internal()
        .accepted(NO_STREAMS_GROUPS)
        .doc("How often members of the streams group report the offsets of their tasks."),
];

/// Why the settings of a group or of a subscription are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidSettings {
    #[error("Unknown config name: {name}{}", hint(*nearest))]
    Unknown { name: String, nearest: Option<&'static str> },
    #[error(transparent)]
    Value(#[from] InvalidValue),
    #[error("{name} cannot be below {bound} ({least})")]
    Below { name: &'static str, bound: &'static str, least: i64 },
    #[error("{name} cannot be above {bound} ({most})")]
    Above { name: &'static str, bound: &'static str, most: i64 },
    #[error("interval.ms cannot be {0}: it must be between 100 and 3600000")]
    Interval(i64),
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

/// The setting with this name among `table`, which is sorted, or the error that there is none.
pub(super) fn find(table: &'static [ConfigDef], name: &str) -> Result<&'static ConfigDef, InvalidSettings> {
    let unknown = || InvalidSettings::Unknown {
        name: name.to_owned(),
        nearest: nearest_name(name, table.iter().map(|def| def.name)),
    };
    table.iter().find(|def| def.name == name).ok_or_else(unknown)
}

/// Checks the settings of a group: each by itself, and those that are set against the broker's bounds.
pub fn check_group(
    settings: &Overrides,
    dynamic: &DynamicBrokerConfig,
    broker: &BrokerConfig,
) -> Result<(), InvalidSettings> {
    let layers = Layers { overrides: settings, dynamic, broker };
    for (name, text) in settings {
        let def = find(GROUP_SETTINGS, name)?;
        let refuse = |reason: String| Err(InvalidValue { name: def.name, value: text.clone(), reason }.into());
        match def.parse(text)? {
            Value::Integer(value) => check_bounds(def.name, value, layers)?,
            Value::Text(assignor) if def.name == "streams.assignor.name" => {
                let registered = broker_setting("group.streams.assignors").and_then(|def| layers.broker_text(def));
                if !registered.unwrap_or_default().split(',').any(|known| known.trim() == assignor) {
                    return refuse("it is none of group.streams.assignors".to_owned());
                }
            }
            Value::Text(topic) if def.name == "errors.deadletterqueue.topic.name" && topic.starts_with("__") => {
                return refuse("it must not begin with two underscores".to_owned());
            }
            Value::List(tags) if tags.len() < text.split(',').filter(|tag| !tag.trim().is_empty()).count() => {
                return refuse("a tag is there twice".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// The bounds of `consumer.session.timeout.ms` are `group.consumer.min.session.timeout.ms` and `…max…`, and so on.
fn check_bounds(name: &'static str, value: i64, layers: Layers<'_>) -> Result<(), InvalidSettings> {
    let Some((protocol, rest)) = name.split_once('.') else { return Ok(()) };
    let rest = rest.trim_start_matches("num.");
    let bound = |end| {
        let def = broker_setting(&format!("group.{protocol}.{end}.{rest}"))?;
        Some((def.name, layers.broker_integer(def)?))
    };
    match (bound("min"), bound("max")) {
        (Some((bound, least)), _) if value < least => Err(InvalidSettings::Below { name, bound, least }),
        (_, Some((bound, most))) if value > most => Err(InvalidSettings::Above { name, bound, most }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::{broker, overrides};

    fn check(pairs: &[(&str, &str)], broker: &BrokerConfig) -> Result<(), InvalidSettings> {
        check_group(&overrides(pairs), &DynamicBrokerConfig::default(), broker)
    }

    #[test]
    fn the_brokers_settings_are_bounds() {
        let usual = BrokerConfig::default();
        assert_eq!(check(&[("consumer.session.timeout.ms", "45000")], &usual), Ok(()));
        let error = check(&[("consumer.session.timeout.ms", "44999")], &usual).unwrap_err();
        assert!(error.to_string().contains("group.consumer.min.session.timeout.ms (45000)"), "{error}");
        let error = check(&[("streams.num.standby.replicas", "3")], &usual).unwrap_err();
        assert!(error.to_string().contains("group.streams.max.standby.replicas (2)"), "{error}");
        let patient = broker(&[("group.consumer.min.session.timeout.ms", "1000")]);
        assert_eq!(check(&[("consumer.session.timeout.ms", "44999")], &patient), Ok(()));
    }

    #[test]
    fn names_and_values_are_checked() {
        let usual = BrokerConfig::default();
        assert!(matches!(check(&[("consumer.session.timeout", "1")], &usual), Err(InvalidSettings::Unknown { .. })));
        assert!(check(&[("streams.assignor.name", "sticky")], &usual).is_ok());
        assert!(check(&[("streams.assignor.name", "mine")], &usual).is_err());
        assert!(check(&[("errors.deadletterqueue.topic.name", "__dead")], &usual).is_err());
        assert!(check(&[("streams.rack.aware.assignment.tags", "zone,zone")], &usual).is_err());
    }
}
