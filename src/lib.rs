//! The Naru broker.

pub mod api;
pub mod broker;
pub mod server;
