//! Which values of its type a setting accepts.

use super::def::Value;

/// What a value is checked for after it was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    /// Every value.
    Any,
    /// Numbers from this one up.
    AtLeast(i64),
    /// Numbers between these two, both included.
    Between(i64, i64),
    /// Numbers other than 0.
    NotZero,
    /// Numbers between the first two, or exactly the third.
    BetweenOr(i64, i64, i64),
    /// These words; in a list, each element is one of them.
    OneOf(&'static [&'static str]),
    /// These words, in upper or lower case.
    OneOfAnyCase(&'static [&'static str]),
    /// `*`, `none`, or `partition:broker` pairs.
    ThrottledReplicas,
    /// Text with something in it.
    NotEmpty,
    /// `latest`, `earliest`, or `by_duration:` with a duration of ISO 8601 that is not negative.
    OffsetReset,
    /// `host:count` pairs, separated by commas.
    ConnectionCounts,
}

impl Validator {
    pub(super) fn check(self, name: &str, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Self::AtLeast(least), _) => at_least(value, least),
            (Self::Between(least, most), _) => at_least(value, least).and_then(|()| at_most(value, most)),
            (Self::NotZero, Value::Integer(0)) => Err("it must not be 0; -1 is no limit".to_owned()),
            (Self::BetweenOr(least, most, or), Value::Integer(number)) => {
                if *number == or || (least..=most).contains(number) {
                    Ok(())
                } else {
                    Err(format!("it must be between {least} and {most}, or {or}"))
                }
            }
            (Self::OneOf(words), Value::Text(text)) => one_of(words, text),
            (Self::OneOf(words), Value::List(elements)) => elements.iter().try_for_each(|text| one_of(words, text)),
            (Self::OneOfAnyCase(words), Value::Text(text)) => {
                if words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
                    Ok(())
                } else {
                    Err(format!("it must be one of {}, in either case", words.join(", ")))
                }
            }
            (Self::ThrottledReplicas, Value::List(elements)) => throttled_replicas(name, elements),
            (Self::NotEmpty, Value::Text(text)) if text.is_empty() => Err("it must not be empty".to_owned()),
            (Self::OffsetReset, Value::Text(text)) if !is_offset_reset(text) => {
                Err("it must be latest, earliest or by_duration:PnDTnHnMn.nS".to_owned())
            }
            (Self::ConnectionCounts, Value::Text(text)) => connection_counts(text).map(drop),
            _ => Ok(()),
        }
    }
}

fn at_least(value: &Value, least: i64) -> Result<(), String> {
    let low = match value {
        Value::Integer(number) => *number < least,
        Value::Double(number) => *number < least as f64,
        _ => false,
    };
    if low { Err(format!("it must be at least {least}")) } else { Ok(()) }
}

fn at_most(value: &Value, most: i64) -> Result<(), String> {
    let high = match value {
        Value::Integer(number) => *number > most,
        Value::Double(number) => *number > most as f64,
        _ => false,
    };
    if high { Err(format!("it must be at most {most}")) } else { Ok(()) }
}

fn one_of(words: &[&str], text: &str) -> Result<(), String> {
    if words.contains(&text) { Ok(()) } else { Err(format!("it must be one of {}", words.join(", "))) }
}

fn throttled_replicas(name: &str, elements: &[String]) -> Result<(), String> {
    let is_replica = |element: &String| {
        element.split_once(':').is_some_and(|(partition, broker)| {
            [partition, broker].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    let everything = elements.len() == 1 && elements.iter().any(|element| element == "*");
    if everything || elements.iter().all(is_replica) {
        return Ok(());
    }
    Err(format!("{name} is either * or a list of partition:broker pairs, separated by commas"))
}

fn is_offset_reset(text: &str) -> bool {
    matches!(text, "latest" | "earliest") || text.strip_prefix("by_duration:").is_some_and(is_duration)
}

/// Whether this is a duration as Java reads it, `PnDTnHnMn.nS` in either case, and not negative.
fn is_duration(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let after_days = fields(days, &['D']);
    let after_time = time.map(|time| fields(time, &['H', 'M', 'S']));
    match (after_days, after_time) {
        (Some(days), None) => days > 0,
        (Some(_), Some(Some(times))) => times > 0,
        _ => false,
    }
}

/// How many of these units the text has, each at most once and in this order; `None` if it is anything else.
fn fields(mut text: &str, units: &[char]) -> Option<usize> {
    let mut found = 0;
    for unit in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        let (whole, fraction) = number.split_once(['.', ',']).map_or((number, None), |(w, f)| (w, Some(f)));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let whole = whole.strip_prefix('+').unwrap_or(whole);
        let fraction_fits = fraction.is_none_or(|part| *unit == 'S' && part.len() <= 9 && digits(part));
        if whole.is_empty() || whole.len() > 12 || !digits(whole) || !fraction_fits {
            return None;
        }
        found += 1;
        text = rest;
    }
    text.is_empty().then_some(found)
}

/// The pairs of `max.connections.per.ip.overrides`.
pub(super) fn connection_counts(text: &str) -> Result<Vec<(&str, u32)>, String> {
    let pair = |pair| -> Option<(&str, u32)> {
        let (host, count) = str::trim(pair).rsplit_once(':')?;
        Some((host.trim(), count.trim().parse().ok()?))
    };
    let pairs = text.split(',').filter(|part| !part.trim().is_empty());
    pairs.map(|part| pair(part).ok_or_else(|| format!("{part:?} is not host:count"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigDef;

    #[test]
    fn throttled_replicas_are_pairs_or_a_star() {
        let throttled = ConfigDef::list("leader.replication.throttled.replicas", None).throttled_replicas();
        for good in ["", "*", "0:1", "0:1,1:1"] {
            assert!(throttled.parse(good).is_ok(), "{good}");
        }
        for bad in ["x", "0:", "*,0:1", "0:-1"] {
            assert!(throttled.parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_those_of_java() {
        for good in ["PT1H", "P1D", "P1DT2H3M4.5S", "pt0s", "PT+5M", "PT1.S"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "P", "PT", "P1DT", "1h", "PT-1H", "PT1M1H", "P1H", "PT1.5H", "PT1.1234567890S"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn counts_of_connections_belong_to_hosts() {
        assert_eq!(connection_counts("10.0.0.1:5, ::1:7"), Ok(vec![("10.0.0.1", 5), ("::1", 7)]));
        assert_eq!(connection_counts(""), Ok(vec![]));
        assert!(connection_counts("nonsense").is_err());
        assert!(connection_counts("a:-1").is_err());
    }
}
