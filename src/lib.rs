//! The Naru broker.

pub mod group;
