//! Records about quotas of users and clients.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 14, versions = "0", flexible = "0+")]
pub struct ClientQuotaRecord {
    pub entity: Vec<EntityData>,
    pub key: ByteString,
    pub value: f64,
    pub remove: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EntityData {
    pub entity_type: ByteString,
    #[field(nullable)]
    pub entity_name: Option<ByteString>,
}
