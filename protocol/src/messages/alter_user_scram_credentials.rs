//! `AlterUserScramCredentials` (key 51): SCRAM credentials are set or removed.
//!
//! Version 0, flexible.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 51, versions = "0", flexible = "0+")]
pub struct AlterUserScramCredentialsRequest {
    pub deletions: Vec<ScramCredentialDeletion>,
    pub upsertions: Vec<ScramCredentialUpsertion>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ScramCredentialDeletion {
    pub name: ByteString,
    pub mechanism: i8,
}

#[derive(Clone, PartialEq, Wire)]
pub struct ScramCredentialUpsertion {
    pub name: ByteString,
    pub mechanism: i8,
    pub iterations: i32,
    pub salt: Bytes,
    pub salted_password: Bytes,
}

impl fmt::Debug for ScramCredentialUpsertion {
    /// Without salt and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mechanism, iterations, .. } = self;
        f.debug_struct("ScramCredentialUpsertion")
            .field("name", name)
            .field("mechanism", mechanism)
            .field("iterations", iterations)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 51, versions = "0", flexible = "0+")]
pub struct AlterUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterUserScramCredentialsResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterUserScramCredentialsResult {
    pub user: ByteString,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
}
