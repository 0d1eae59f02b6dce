//! The APIs: one file each.

mod answer;
mod context;

pub use answer::{Answer, BoxFuture, Chunks, CloseReason};
pub use context::{Advertised, ConnectionContext, Endpoint, Listener, RequestContext};
