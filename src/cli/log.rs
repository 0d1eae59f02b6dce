//! Logs: to standard error, quiet unless asked.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::Failure;

/// Sends logs that pass `filter` to standard error. The filter is a level or a list such as `warn,naru_broker::server=debug`.
pub(super) fn init(filter: &str) -> Result<(), Failure> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| {
        Failure::Usage(format!(
            "{filter:?} is not a log filter ({error}). Use error, warn, info, debug or trace, alone or for one part of \
             the broker: warn,naru_broker::server=debug"
        ))
    })?;
    let format = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Another subscriber can only have come from a program that embeds the broker: it keeps its own.
    let _ = format.try_init();
    Ok(())
}
