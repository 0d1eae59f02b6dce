//! The Naru broker.

pub mod storage;
