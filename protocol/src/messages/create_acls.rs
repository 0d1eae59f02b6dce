//! `CreateAcls` (key 30): access control entries are added.
//!
//! Versions 1–3, flexible from 2.
//!
//! - 3: entries for users as resources.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 30, versions = "1-3", flexible = "2+")]
pub struct CreateAclsRequest {
    pub creations: Vec<AclCreation>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AclCreation {
    pub resource_type: i8,
    pub resource_name: ByteString,
    #[field(default = 3)]
    pub resource_pattern_type: i8,
    pub principal: ByteString,
    pub host: ByteString,
    pub operation: i8,
    pub permission_type: i8,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 30, versions = "1-3", flexible = "2+")]
pub struct CreateAclsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AclCreationResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AclCreationResult {
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
}
