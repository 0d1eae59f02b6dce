//! Faults that wait for a request of an API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use naru_protocol::ApiKey;
use tokio::sync::watch;

/// A fault that was ordered. It waits for its request whether or not this is kept.
#[derive(Debug)]
pub struct Fault {
    happened: watch::Receiver<bool>,
}

impl Fault {
    /// Returns when it has happened: the connection is closed, or closing. Never, if it was disarmed by
    /// [`heal`](crate::FaultProxy::heal). Cancellation safe.
    pub async fn happened(mut self) {
        if self.happened.wait_for(|&happened| happened).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it has happened.
    pub fn has_happened(&self) -> bool {
        *self.happened.borrow()
    }
}

/// Answers are kept back until this is dropped.
#[derive(Debug)]
#[must_use = "answers are let go when it is dropped"]
pub struct Hold {
    gate: Arc<Gate>,
    traps: Traps,
}

impl Hold {
    /// Returns when so many answers have come from the broker and are kept back. Cancellation safe.
    pub async fn held(&self, answers: usize) {
        // The sender lives in the gate.
        let _ = self.gate.state.subscribe().wait_for(|state| state.held >= answers).await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.traps.lock().holds.retain(|(_, gate)| !Arc::ptr_eq(gate, &self.gate));
        self.gate.state.send_modify(|state| state.open = true);
    }
}

#[derive(Debug, Default)]
pub(super) struct Gate {
    state: watch::Sender<GateState>,
}

#[derive(Debug, Default)]
struct GateState {
    held: usize,
    open: bool,
}

impl Gate {
    pub(super) async fn passed(&self) {
        // The sender lives in `self`.
        let _ = self.state.subscribe().wait_for(|state| state.open).await;
    }
}

/// What waits for the next request of an API.
#[derive(Debug)]
pub(super) enum Trap {
    LoseRequest { happened: watch::Sender<bool> },
    LoseAnswer { happened: watch::Sender<bool> },
    CutAnswer { after_bytes: usize, happened: watch::Sender<bool> },
}

/// All that waits, and what has come by.
#[derive(Clone, Debug, Default)]
pub(super) struct Traps(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    armed: Vec<(ApiKey, Trap)>,
    holds: Vec<(ApiKey, Arc<Gate>)>,
    requests: HashMap<ApiKey, Requests>,
}

/// What has come by of one API.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requests {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Traps {
    pub(super) fn arm(&self, api: ApiKey, trap: impl FnOnce(watch::Sender<bool>) -> Trap) -> Fault {
        let (sender, happened) = watch::channel(false);
        self.lock().armed.push((api, trap(sender)));
        Fault { happened }
    }

    pub(super) fn hold(&self, api: ApiKey) -> Hold {
        let gate = Arc::<Gate>::default();
        self.lock().holds.push((api, Arc::clone(&gate)));
        Hold { gate, traps: self.clone() }
    }

    /// Forgets the faults that have not happened. A [`Hold`] ends when it is dropped.
    pub(super) fn disarm(&self) {
        self.lock().armed.clear();
    }

    pub(super) fn requests(&self, api: ApiKey) -> Requests {
        self.lock().requests.get(&api).copied().unwrap_or_default()
    }

    /// Counts a request; the sender, if it is to be lost.
    pub(super) fn request(&self, api: ApiKey, bytes: usize) -> Option<watch::Sender<bool>> {
        let mut state = self.lock();
        let requests = state.requests.entry(api).or_default();
        requests.count += 1;
        requests.bytes += bytes as u64;
        let at = state.armed.iter().position(|(of, trap)| *of == api && matches!(trap, Trap::LoseRequest { .. }))?;
        match state.armed.remove(at).1 {
            Trap::LoseRequest { happened } | Trap::LoseAnswer { happened } | Trap::CutAnswer { happened, .. } => {
                Some(happened)
            }
        }
    }

    /// What becomes of an answer: a fault, and a gate it waits at.
    pub(super) fn answer(&self, api: ApiKey) -> (Option<Trap>, Option<Arc<Gate>>) {
        let mut state = self.lock();
        let at = state.armed.iter().position(|(of, trap)| *of == api && !matches!(trap, Trap::LoseRequest { .. }));
        let trap = at.map(|at| state.armed.remove(at).1);
        let gate = state.holds.iter().find(|(of, _)| *of == api).map(|(_, gate)| Arc::clone(gate));
        if let Some(gate) = &gate {
            gate.state.send_modify(|state| state.held += 1);
        }
        (trap, gate)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
