//! The Naru broker.

pub mod api;
pub mod server;
