//! `DescribeClientQuotas` (key 48): the quotas of users and clients.
//!
//! Versions 0–1, flexible from 1.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 48, versions = "0-1", flexible = "1+")]
pub struct DescribeClientQuotasRequest {
    pub components: Vec<ComponentData>,
    pub strict: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ComponentData {
    pub entity_type: ByteString,
    pub match_type: i8,
    #[field(nullable)]
    pub r#match: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 48, versions = "0-1", flexible = "1+")]
pub struct DescribeClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    #[field(nullable)]
    pub entries: Option<Vec<EntryData>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EntryData {
    pub entity: Vec<EntityData>,
    pub values: Vec<ValueData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EntityData {
    pub entity_type: ByteString,
    #[field(nullable)]
    pub entity_name: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ValueData {
    pub key: ByteString,
    pub value: f64,
}
