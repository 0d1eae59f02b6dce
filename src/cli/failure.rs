//! Why a command did not do what it was asked for, and the exit code that says so.

use std::io;
use std::process::ExitCode;

use naru_client::ErrorKind;

/// What the help says about exit codes.
pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 5 broker unreachable, 6 timed out.";

/// Why a command did not do what it was asked for: what, why, and on further lines what to try.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// What was typed, or a setting, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// No broker can be reached.
    #[error("{0}")]
    Unreachable(String),
    /// It took longer than it may.
    #[error("{0}")]
    TimedOut(String),
    /// Whoever reads the output has seen enough: the end, and no failure.
    #[error("the output was closed")]
    ReaderGone,
}

impl Failure {
    /// The process's exit code.
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    fn number(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::Unreachable(_) => 5,
            Self::TimedOut(_) => 6,
        }
    }

    /// Of the same kind, with other words.
    fn reworded(&self, words: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::ReaderGone => Self::ReaderGone,
            Self::Failed(text) => Self::Failed(words(text)),
            Self::Usage(text) => Self::Usage(words(text)),
            Self::NotFound(text) => Self::NotFound(words(text)),
            Self::Unreachable(text) => Self::Unreachable(words(text)),
            Self::TimedOut(text) => Self::TimedOut(words(text)),
        }
    }

    /// Says first what was tried: `topic "orders": …`.
    #[must_use]
    pub(super) fn doing(self, what: impl std::fmt::Display) -> Self {
        self.reworded(|text| format!("{what}: {text}"))
    }

    /// Adds a line with what to try.
    #[must_use]
    pub(super) fn hint(self, advice: impl std::fmt::Display) -> Self {
        self.reworded(|text| format!("{text}\n  {advice}"))
    }

    /// One failure for those of several things. It is of their kind when they agree, else it is just a failure.
    pub(super) fn all(failures: Vec<Self>) -> Result<(), Self> {
        let together = |one: Self, other: Self| {
            let text = format!("{one}\n{other}");
            if one.number() == other.number() { one.reworded(|_| text) } else { Self::Failed(text) }
        };
        failures.into_iter().reduce(together).map_or(Ok(()), Err)
    }
}

impl Failure {
    /// What the client says, without what to try.
    pub(super) fn of(error: &naru_client::Error) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Config => Self::Usage(text),
            ErrorKind::Connect | ErrorKind::Disconnected => Self::Unreachable(text),
            ErrorKind::TimedOut => Self::TimedOut(text),
            _ if error.is_not_found() => Self::NotFound(text),
            _ => Self::Failed(text),
        }
    }

    /// What to try, for failures of this kind.
    #[must_use]
    pub(super) fn with_advice(self, kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Connect => {
                self.hint("-b HOST:PORT or NARU_BROKERS say where it is; `naru` alone starts one here.")
            }
            ErrorKind::Disconnected => {
                self.hint("The broker may have stopped, or something else listens at this address.")
            }
            ErrorKind::TimedOut => self.hint("--timeout gives it more time."),
            _ => self,
        }
    }
}

impl From<naru_client::Error> for Failure {
    fn from(error: naru_client::Error) -> Self {
        Self::of(&error).with_advice(error.kind())
    }
}

/// An error while writing what was asked for.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!("the output cannot be written: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_keep_their_kind_when_they_agree() {
        let not_found = |name: &str| Failure::NotFound("no such topic".into()).doing(name);
        let both = Failure::all(vec![not_found("a"), not_found("b")]).unwrap_err();
        assert!(matches!(&both, Failure::NotFound(text) if text == "a: no such topic\nb: no such topic"), "{both:?}");
        let mixed = Failure::all(vec![not_found("a"), Failure::TimedOut("late".into())]).unwrap_err();
        assert!(matches!(mixed, Failure::Failed(_)));
        assert!(Failure::all(Vec::new()).is_ok());
    }
}
