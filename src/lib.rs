//! The Naru broker.

pub mod config;
