//! Settings of subscriptions to client metrics (KIP-714). Clients push none here; subscriptions are kept and shown.

use super::def::{ConfigDef, Value};
use super::group::{InvalidSettings, find};
use super::reasons::NO_TELEMETRY;
use super::{InvalidValue, Overrides};

/// The settings of a subscription, sorted by name.
pub const CLIENT_METRICS_SETTINGS: &[ConfigDef] = &[
    ConfigDef::int("interval.ms", Some("300000")).accepted(NO_TELEMETRY).doc("How often clients push the metrics."),
    ConfigDef::list("match", Some(""))
        .accepted(NO_TELEMETRY)
        .doc("Which clients push, as `property=pattern`; all if empty."),
    ConfigDef::list("metrics", Some(""))
        .accepted(NO_TELEMETRY)
        .doc("Beginnings of the names of the metrics; `*` is all, empty none."),
];

/// Milliseconds between two pushes.
const INTERVALS: std::ops::RangeInclusive<i64> = 100..=3_600_000;

/// What a pattern of `match` can look at.
const PROPERTIES: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Checks the settings of a subscription.
pub fn check_client_metrics(settings: &Overrides) -> Result<(), InvalidSettings> {
    for (name, text) in settings {
        let def = find(CLIENT_METRICS_SETTINGS, name)?;
        let value = def.parse(text)?;
        match &value {
            Value::Integer(interval) if !INTERVALS.contains(interval) => {
                return Err(InvalidSettings::Interval(*interval));
            }
            Value::List(patterns) if def.name == "match" => {
                let checked = patterns.iter().try_for_each(|pattern| check_pattern(pattern));
                checked.map_err(|reason| InvalidValue { name: def.name, value: text.clone(), reason })?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_pattern(pattern: &str) -> Result<(), String> {
    let (property, expression) =
        pattern.split_once('=').ok_or_else(|| format!("{pattern:?} is not property=pattern"))?;
    if expression.trim().is_empty() {
        return Err(format!("{pattern:?} has no pattern"));
    }
    if !PROPERTIES.contains(&property.trim()) {
        return Err(format!("{property:?} is none of {}", PROPERTIES.join(", ")));
    }
    regex_lite::Regex::new(expression.trim())
        .map(drop)
        .map_err(|_| format!("{expression:?} is not a regular expression"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::overrides;

    #[test]
    fn patterns_and_intervals_are_checked() {
        let check = |name, value| check_client_metrics(&overrides(&[(name, value)]));
        assert_eq!(check("match", "client_id=a.*,client_source_port=9.*"), Ok(()));
        for bad in ["client_id=[", "client_id=", "client_id", "host=a"] {
            assert!(check("match", bad).is_err(), "{bad}");
        }
        assert_eq!(check("interval.ms", "99"), Err(InvalidSettings::Interval(99)));
        assert_eq!(check("interval.ms", "100"), Ok(()));
    }
}
