//! The Naru broker.

pub mod api;
pub mod bench;
pub mod broker;
pub mod cli;
pub mod config;
#[cfg(test)]
mod documentation;
pub mod fetch;
pub mod group;
pub mod http;
pub mod log_levels;
pub mod measure;
pub mod metadata;
pub mod partition;
pub mod process;
pub mod quota;
pub mod server;
mod start;
pub mod storage;

pub use broker::Broker;
pub use start::{RunningBroker, StartError, StopError};
