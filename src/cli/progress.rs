//! A line on standard error that grows with the work, where somebody watches.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often the line is written at most.
const EVERY: Duration = Duration::from_millis(200);

/// Progress of long work. Silent where standard error is no terminal, or where standard output is one too: the results
/// themselves are then the progress.
pub(super) struct Progress {
    shown: bool,
    begun: Instant,
    next: Instant,
    dirty: bool,
}

impl Progress {
    /// Watched only if `wanted`.
    pub(super) fn new(wanted: bool) -> Self {
        let shown = wanted && io::stderr().is_terminal();
        let begun = Instant::now();
        Self { shown, begun, next: begun + EVERY, dirty: false }
    }

    /// Says how far the work is, when it is time to. `text` is only made then.
    pub(super) fn tick(&mut self, text: impl FnOnce(Duration) -> String) {
        if !self.shown {
            return;
        }
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        self.dirty = true;
        // Nobody is helped by an error about a line that is gone in a moment.
        let _ = write!(io::stderr(), "\r\x1b[K{}", text(now - self.begun)).and_then(|()| io::stderr().flush());
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.dirty {
            self.dirty = false;
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// Since the work began.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
