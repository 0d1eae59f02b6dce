//! `DescribeUserScramCredentials` (key 50): which SCRAM mechanisms a user has credentials for.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 50, versions = "0", flexible = "0+")]
pub struct DescribeUserScramCredentialsRequest {
    #[field(nullable)]
    pub users: Option<Vec<UserName>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct UserName {
    pub name: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 50, versions = "0", flexible = "0+")]
pub struct DescribeUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub results: Vec<DescribeUserScramCredentialsResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeUserScramCredentialsResult {
    pub user: ByteString,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub credential_infos: Vec<CredentialInfo>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CredentialInfo {
    pub mechanism: i8,
    pub iterations: i32,
}
