//! What `ListOffsets` can be asked for: a time, or one of Kafka's negative numbers for a certain place in the log.

use crate::storage::types::{LeaderEpoch, Offset};

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first record, in the order of offsets, with this timestamp (milliseconds since 1970) or a later one.
    AtOrAfter(i64),
    /// −1: behind the last visible record.
    Latest,
    /// −2: the first record.
    Earliest,
    /// −3: the record with the largest timestamp; of several the first.
    MaxTimestamp,
    /// −4: the first record on this broker's own disk.
    EarliestLocal,
    /// −5: the last record in tiered storage.
    LatestTiered,
    /// −6: the first record that is not yet in tiered storage.
    EarliestPendingUpload,
}

impl OffsetSpec {
    /// The meaning of the timestamp field in a version of `ListOffsets`. `None` where Kafka answers `UNSUPPORTED_VERSION`: a negative
    /// number that nobody knows, or that the version did not have yet.
    pub fn from_timestamp(timestamp: i64, version: i16) -> Option<Self> {
        let (spec, since) = match timestamp {
            0.. => (Self::AtOrAfter(timestamp), 1),
            -1 => (Self::Latest, 1),
            -2 => (Self::Earliest, 1),
            -3 => (Self::MaxTimestamp, 7),
            -4 => (Self::EarliestLocal, 8),
            -5 => (Self::LatestTiered, 9),
            -6 => (Self::EarliestPendingUpload, 11),
            _ => return None,
        };
        (version >= since).then_some(spec)
    }
}

/// The place that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOffset {
    /// The record's timestamp when the place was looked up by time. On the wire, none is −1.
    pub timestamp: Option<i64>,
    /// The offset.
    pub offset: Offset,
    /// The epoch of the record there, or of the record to come.
    pub leader_epoch: LeaderEpoch,
}

impl ListedOffset {
    /// A place that is no matter of time.
    pub(super) fn of(offset: Offset, leader_epoch: LeaderEpoch) -> Self {
        Self { timestamp: None, offset, leader_epoch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_timestamps_came_one_version_after_the_other() {
        let first_version =
            |timestamp| (1..=11).find(|version| OffsetSpec::from_timestamp(timestamp, *version).is_some());
        let expected = [
            (0, Some(1)),
            (-1, Some(1)),
            (-2, Some(1)),
            (-3, Some(7)),
            (-4, Some(8)),
            (-5, Some(9)),
            (-6, Some(11)),
            (-7, None),
        ];
        for (timestamp, version) in expected {
            assert_eq!(first_version(timestamp), version, "timestamp {timestamp}");
        }
        assert_eq!(first_version(i64::MIN), None);
        assert_eq!(OffsetSpec::from_timestamp(i64::MAX, 11), Some(OffsetSpec::AtOrAfter(i64::MAX)));
    }
}
