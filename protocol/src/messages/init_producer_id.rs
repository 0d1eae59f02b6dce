//! `InitProducerId` (key 22): a producer gets its id and epoch.
//!
//! Versions 0–6, flexible from 2.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 3: a producer may ask to go on with the id it has (KIP-360); request `producer_id`, `producer_epoch`.
//! - 4: may answer `PRODUCER_FENCED`.
//! - 5: may answer `TRANSACTION_ABORTABLE` (KIP-890).
//! - 6: two-phase commit; not stable in Kafka 4.4 (KIP-939); request `enable2_pc`, `keep_prepared_txn`; response
//!   `ongoing_txn_producer_id`, `ongoing_txn_producer_epoch`.

use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 22, versions = "0-6", flexible = "2+")]
pub struct InitProducerIdRequest {
    #[field(nullable)]
    pub transactional_id: Option<ByteString>,
    pub transaction_timeout_ms: i32,
    #[field(versions = "3+", default = -1)]
    pub producer_id: i64,
    #[field(versions = "3+", default = -1)]
    pub producer_epoch: i16,
    #[field(versions = "6+")]
    pub enable2_pc: bool,
    #[field(versions = "6+")]
    pub keep_prepared_txn: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 22, versions = "0-6", flexible = "2+")]
pub struct InitProducerIdResponse {
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(default = -1)]
    pub producer_id: i64,
    pub producer_epoch: i16,
    #[field(versions = "6+", default = -1)]
    pub ongoing_txn_producer_id: i64,
    #[field(versions = "6+", default = -1)]
    pub ongoing_txn_producer_epoch: i16,
}
