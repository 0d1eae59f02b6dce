//! Records about access control, SCRAM credentials and delegation tokens.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::Message;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 18, versions = "0", flexible = "0+")]
pub struct AccessControlEntryRecord {
    pub id: Uuid,
    pub resource_type: i8,
    pub resource_name: ByteString,
    pub pattern_type: i8,
    pub principal: ByteString,
    pub host: ByteString,
    pub operation: i8,
    pub permission_type: i8,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 19, versions = "0", flexible = "0+")]
pub struct RemoveAccessControlEntryRecord {
    pub id: Uuid,
}

#[derive(Clone, PartialEq, Message)]
#[message(record = 11, versions = "0", flexible = "0+")]
pub struct UserScramCredentialRecord {
    pub name: ByteString,
    pub mechanism: i8,
    pub salt: Bytes,
    pub stored_key: Bytes,
    pub server_key: Bytes,
    pub iterations: i32,
}

impl fmt::Debug for UserScramCredentialRecord {
    /// Without salt and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mechanism, iterations, .. } = self;
        f.debug_struct("UserScramCredentialRecord")
            .field("name", name)
            .field("mechanism", mechanism)
            .field("iterations", iterations)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 22, versions = "0", flexible = "0+")]
pub struct RemoveUserScramCredentialRecord {
    pub name: ByteString,
    pub mechanism: i8,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 10, versions = "0", flexible = "0+")]
pub struct DelegationTokenRecord {
    pub owner: ByteString,
    pub requester: ByteString,
    pub renewers: Vec<ByteString>,
    pub issue_timestamp: i64,
    pub max_timestamp: i64,
    pub expiration_timestamp: i64,
    pub token_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 26, versions = "0", flexible = "0+")]
pub struct RemoveDelegationTokenRecord {
    pub token_id: ByteString,
}
