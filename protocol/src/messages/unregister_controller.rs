//! `UnregisterController` (key 94): a controller that is gone for good is forgotten.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 94, versions = "0", flexible = "0+")]
pub struct UnregisterControllerRequest {
    pub controller_id: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 94, versions = "0", flexible = "0+")]
pub struct UnregisterControllerResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
}
