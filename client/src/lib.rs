//! An async client for Apache Kafka's protocol.
#![forbid(unsafe_code)]
