//! The Naru broker.

pub mod api;
pub mod broker;
pub mod config;
pub mod partition;
pub mod server;
pub mod storage;
