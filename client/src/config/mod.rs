//! Settings: typed ones, and Kafka's property names for those who have a file of them.

mod client;
mod properties;

pub(crate) use client::ClientConfig;
pub(crate) use properties::{Properties, Setting, check_names};
