//! A fetch session (KIP-227): the broker remembers what is fetched from it, and a request names only what is different from
//! the one before.
//!
//! Pure: whoever fetches has every request made the next one of the session, and tells what became of it. Between a request
//! and its answer nobody knows what the broker remembers. So a request whose answer is lost needs no call: the next one
//! begins another session, and ends the one before.

use std::cmp::Ordering;

use naru_protocol::ErrorCode;
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, ForgottenTopic};

/// The first version with sessions; a broker that is older never answers with one.
pub(super) const OLDEST: i16 = 7;

/// The id of no session: of a request that begins the first one, and of an answer that gives none.
const NO_SESSION: i32 = 0;

/// The epoch of a request that lists everything and begins a session; the one it names ends.
const BEGIN: i32 = 0;

/// The epoch of a request outside of any session; the one it names ends.
const END: i32 = -1;

/// What one broker remembers of one consumer.
#[derive(Debug, Default)]
pub(super) struct FetchSession {
    id: i32,
    /// The epoch of the next request.
    next: i32,
    /// The epoch of the last request.
    sent: i32,
    /// Whether the session's topics are named by id.
    by_id: bool,
    /// What the last request wanted: what the broker remembers once that is answered.
    wanted: Vec<FetchTopic>,
}

impl FetchSession {
    /// Makes a request that lists everything the next one of the session. Its topics must be in the order of name and id,
    /// each once, and their partitions in the order of their numbers; with `by_id` false their ids must be nil.
    pub(super) fn next(&mut self, everything: FetchRequest, by_id: bool) -> FetchRequest {
        // The broker does not let a session change over from names to ids, or back.
        let epoch = if by_id == self.by_id { self.next } else { BEGIN };
        (self.sent, self.next, self.by_id) = (epoch, BEGIN, by_id);
        let before = std::mem::replace(&mut self.wanted, everything.topics);
        let (topics, forgotten_topics_data) = match epoch {
            BEGIN => (self.wanted.clone(), Vec::new()),
            _ => difference(&before, &self.wanted),
        };
        FetchRequest { session_id: self.id, session_epoch: epoch, topics, forgotten_topics_data, ..everything }
    }

    /// The last request was answered, with this session id. A broker that gives none, as it has no room, is asked for one
    /// again by the next request.
    pub(super) fn answered(&mut self, id: i32) {
        if id == NO_SESSION {
            self.id = NO_SESSION;
        } else if self.sent == BEGIN || id == self.id {
            self.id = id;
            // 0 and below have meanings of their own.
            self.next = self.sent.checked_add(1).unwrap_or(1);
        }
    }

    /// The last request was refused as a whole. True if the session was the reason: the next request begins another, and may
    /// be sent at once.
    pub(super) fn refused(&mut self, code: ErrorCode) -> bool {
        if code == ErrorCode::FETCH_SESSION_ID_NOT_FOUND {
            self.id = NO_SESSION;
        }
        let of_session = [
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
            ErrorCode::INVALID_FETCH_SESSION_EPOCH,
            ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR,
            ErrorCode::INCONSISTENT_TOPIC_ID,
        ];
        self.sent != BEGIN && of_session.contains(&code)
    }

    /// Has the broker tell everything again: the next request begins another session.
    pub(super) fn begin_anew(&mut self) {
        self.next = BEGIN;
    }

    /// The session is of no more use. If the broker may have it still: the request that ends it, whose answer says nothing.
    pub(super) fn end(&mut self) -> Option<FetchRequest> {
        let session_id = std::mem::take(self).id;
        (session_id != NO_SESSION).then(|| FetchRequest { session_id, session_epoch: END, ..Default::default() })
    }
}

/// What is wanted that was not, or not so, and what is not wanted any more.
fn difference(before: &[FetchTopic], wanted: &[FetchTopic]) -> (Vec<FetchTopic>, Vec<ForgottenTopic>) {
    let (mut topics, mut forgotten) = (Vec::new(), Vec::new());
    pair(
        before,
        wanted,
        |a, b| (&a.topic, a.topic_id).cmp(&(&b.topic, b.topic_id)),
        |before, wanted| {
            let (mut changed, mut gone) = (Vec::new(), Vec::new());
            let partitions = [before, wanted].map(|topic| topic.map_or(&[][..], |topic| &topic.partitions));
            let by_number = |a: &FetchPartition, b: &FetchPartition| a.partition.cmp(&b.partition);
            pair(partitions[0], partitions[1], by_number, |before, wanted| match (before, wanted) {
                (Some(before), None) => gone.push(before.partition),
                (before, Some(wanted)) if before != Some(wanted) => changed.push(wanted.clone()),
                _ => {}
            });
            if let Some(FetchTopic { topic, topic_id, .. }) = wanted.filter(|_| !changed.is_empty()) {
                topics.push(FetchTopic { topic: topic.clone(), topic_id: *topic_id, partitions: changed });
            }
            if let Some(FetchTopic { topic, topic_id, .. }) = before.filter(|_| !gone.is_empty()) {
                forgotten.push(ForgottenTopic { topic: topic.clone(), topic_id: *topic_id, partitions: gone });
            }
        },
    );
    (topics, forgotten)
}

/// Goes through two lists in the same order, and puts together what is equal in it.
fn pair<'a, T>(
    left: &'a [T],
    right: &'a [T],
    order: impl Fn(&T, &T) -> Ordering,
    mut each: impl FnMut(Option<&'a T>, Option<&'a T>),
) {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => order(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        each(left.next_if(|_| order.is_le()), right.next_if(|_| order.is_ge()));
    }
}

#[cfg(test)]
mod tests;
