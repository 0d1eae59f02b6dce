//! Features: what the whole cluster agreed to use, beyond the versions of single APIs (KIP-584).
//!
//! Each has one level that this broker supports and that is in use, so there is nothing that could be raised or lowered,
//! and nothing to store. What clients do not find here, they must not use.

use naru_protocol::ErrorCode;

use super::RequestError;

/// A feature that clients can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Kafka's name of it.
    pub name: &'static str,
    /// The only level that is supported; it is in use.
    pub level: i16,
}

/// Every feature, by name.
pub const FEATURES: &[Feature] = &[
    // DescribeTopicPartitions lists the replicas that may be elected.
    Feature { name: "eligible.leader.replicas.version", level: 1 },
    // Voters have directory ids.
    Feature { name: "kraft.version", level: 1 },
    // The metadata log has the records of Kafka 4.4.
    Feature { name: "metadata.version", level: 33 },
];

/// How a level may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureChange {
    /// Up only.
    Upgrade,
    /// Down, if nothing is lost.
    SafeDowngrade,
    /// Down, whatever is lost.
    UnsafeDowngrade,
}

impl FeatureChange {
    /// The change with this number on the wire.
    pub fn from_wire(number: i8) -> Option<Self> {
        Some(match number {
            1 => Self::Upgrade,
            2 => Self::SafeDowngrade,
            3 => Self::UnsafeDowngrade,
            _ => return None,
        })
    }
}

/// Decides whether a feature may have this level: the one that it has. `None` is a change that does not exist.
pub fn check_feature_update(name: &str, level: i16, change: Option<FeatureChange>) -> Result<(), RequestError> {
    let refuse = |why: &str| {
        let message = format!("Feature {name} cannot have level {level}: {why}. Nothing is changed.");
        Err(RequestError::new(ErrorCode::INVALID_UPDATE_VERSION, message))
    };
    if change.is_none() {
        return refuse("the kind of change does not exist");
    }
    match FEATURES.iter().find(|feature| feature.name == name) {
        None => refuse("this broker does not have the feature"),
        Some(feature) if feature.level != level => refuse(&format!("this broker has level {} only", feature.level)),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_has_the_level_that_it_has_and_no_other() {
        let upgrade = Some(FeatureChange::Upgrade);
        assert_eq!(check_feature_update("metadata.version", 33, upgrade), Ok(()));
        for (name, level, change) in [
            ("metadata.version", 32, Some(FeatureChange::UnsafeDowngrade)),
            ("metadata.version", 34, upgrade),
            ("metadata.version", -1, upgrade),
            ("metadata.version", 33, None),
            ("nope", 0, Some(FeatureChange::SafeDowngrade)),
        ] {
            let refused = check_feature_update(name, level, change).unwrap_err();
            assert_eq!(refused.code, ErrorCode::INVALID_UPDATE_VERSION, "{name} {level} {change:?}");
        }
    }
}
