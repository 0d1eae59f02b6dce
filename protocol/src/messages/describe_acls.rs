//! `DescribeAcls` (key 29): access control entries that match a filter.
//!
//! Versions 1–3, flexible from 2.
//!
//! - 3: entries for users as resources.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 29, versions = "1-3", flexible = "2+")]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    #[field(nullable)]
    pub resource_name_filter: Option<ByteString>,
    #[field(default = 3)]
    pub pattern_type_filter: i8,
    #[field(nullable)]
    pub principal_filter: Option<ByteString>,
    #[field(nullable)]
    pub host_filter: Option<ByteString>,
    pub operation: i8,
    pub permission_type: i8,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 29, versions = "1-3", flexible = "2+")]
pub struct DescribeAclsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub resources: Vec<DescribeAclsResource>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeAclsResource {
    pub resource_type: i8,
    pub resource_name: ByteString,
    #[field(default = 3)]
    pub pattern_type: i8,
    pub acls: Vec<AclDescription>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AclDescription {
    pub principal: ByteString,
    pub host: ByteString,
    pub operation: i8,
    pub permission_type: i8,
}
