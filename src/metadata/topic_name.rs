//! Which names a topic may have.

use super::RequestError;
use naru_protocol::ErrorCode;

/// The topic of committed offsets and groups.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The topic of transactions.
pub const TRANSACTION_STATE: &str = "__transaction_state";
/// The topic of share groups.
pub const SHARE_GROUP_STATE: &str = "__share_group_state";
/// The name of the metadata log. It is not a topic and nobody can create one of this name.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// Longest name: with `-` and the partition's number it is a directory name.
const MAX_LEN: usize = 249;

/// Whether the broker itself keeps state in the topic of this name.
pub fn is_internal_topic(name: &str) -> bool {
    [CONSUMER_OFFSETS, TRANSACTION_STATE, SHARE_GROUP_STATE].contains(&name)
}

/// Why a name is not a topic name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidTopicName {
    #[error("Topic name is invalid: it is empty")]
    Empty,
    #[error("Topic name is invalid: '{0}' is not allowed")]
    Dots(String),
    #[error("Topic name is invalid: it has {0} characters, more than {MAX_LEN}")]
    TooLong(usize),
    #[error("Topic name is invalid: '{0}' has characters other than ASCII letters, digits, '.', '_' and '-'")]
    Characters(String),
}

impl From<InvalidTopicName> for RequestError {
    fn from(error: InvalidTopicName) -> Self {
        Self::new(ErrorCode::INVALID_TOPIC_EXCEPTION, error.to_string())
    }
}

/// Checks a name by Kafka's rules.
pub fn check_topic_name(name: &str) -> Result<(), InvalidTopicName> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() {
        Err(InvalidTopicName::Empty)
    } else if name == "." || name == ".." {
        Err(InvalidTopicName::Dots(name.to_owned()))
    } else if name.len() > MAX_LEN {
        Err(InvalidTopicName::TooLong(name.chars().count()))
    } else if !name.bytes().all(legal) {
        Err(InvalidTopicName::Characters(name.to_owned()))
    } else {
        Ok(())
    }
}

/// Whether two names differ only in `.` and `_`, so that names made from them (of metrics, for example) would be the
/// same.
pub(super) fn collide(a: &str, b: &str) -> bool {
    a != b && a.len() == b.len() && a.bytes().map(folded).eq(b.bytes().map(folded))
}

/// The byte of a name under which colliding names look alike.
pub(super) fn folded(byte: u8) -> u8 {
    if byte == b'.' { b'_' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        for good in ["a", "A-1_b.c", "__consumer_offsets", "...", &"a".repeat(249)] {
            assert_eq!(check_topic_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "é", "a:b", &"a".repeat(250)] {
            assert!(check_topic_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert!(collide("a.b", "a_b"));
        assert!(!collide("a.b", "a.b"));
        assert!(!collide("a.b", "a-b"));
    }
}
