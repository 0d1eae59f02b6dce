//! Logs: to standard error, quiet unless asked.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, reload};

use crate::log_levels;

use super::Failure;

/// Sends logs that pass `filter` to standard error. The filter is a level or a list such as `warn,naru_broker::server=debug`.
pub(super) fn init(filter: &str) -> Result<(), Failure> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| {
        Failure::Usage(format!(
            "{filter:?} is not a log filter ({error}). Use error, warn, info, debug or trace, alone or for one part of \
             the broker: warn,naru_broker::server=debug"
        ))
    })?;
    let (parsed, handle) = reload::Layer::new(parsed);
    let format = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // Another subscriber can only have come from a program that embeds the broker: it keeps its own.
    if tracing_subscriber::registry().with(parsed).with(format).try_init().is_ok() {
        let replace = move |filter: &str| {
            // The filter is made of names and levels that are known, so only a process that ends has no use for it.
            if let Ok(filter) = EnvFilter::try_new(filter) {
                let _ = handle.reload(filter);
            }
        };
        log_levels::installed(filter, Box::new(replace));
    }
    Ok(())
}
