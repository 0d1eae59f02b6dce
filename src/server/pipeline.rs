//! The answers of one connection, in the order of its requests.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::api::{Answer, CloseReason, Encoded};

use super::budget::Permit;

/// A finished answer.
#[derive(Debug)]
pub(super) enum Outcome {
    Response(Encoded),
    Nothing,
    Close(CloseReason),
}

/// What is known of a request without understanding it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The API key at the beginning of its header.
    pub(super) api_key: i16,
    /// When its last byte was read.
    pub(super) at: Instant,
}

/// A request that is done with.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) arrival: Arrival,
    /// Its length.
    pub(super) bytes: usize,
    pub(super) outcome: Outcome,
}

struct Slot {
    arrival: Arrival,
    answer: Answer<Encoded>,
    permit: Permit,
}

/// Ordered answers. Only the front and, if it is a barrier, the back are ever polled: everything between waits for
/// durability alone and is looked at when its turn comes.
#[derive(Default)]
pub(super) struct Pipeline {
    slots: VecDeque<Slot>,
    bytes: usize,
}

impl Pipeline {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the requests that are not answered yet.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing may be applied behind the last request.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.slots.back(), Some(Slot { answer: Answer::Barrier(_) | Answer::Close(_), .. }))
    }

    pub(super) fn push(&mut self, arrival: Arrival, answer: Answer<Encoded>, permit: Permit) {
        self.bytes += permit.bytes();
        self.slots.push_back(Slot { arrival, answer, permit });
    }

    /// Polls the last answer if it is a barrier. True if it is none any more.
    pub(super) fn poll_barrier(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(slot) = self.slots.back_mut() else { return false };
        let mut passed = false;
        while let Answer::Barrier(future) = &mut slot.answer {
            let Poll::Ready(answer) = future.as_mut().poll(cx) else { return false };
            slot.answer = answer;
            passed = true;
        }
        passed
    }

    /// Takes the first answer when it is finished.
    pub(super) fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<Finished> {
        let Some(front) = self.slots.front_mut() else { return Poll::Pending };
        while let Answer::Pipelined(future) | Answer::Barrier(future) = &mut front.answer {
            let Poll::Ready(answer) = future.as_mut().poll(cx) else { return Poll::Pending };
            front.answer = answer;
        }
        let Some(slot) = self.slots.pop_front() else { return Poll::Pending };
        let bytes = slot.permit.bytes();
        self.bytes -= bytes;
        if self.slots.is_empty() {
            // An idle connection keeps no queue.
            self.slots = VecDeque::new();
        }
        let outcome = match slot.answer {
            Answer::Ready(response) => Outcome::Response(response),
            Answer::Close(reason) => Outcome::Close(reason),
            Answer::Nothing | Answer::Pipelined(_) | Answer::Barrier(_) => Outcome::Nothing,
        };
        Poll::Ready(Finished { arrival: slot.arrival, bytes, outcome })
    }

    /// Drops whatever is not answered.
    pub(super) fn clear(&mut self) {
        self.slots = VecDeque::new();
        self.bytes = 0;
    }
}
