//! Records about finalized features.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 12, versions = "0", flexible = "0+")]
pub struct FeatureLevelRecord {
    pub name: ByteString,
    pub feature_level: i16,
}
