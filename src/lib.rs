//! The Naru broker.

pub mod config;
pub mod metadata;
