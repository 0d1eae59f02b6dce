//! The records of `__cluster_metadata`: every change to what exists in the cluster.
//!
//! A record is a value without a key. In front of it stand three unsigned varints: the version of this frame (1), the type of
//! the record, and the version of the record.

pub mod broker;
pub mod config;
pub mod controller;
pub mod feature;
pub mod log;
pub mod producer_ids;
pub mod quota;
pub mod security;
pub mod topic;

use bytes::Bytes;

use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// The only version of the frame around a record.
const FRAME_VERSION: u32 = 1;

const TOPIC: &str = "__cluster_metadata";

/// A record without its frame.
pub trait RecordBody: Message {
    /// The type of the record.
    const TYPE: i16;

    /// The newest version of the record.
    const NEWEST: i16 = *Self::VERSIONS.end();
}

/// The bytes of a record, with its frame.
pub fn encode<R: RecordBody>(record: &R, version: i16) -> Result<Bytes, EncodeError> {
    let known = R::known_version(version).ok_or(EncodeError::UnknownVersion { name: R::NAME, version })?;
    let mut w = Writer::new();
    w.put_unsigned_varint(FRAME_VERSION);
    w.put_unsigned_varint(R::TYPE as u32);
    w.put_unsigned_varint(version as u32);
    record.encode(&mut w, known)?;
    Ok(w.into_bytes())
}

fn decode_body<R: RecordBody>(r: &mut Reader, version: u32) -> Result<R, DecodeError> {
    let version = i16::try_from(version).unwrap_or(i16::MAX);
    let known = R::known_version(version).ok_or(DecodeError::UnknownVersion { name: R::NAME, version })?;
    let record = R::decode(r, known)?;
    r.expect_end()?;
    Ok(record)
}

/// One row a type.
macro_rules! records {
    ($($name:ident($module:ident::$record:ident);)*) => {
        /// A record of `__cluster_metadata`.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "records are looked at one by one, not kept")]
        pub enum Record {
            $($name($module::$record),)*
        }

        $(
            impl From<$module::$record> for Record {
                fn from(record: $module::$record) -> Record {
                    Record::$name(record)
                }
            }
        )*

        impl Record {
            /// Reads a record and its frame. Bytes behind the record are an error, as in Kafka.
            pub fn decode(bytes: Bytes) -> Result<Record, DecodeError> {
                let mut r = Reader::new(bytes);
                let frame_version = r.unsigned_varint()?;
                if frame_version != FRAME_VERSION {
                    return Err(DecodeError::UnknownFrameVersion { version: frame_version });
                }
                let record_type = r.unsigned_varint()?;
                let version = r.unsigned_varint()?;
                match i16::try_from(record_type).unwrap_or(-1) {
                    $($module::$record::TYPE => decode_body(&mut r, version).map(Record::$name),)*
                    _ => Err(DecodeError::UnknownRecordType { topic: TOPIC, record_type: record_type as i32 }),
                }
            }

            /// The bytes of the record in its newest version, with its frame.
            pub fn encode(&self) -> Result<Bytes, EncodeError> {
                match self {
                    $(Record::$name(record) => encode(record, $module::$record::NEWEST),)*
                }
            }

            /// What shows the record with this type in JSON, without its frame.
            #[cfg(feature = "json")]
            pub fn json_reader(record_type: i16) -> Option<crate::json::JsonReader> {
                match record_type {
                    $($module::$record::TYPE => Some(crate::json::JsonReader::of::<$module::$record>()),)*
                    _ => None,
                }
            }

            /// The JSON form of the record with this type, without its frame.
            #[cfg(feature = "json")]
            pub fn json(record_type: i16) -> Option<crate::json::MessageJson> {
                match record_type {
                    $($module::$record::TYPE => Some(crate::json::MessageJson::of::<$module::$record>()),)*
                    _ => None,
                }
            }
        }
    };
}

records! {
    RegisterBroker(broker::RegisterBrokerRecord);
    UnregisterBroker(broker::UnregisterBrokerRecord);
    Topic(topic::TopicRecord);
    Partition(topic::PartitionRecord);
    Config(config::ConfigRecord);
    PartitionChange(topic::PartitionChangeRecord);
    FenceBroker(broker::FenceBrokerRecord);
    UnfenceBroker(broker::UnfenceBrokerRecord);
    RemoveTopic(topic::RemoveTopicRecord);
    DelegationToken(security::DelegationTokenRecord);
    UserScramCredential(security::UserScramCredentialRecord);
    FeatureLevel(feature::FeatureLevelRecord);
    ClientQuota(quota::ClientQuotaRecord);
    ProducerIds(producer_ids::ProducerIdsRecord);
    BrokerRegistrationChange(broker::BrokerRegistrationChangeRecord);
    AccessControlEntry(security::AccessControlEntryRecord);
    RemoveAccessControlEntry(security::RemoveAccessControlEntryRecord);
    NoOp(log::NoOpRecord);
    ZkMigrationState(log::ZkMigrationStateRecord);
    RemoveUserScramCredential(security::RemoveUserScramCredentialRecord);
    BeginTransaction(log::BeginTransactionRecord);
    EndTransaction(log::EndTransactionRecord);
    AbortTransaction(log::AbortTransactionRecord);
    RemoveDelegationToken(security::RemoveDelegationTokenRecord);
    RegisterController(controller::RegisterControllerRecord);
    ClearElr(topic::ClearElrRecord);
    UnregisterController(controller::UnregisterControllerRecord);
}
