//! `AlterClientQuotas` (key 49): quotas of users and clients are set or removed.
//!
//! Versions 0–1, flexible from 1.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 49, versions = "0-1", flexible = "1+")]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<EntryData>,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EntryData {
    pub entity: Vec<EntityData>,
    pub ops: Vec<OpData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EntityData {
    pub entity_type: ByteString,
    #[field(nullable)]
    pub entity_name: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OpData {
    pub key: ByteString,
    pub value: f64,
    pub remove: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 49, versions = "0-1", flexible = "1+")]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<AlterClientQuotasResponseEntryData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterClientQuotasResponseEntryData {
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub entity: Vec<EntityData>,
}
