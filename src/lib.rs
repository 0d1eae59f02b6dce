//! The Naru broker.

pub mod config;
pub mod metadata;
pub mod partition;
pub mod storage;
