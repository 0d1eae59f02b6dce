//! Records about the metadata log itself: what belongs together, what fills it up, what an old cluster left in it.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 23, versions = "0", flexible = "0+")]
pub struct BeginTransactionRecord {
    #[field(nullable, tag = 0, default = null)]
    pub name: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 24, versions = "0", flexible = "0+")]
pub struct EndTransactionRecord {}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 25, versions = "0", flexible = "0+")]
pub struct AbortTransactionRecord {
    #[field(nullable, tag = 0, default = null)]
    pub reason: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 20, versions = "0", flexible = "0+")]
pub struct NoOpRecord {}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 21, versions = "0", flexible = "0+")]
pub struct ZkMigrationStateRecord {
    pub zk_migration_state: i8,
}
