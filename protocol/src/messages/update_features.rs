//! `UpdateFeatures` (key 57): finalized features are raised or lowered.
//!
//! Versions 0–2, flexible.
//!
//! - 1: request `upgrade_type`, `validate_only`; request without `allow_downgrade`.
//! - 2: results per feature are gone; response without `results`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 57, versions = "0-2", flexible = "0+")]
pub struct UpdateFeaturesRequest {
    #[field(default = 60000)]
    pub timeout_ms: i32,
    pub feature_updates: Vec<FeatureUpdateKey>,
    #[field(versions = "1+")]
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FeatureUpdateKey {
    pub feature: ByteString,
    pub max_version_level: i16,
    #[field(versions = "0")]
    pub allow_downgrade: bool,
    #[field(versions = "1+", default = 1)]
    pub upgrade_type: i8,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 57, versions = "0-2", flexible = "0+")]
pub struct UpdateFeaturesResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    #[field(versions = "0-1", ignorable)]
    pub results: Vec<UpdatableFeatureResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct UpdatableFeatureResult {
    pub feature: ByteString,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
}
