//! Records about configuration values of topics, brokers and groups.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 4, versions = "0", flexible = "0+")]
pub struct ConfigRecord {
    pub resource_type: i8,
    pub resource_name: ByteString,
    pub name: ByteString,
    #[field(nullable)]
    pub value: Option<ByteString>,
}
