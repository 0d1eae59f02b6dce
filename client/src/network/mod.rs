//! Connections to brokers.
//!
//! A [`Channel`] is one connection that many callers share; a [`Pool`] keeps one for each broker and [`Lane`], and makes it
//! anew when it broke.

mod backoff;
mod channel;
mod pool;
mod versions;

#[cfg(test)]
mod tests;

pub(crate) use backoff::Backoff;
pub(crate) use channel::Channel;
pub(crate) use pool::{Lane, Pool};
pub(crate) use versions::Versions;
