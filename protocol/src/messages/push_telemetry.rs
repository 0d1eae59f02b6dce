//! `PushTelemetry` (key 72): a client pushes metrics (KIP-714).
//!
//! Version 0, flexible.

use bytes::Bytes;
use naru_protocol_derive::Message;
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 72, versions = "0", flexible = "0+")]
pub struct PushTelemetryRequest {
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub terminating: bool,
    pub compression_type: i8,
    pub metrics: Bytes,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 72, versions = "0", flexible = "0+")]
pub struct PushTelemetryResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}
