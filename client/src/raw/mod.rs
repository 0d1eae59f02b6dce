//! The ground floor: one TCP connection to one broker, requests of any API and version, bytes as they are.
//!
//! For tools and tests that look at the protocol itself. Services use [`Client`](crate::Client).

mod connection;
mod error;
mod frames;

pub(crate) use connection::write_all;
pub use connection::{Connection, Options};
pub use error::Error;
pub(crate) use frames::Frames;
