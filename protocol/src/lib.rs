//! Apache Kafka's wire protocol and record batches.
#![forbid(unsafe_code)]

pub mod records;
