//! Levels of the logs, which can be changed while a broker runs.
//!
//! A process has one filter of its logs. Whoever installs it hands over how to replace it ([`installed`]); a broker keeps
//! what was changed ([`LogLevels`]) and lays it over the filter of the start. In a program that embeds the broker and has
//! logs of its own nothing is handed over: levels are kept and shown then, and what is logged stays the program's choice.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use parking_lot::Mutex;

/// How much is logged, the least first. Names are those that Kafka's tools use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing: no event of this broker is fatal without ending the process, which says so itself.
    Fatal,
    /// What failed and needs somebody.
    Error,
    /// What is unusual.
    Warn,
    /// What happens now and then.
    Info,
    /// What happens to connections and requests.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [(Self, &str, &str); 6] = [
        (Self::Fatal, "FATAL", "off"),
        (Self::Error, "ERROR", "error"),
        (Self::Warn, "WARN", "warn"),
        (Self::Info, "INFO", "info"),
        (Self::Debug, "DEBUG", "debug"),
        (Self::Trace, "TRACE", "trace"),
    ];

    /// The level of this name, in capitals.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|level| level.1 == name).map(|level| level.0)
    }

    /// The level as a filter has it.
    fn in_filter(self) -> &'static str {
        Self::ALL.iter().find(|level| level.0 == self).map_or("off", |level| level.2)
    }

    fn from_filter(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|level| level.2.eq_ignore_ascii_case(word)).map(|level| level.0)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|level| level.0 == *self).map_or("", |level| level.1))
    }
}

/// The logger above all others.
pub const ROOT: &str = "root";

/// Every logger that has a level to ask for: one for each room of the house.
pub const LOGGERS: &[&str] = &[
    "naru_broker",
    "naru_broker::api",
    "naru_broker::broker",
    "naru_broker::cli",
    "naru_broker::group",
    "naru_broker::http",
    "naru_broker::metadata",
    "naru_broker::partition",
    "naru_broker::server",
    "naru_broker::start",
    "naru_broker::storage",
    ROOT,
];

/// Replaces the filter of the process by another one.
pub type Replace = Box<dyn Fn(&str) + Send + Sync>;

static FILTER: OnceLock<(String, Replace)> = OnceLock::new();

/// Hands over the filter that the process's logs have. Only the first one counts: there is one for each process.
pub fn installed(filter: &str, replace: Replace) {
    // A second one could only come from a second command line, which a process does not have.
    let _ = FILTER.set((filter.to_owned(), replace));
}

/// What one broker was told about its logs.
#[derive(Debug, Default)]
pub struct LogLevels {
    changed: Mutex<BTreeMap<&'static str, LogLevel>>,
}

impl LogLevels {
    /// Every logger with the level that holds for it.
    pub fn all(&self) -> Vec<(&'static str, LogLevel)> {
        let changed = self.changed.lock();
        LOGGERS.iter().map(|logger| (*logger, effective(&filter(&changed), logger))).collect()
    }

    /// Sets levels, and takes those back that come without one: their loggers follow the one above them again.
    pub fn change(&self, changes: &[(&'static str, Option<LogLevel>)]) {
        let mut changed = self.changed.lock();
        for (logger, level) in changes {
            match level {
                Some(level) => changed.insert(logger, *level),
                None => changed.remove(logger),
            };
        }
        if let Some((_, replace)) = FILTER.get() {
            replace(&filter(&changed));
        }
    }
}

/// The filter of the start with the changes behind it: the last directive for a logger counts.
fn filter(changed: &BTreeMap<&'static str, LogLevel>) -> String {
    let start = FILTER.get().map_or("warn", |(filter, _)| filter.as_str());
    changed.iter().fold(start.to_owned(), |filter, (logger, level)| match *logger {
        ROOT => format!("{filter},{}", level.in_filter()),
        logger => format!("{filter},{logger}={}", level.in_filter()),
    })
}

/// The level that a filter gives a logger: that of the longest name it begins with.
fn effective(filter: &str, logger: &str) -> LogLevel {
    let mut best = (0, LogLevel::Error);
    for directive in filter.split(',').map(str::trim) {
        let (target, level) = directive.split_once('=').unwrap_or(("", directive));
        let applies =
            target.is_empty() || logger == target || logger.strip_prefix(target).is_some_and(|r| r.starts_with("::"));
        if let Some(level) = LogLevel::from_filter(level).filter(|_| applies && target.len() >= best.0) {
            best = (target.len(), level);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_directive_gives_the_level() {
        let filter = "warn,naru_broker::server=debug,info,naru_broker=error";
        assert_eq!(effective(filter, ROOT), LogLevel::Info);
        assert_eq!(effective(filter, "naru_broker::server"), LogLevel::Debug);
        assert_eq!(effective(filter, "naru_broker::storage"), LogLevel::Error);
        assert_eq!(effective("", ROOT), LogLevel::Error);
    }

    #[test]
    fn what_is_changed_is_shown_and_can_be_taken_back() {
        let level = |levels: &LogLevels, name| levels.all().into_iter().find(|logger| logger.0 == name).unwrap().1;
        let levels = LogLevels::default();
        levels.change(&[(ROOT, Some(LogLevel::Fatal)), ("naru_broker::api", Some(LogLevel::Trace))]);
        assert_eq!(level(&levels, ROOT), LogLevel::Fatal);
        assert_eq!(level(&levels, "naru_broker::group"), LogLevel::Fatal);
        assert_eq!(level(&levels, "naru_broker::api").to_string(), "TRACE");
        levels.change(&[("naru_broker::api", None)]);
        assert_eq!(level(&levels, "naru_broker::api"), LogLevel::Fatal);
    }

    #[test]
    fn names_are_written_in_capitals() {
        assert_eq!(LogLevel::named("INFO"), Some(LogLevel::Info));
        assert_eq!(LogLevel::named("info"), None);
        assert_eq!(LogLevel::named("OFF"), None);
    }
}
