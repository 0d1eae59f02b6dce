//! An async client for Apache Kafka's protocol.
//!
//! [`Connection`] is the ground floor: one TCP connection to one broker, requests and responses of any API and version.
#![forbid(unsafe_code)]

mod connection;
mod error;

pub use connection::{Connection, Options};
pub use error::Error;
