//! `ApiVersions` (key 18): which APIs and versions, and which features, a broker has.
//!
//! Versions 0–5, flexible from 3. The response header is version 0 in every version, so that a client can read the
//! refusal of a version it guessed.
//!
//! - 1: response `throttle_time_ms`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: the client names its software; features (KIP-511, KIP-584); request `client_software_name`,
//!   `client_software_version`; response `supported_features`, `finalized_features_epoch`, `finalized_features`,
//!   `zk_migration_ready`.
//! - 4: features with a minimum of 0 are listed too.
//! - 5: the client may name the cluster and the node it means to reach; `REBOOTSTRAP_REQUIRED` if it reached
//!   another (KIP-1242); request `cluster_id`, `node_id`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 18, versions = "0-5", flexible = "3+")]
pub struct ApiVersionsRequest {
    #[field(versions = "3+", ignorable)]
    pub client_software_name: ByteString,
    #[field(versions = "3+", ignorable)]
    pub client_software_version: ByteString,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub cluster_id: Option<ByteString>,
    #[field(versions = "5+", default = -1, ignorable)]
    pub node_id: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 18, versions = "0-5", flexible = "3+")]
pub struct ApiVersionsResponse {
    pub error_code: ErrorCode,
    pub api_keys: Vec<ApiVersion>,
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[field(versions = "3+", tag = 0, ignorable)]
    pub supported_features: Vec<SupportedFeatureKey>,
    #[field(versions = "3+", tag = 1, default = -1, ignorable)]
    pub finalized_features_epoch: i64,
    #[field(versions = "3+", tag = 2, ignorable)]
    pub finalized_features: Vec<FinalizedFeatureKey>,
    #[field(versions = "3+", tag = 3, ignorable)]
    pub zk_migration_ready: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct SupportedFeatureKey {
    pub name: ByteString,
    pub min_version: i16,
    pub max_version: i16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FinalizedFeatureKey {
    pub name: ByteString,
    pub max_version_level: i16,
    pub min_version_level: i16,
}
