//! The records of `__transaction_state`: for each transactional id, its producer and the transaction that is open.
//!
//! The key has type 0; the value has versions 0–1.
//!
//! - 1: flexible; `previous_producer_id`, `next_producer_id`, `next_producer_epoch`, `client_transaction_version`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use super::{CoordinatorKey, coordinator_records};
use crate::versioned;
use crate::wire::{DecodeError, Message, Reader, Wire};

coordinator_records! {
    "__transaction_state":
    TransactionLog = (TransactionLogKey, TransactionLogValue);
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 0, versions = "0")]
pub struct TransactionLogKey {
    pub transactional_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 0, versions = "0-1", flexible = "1+")]
pub struct TransactionLogValue {
    pub producer_id: i64,
    #[field(versions = "1+", tag = 0, default = -1)]
    pub previous_producer_id: i64,
    #[field(versions = "1+", tag = 1, default = -1)]
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    #[field(versions = "1+", tag = 3, default = -1)]
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    #[field(nullable)]
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    #[field(versions = "1+", tag = 2)]
    pub client_transaction_version: i16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionsSchema {
    pub topic: ByteString,
    pub partition_ids: Vec<i32>,
}
