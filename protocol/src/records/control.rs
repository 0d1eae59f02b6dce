//! Control records: the markers that end a transaction in a partition.

use bytes::Bytes;

use super::builder::{BatchBuilder, BuildError};
use super::codec::Codec;
use super::record::Record;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its records do not count.
    Abort = 0,
    /// Its records count.
    Commit = 1,
}

/// The control record that a transaction coordinator has written to every partition of a transaction
/// (`EndTxnMarker` of Kafka's schemas; key: version and type, value: version and coordinator epoch).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTransactionMarker {
    /// How it ended.
    pub outcome: Outcome,
    /// Epoch of the coordinator that says so.
    pub coordinator_epoch: i32,
}

/// Why a control record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The key is shorter than version and type, or its version is negative.
    #[error("not the key of a control record")]
    Key,
    /// The value is shorter than version and coordinator epoch, or its version is negative.
    #[error("not the value of a transaction marker")]
    Value,
}

impl EndTransactionMarker {
    /// The marker in a record of a control batch; `None` for a control record of another type. Newer versions are read as
    /// far as they are known.
    pub fn parse(record: &Record) -> Result<Option<Self>, ControlError> {
        let &[v0, v1, t0, t1, ..] = record.key.as_deref().unwrap_or_default() else { return Err(ControlError::Key) };
        if i16::from_be_bytes([v0, v1]) < 0 {
            return Err(ControlError::Key);
        }
        let outcome = match i16::from_be_bytes([t0, t1]) {
            0 => Outcome::Abort,
            1 => Outcome::Commit,
            _ => return Ok(None),
        };
        let &[v0, v1, e0, e1, e2, e3, ..] = record.value.as_deref().unwrap_or_default() else {
            return Err(ControlError::Value);
        };
        if i16::from_be_bytes([v0, v1]) < 0 {
            return Err(ControlError::Value);
        }
        Ok(Some(Self { outcome, coordinator_epoch: i32::from_be_bytes([e0, e1, e2, e3]) }))
    }

    /// The control batch with this marker, for the offset 0 and no leader epoch yet.
    pub fn batch(self, timestamp: i64, producer_id: i64, producer_epoch: i16) -> Result<Bytes, BuildError> {
        let mut builder =
            BatchBuilder::new(Codec::None).producer(producer_id, producer_epoch, -1).transactional(true).control(true);
        let key = [0, 0, 0, self.outcome as u8];
        let mut value = [0; 6];
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        builder.push(timestamp, Some(&key), Some(&value), &[])?;
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &'static [u8], value: &'static [u8]) -> Record {
        Record { key: Some(Bytes::from_static(key)), value: Some(Bytes::from_static(value)), ..Record::default() }
    }

    #[test]
    fn other_types_and_newer_versions_are_told_apart() {
        let marker = EndTransactionMarker { outcome: Outcome::Abort, coordinator_epoch: 5 };
        let newer = record(&[0, 7, 0, 0, 9], &[0, 7, 0, 0, 0, 5, 9]);
        assert_eq!(EndTransactionMarker::parse(&newer), Ok(Some(marker)));
        let leader_change = record(&[0, 0, 0, 2], &[]);
        assert_eq!(EndTransactionMarker::parse(&leader_change), Ok(None));
    }

    #[test]
    fn short_keys_and_values_are_refused() {
        assert_eq!(EndTransactionMarker::parse(&record(&[0, 0, 0], &[])), Err(ControlError::Key));
        assert_eq!(EndTransactionMarker::parse(&record(&[0x80, 0, 0, 0], &[0; 6])), Err(ControlError::Key));
        assert_eq!(EndTransactionMarker::parse(&record(&[0, 0, 0, 1], &[0; 5])), Err(ControlError::Value));
        assert_eq!(EndTransactionMarker::parse(&Record::default()), Err(ControlError::Key));
    }
}
