//! Work that must never run twice at once for one log, and must run again when more arrived meanwhile.

use std::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const RUNNING_AND_ASKED_AGAIN: u8 = 3;

/// At most one turn is queued or running; a request during a turn causes exactly one more.
#[derive(Debug, Default)]
pub(super) struct Turn(AtomicU8);

impl Turn {
    /// Asks for a turn. `true`: the caller has to queue it. `false`: one is queued already, or will follow.
    pub(super) fn request(&self) -> bool {
        let next = |state| match state {
            IDLE => Some(QUEUED),
            RUNNING => Some(RUNNING_AND_ASKED_AGAIN),
            _ => None,
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(IDLE)
    }

    /// The queued turn begins. What was asked for before is seen by it.
    pub(super) fn begin(&self) {
        self.0.store(RUNNING, Ordering::SeqCst);
    }

    /// The turn is over. `true`: it was asked for again; it counts as queued now.
    pub(super) fn finish(&self) -> bool {
        let next = |state| Some(if state == RUNNING { IDLE } else { QUEUED });
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(RUNNING_AND_ASKED_AGAIN)
    }

    /// Whether no turn is queued or running.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == IDLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_during_a_turn_causes_exactly_one_more() {
        let turn = Turn::default();
        assert!(turn.request());
        assert!(!turn.request(), "it is queued already");
        turn.begin();
        assert!(!turn.request() && !turn.request());
        assert!(turn.finish());
        turn.begin();
        assert!(!turn.finish());
        assert!(turn.is_idle() && turn.request());
    }
}
