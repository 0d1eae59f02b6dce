//! The Naru broker.

pub mod partition;
pub mod storage;
