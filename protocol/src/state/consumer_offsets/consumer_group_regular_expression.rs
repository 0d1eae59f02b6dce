//! `ConsumerGroupRegularExpression` (type 16): the topics that a regular expression of a consumer group means.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 16, versions = "0")]
pub struct ConsumerGroupRegularExpressionKey {
    pub group_id: ByteString,
    pub regular_expression: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 16, versions = "0", flexible = "0+")]
pub struct ConsumerGroupRegularExpressionValue {
    pub topics: Vec<ByteString>,
    pub version: i64,
    pub timestamp: i64,
}
