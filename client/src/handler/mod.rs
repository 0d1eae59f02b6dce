//! Services: a handler for each record of some topics.

mod assignments;
mod attempt;
mod on_error;
mod progress;
mod service;
mod source;
mod workers;

pub use attempt::BoxError;
pub use on_error::OnError;
