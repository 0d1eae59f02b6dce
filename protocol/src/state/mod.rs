//! The records of Kafka's internal topics, in Kafka's own formats: its tools can read what is written here.
//!
//! - [`consumer_offsets`] and [`transaction_state`] are compacted topics of keys and values. A key begins with the type of
//!   the record, a value with its version, two bytes each. A record without a value deletes what its key names.
//! - [`cluster_metadata`] is a log of changes: values alone, in a frame that tells type and version.
// Names, order and meaning of the fields are Kafka's own.
#![allow(missing_docs)]

pub mod cluster_metadata;
pub mod consumer_offsets;
pub mod transaction_state;

use bytes::Bytes;

use crate::versioned;
use crate::wire::{EncodeError, Message, Writer};

/// The key of a record of a coordinator's topic.
pub trait CoordinatorKey: Message {
    /// The type of the record.
    const TYPE: i16;

    /// The value that belongs to it.
    type Value: CoordinatorValue;
}

/// The value of a record of a coordinator's topic.
pub trait CoordinatorValue: Message {}

/// The bytes of a key: the type of the record, then the key.
pub fn encode_key<K: CoordinatorKey>(key: &K) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    w.put_slice(&K::TYPE.to_be_bytes());
    key.encode(&mut w, K::version(0))?;
    Ok(w.into_bytes())
}

/// The bytes of a value: the version, then the value.
pub fn encode_value<V: CoordinatorValue>(value: &V, version: i16) -> Result<Bytes, EncodeError> {
    versioned::encode(value, version)
}

/// Makes the enum of a topic's records: one row a type, with its key and its value.
macro_rules! coordinator_records {
    ($topic:literal: $($name:ident = ($key:ty, $value:ty);)*) => {
        #[doc = concat!("A record of `", $topic, "`; the value is `None` when the record deletes what its key names.")]
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "records are looked at one by one, not kept")]
        pub enum Record {
            $($name($key, Option<$value>),)*
        }

        impl Record {
            /// Reads a record. Bytes behind the key or the value are ignored, as Kafka does.
            pub fn decode(key: Bytes, value: Option<Bytes>) -> Result<Record, DecodeError> {
                let mut r = Reader::new(key);
                match i16::from_be_bytes(r.array()?) {
                    $(<$key as CoordinatorKey>::TYPE => {
                        let key = <$key as Wire>::decode(&mut r, <$key as Message>::version(0))?;
                        Ok(Record::$name(key, value.map(versioned::decode).transpose()?))
                    })*
                    other => Err(DecodeError::UnknownRecordType { topic: $topic, record_type: other.into() }),
                }
            }

            /// What shows the key and the value of this type in JSON, without their prefixes.
            #[cfg(feature = "json")]
            pub fn json_readers(record_type: i16) -> Option<(crate::json::JsonReader, crate::json::JsonReader)> {
                match record_type {
                    $(<$key as CoordinatorKey>::TYPE => {
                        Some((crate::json::JsonReader::of::<$key>(), crate::json::JsonReader::of::<$value>()))
                    })*
                    _ => None,
                }
            }

            /// The JSON form of the key and of the value of the type with this name, without their prefixes.
            #[cfg(feature = "json")]
            pub fn json(name: &str) -> Option<(crate::json::MessageJson, crate::json::MessageJson)> {
                match name {
                    $(stringify!($name) => {
                        Some((crate::json::MessageJson::of::<$key>(), crate::json::MessageJson::of::<$value>()))
                    })*
                    _ => None,
                }
            }
        }
    };
}
use coordinator_records;
