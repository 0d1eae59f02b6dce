//! An async client for Apache Kafka's protocol: Naru, Apache Kafka and everything that speaks like them.
//!
//! A [`Client`] knows a cluster; producers, consumers and the admin are made from it.
//! What goes wrong is an [`Error`], which says whether to try again and whether the write may have happened.
//! Beneath all of it, [`raw`] is one connection and its bytes, for tools that look at the protocol itself.
#![forbid(unsafe_code)]

pub mod admin;
mod call;
mod client;
mod config;
mod consumer;
mod deadline;
mod error;
#[cfg(test)]
mod fake_broker;
mod group;
pub mod handler;
mod metadata;
mod network;
mod producer;
pub mod raw;
mod record;

pub use admin::Admin;
pub use client::{Client, ClientBuilder};
pub use consumer::{
    Consumer, ConsumerBuilder, ConsumerHandle, IsolationLevel, OffsetReset, Records, SeekTo, Watermarks,
};
pub use error::{Error, ErrorKind};
pub use group::Assignor;
pub use naru_protocol::records::{Codec, Header, TimestampType};
pub use naru_protocol::{ApiKey, ErrorCode};
pub use producer::{Acks, Delivery, Producer, ProducerBuilder, TrySendError};
pub use record::{ConsumerRecord, Record, RecordMetadata, TopicPartition};
