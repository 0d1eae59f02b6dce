//! The answers of one connection, in the order of its requests.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::api::{Answer, Chunks, CloseReason};

use super::budget::Permit;

/// A finished answer.
#[derive(Debug)]
pub(super) enum Outcome {
    Response(Chunks),
    Nothing,
    Close(CloseReason),
}

struct Slot {
    answer: Answer<Chunks>,
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

    pub(super) fn push(&mut self, answer: Answer<Chunks>, permit: Permit) {
        self.bytes += permit.bytes();
        self.slots.push_back(Slot { answer, permit });
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
    pub(super) fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(front) = self.slots.front_mut() else { return Poll::Pending };
        while let Answer::Pipelined(future) | Answer::Barrier(future) = &mut front.answer {
            let Poll::Ready(answer) = future.as_mut().poll(cx) else { return Poll::Pending };
            front.answer = answer;
        }
        let Some(slot) = self.slots.pop_front() else { return Poll::Pending };
        self.bytes -= slot.permit.bytes();
        if self.slots.is_empty() {
            // An idle connection keeps no queue.
            self.slots = VecDeque::new();
        }
        Poll::Ready(match slot.answer {
            Answer::Ready(chunks) => Outcome::Response(chunks),
            Answer::Close(reason) => Outcome::Close(reason),
            Answer::Nothing | Answer::Pipelined(_) | Answer::Barrier(_) => Outcome::Nothing,
        })
    }

    /// Drops whatever is not answered.
    pub(super) fn clear(&mut self) {
        self.slots = VecDeque::new();
        self.bytes = 0;
    }
}
