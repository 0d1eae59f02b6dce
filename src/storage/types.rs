//! The numbers and names of storage, each with a type of its own so that they cannot be mixed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest topic name, as in Kafka: a directory name of 255 bytes less `-` and a partition number.
pub const MAX_TOPIC_NAME_LEN: usize = 249;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The number of a record in its partition. It starts at 0 and only grows; gaps are legal.
    Offset(i64)
}

number! {
    /// The leadership under which a record was appended; here the broker's incarnation. Never negative in a log.
    LeaderEpoch(i32)
}

number! {
    /// The identity of an idempotent producer, given out by `InitProducerId`.
    ProducerId(i64)
}

number! {
    /// A byte position in a segment file. Kafka's index files hold it in 31 bits.
    Position(u32)
}

impl LeaderEpoch {
    /// Kafka's "no epoch": a record or request that knows none.
    pub const NONE: Self = Self(-1);
}

impl Offset {
    /// Kafka's "no offset" in answers.
    pub const NONE: Self = Self(-1);
}

/// A record's timestamp (milliseconds since 1970) with its offset, as look-ups by time answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The record that has it.
    pub offset: Offset,
}

/// One partition of one topic. Its directory is named `<topic>-<partition>`, as in Kafka.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name; legal by [`is_topic_name`] when it was parsed from a directory.
    pub topic: Arc<str>,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic whose name was checked before.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }

    /// The name of the directory that holds the log.
    pub fn dir_name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A directory name that belongs to no partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the directory of a topic partition: expected <topic>-<number>")]
pub struct NotAPartition(pub String);

impl FromStr for TopicPartition {
    type Err = NotAPartition;

    /// Accepts exactly what [`TopicPartition::dir_name`] makes, so that no two directories mean one partition.
    fn from_str(dir: &str) -> Result<Self, Self::Err> {
        let parsed = dir.rsplit_once('-').and_then(|(topic, number)| {
            let partition = number.parse::<i32>().ok().filter(|n| *n >= 0 && n.to_string() == number)?;
            is_topic_name(topic).then(|| Self::new(topic, partition))
        });
        parsed.ok_or_else(|| NotAPartition(dir.to_owned()))
    }
}

/// Kafka's rule for topic names: 1 to 249 of `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`.
pub fn is_topic_name(name: &str) -> bool {
    (1..=MAX_TOPIC_NAME_LEN).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_names_round_trip() {
        for (topic, partition) in [("orders", 0), ("a-b-7", 12), ("__consumer_offsets", 49), ("x.y_z-", i32::MAX)] {
            let tp = TopicPartition::new(topic, partition);
            assert_eq!(tp.dir_name().parse(), Ok(tp));
        }
    }

    #[test]
    fn other_directories_are_not_partitions() {
        let long = format!("{}-0", "n".repeat(MAX_TOPIC_NAME_LEN + 1));
        for dir in [
            "",
            "-0",
            "orders",
            "orders-",
            "orders-x",
            "orders-01",
            "orders-+1",
            "orders-2147483648",
            "..-0",
            "a/b-0",
            "é-0",
            &long,
        ] {
            assert_eq!(dir.parse::<TopicPartition>(), Err(NotAPartition(dir.to_owned())));
        }
        // The last dash divides: a doubled one belongs to the topic, never to a negative number.
        assert_eq!("orders--1".parse(), Ok(TopicPartition::new("orders-", 1)));
        assert!("orders-0.1f2e.deleted".parse::<TopicPartition>().is_err());
    }
}
