//! All sessions of the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use naru_protocol::ErrorCode;
use parking_lot::Mutex;

use super::shard::{Shard, Size};
use super::{Following, Session};
use crate::measure::Counter;

/// Sessions are divided among so many shards, in turn, so that their readers rarely wait for each other. It can be seen from
/// outside: every shard has its part of the slots, and makes room within itself.
const SHARDS: usize = 8;

/// Ids of a shard are next to each other, so that an id tells its shard.
const IDS_PER_SHARD: i32 = i32::MAX / SHARDS as i32;

/// Partitions of all sessions together; each takes some 300 bytes. Kafka bounds the sessions only.
const MAX_PARTITIONS: usize = 1 << 20;

/// Why a request cannot be taken as the next one of a session. The reader should send a full request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// `FETCH_SESSION_ID_NOT_FOUND`: closed, evicted, or of an earlier start of the broker.
    #[error("there is no such fetch session")]
    NotFound,
    /// `INVALID_FETCH_SESSION_EPOCH`: an answer was lost, or two readers use one session.
    #[error("the request is not the next one of the fetch session")]
    InvalidEpoch,
    /// `FETCH_SESSION_TOPIC_ID_ERROR`: names in a session with topic ids, or the other way round.
    #[error("the fetch session names its topics in the other way")]
    TopicIds,
}

impl From<SessionError> for ErrorCode {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => Self::FETCH_SESSION_ID_NOT_FOUND,
            SessionError::InvalidEpoch => Self::INVALID_FETCH_SESSION_EPOCH,
            SessionError::TopicIds => Self::FETCH_SESSION_TOPIC_ID_ERROR,
        }
    }
}

/// The sessions. Every method takes a lock for a moment only.
#[derive(Debug)]
pub struct FetchSessions {
    shards: [Mutex<Shard>; SHARDS],
    next_shard: AtomicUsize,
    room: AtomicUsize,
    partitions: AtomicUsize,
    evictions: Counter,
}

impl FetchSessions {
    /// Room for `max.incremental.fetch.session.cache.slots` sessions, rounded down to a multiple of the shards.
    pub fn new(slots: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(slots / SHARDS))),
            next_shard: AtomicUsize::new(0),
            room: AtomicUsize::new(0),
            partitions: AtomicUsize::new(0),
            evictions: Counter::default(),
        }
    }

    /// Keeps a list as a new session. `None` when there is no room, and nobody who would have to make some: the reader then
    /// sends its list with every request.
    pub fn open(&self, following: Following, uses_topic_ids: bool, privileged: bool, now_ms: u64) -> Option<i32> {
        let number = self.next_shard.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let size = size_of(&following);
        let mut evicted = Vec::new();
        let mut shard = self.shards[number].lock();
        let id = loop {
            if !shard.is_full() && self.room.load(Ordering::Relaxed) + size.room <= MAX_PARTITIONS {
                break Some(self.insert(&mut shard, number, following, uses_topic_ids, privileged, now_ms));
            }
            let Some((session, size)) = shard.evict(privileged, size.partitions, now_ms) else { break None };
            self.resize(size, Size::default());
            self.evictions.add(1);
            evicted.push(session);
        };
        // Letting go of thousands of partitions takes time that others need not wait for.
        drop(shard);
        id
    }

    fn insert(
        &self,
        shard: &mut Shard,
        number: usize,
        following: Following,
        uses_topic_ids: bool,
        privileged: bool,
        now_ms: u64,
    ) -> i32 {
        let first = number as i32 * IDS_PER_SHARD;
        let id = loop {
            let id = fastrand::i32(first.max(1)..first + IDS_PER_SHARD);
            if shard.get(id).is_none() {
                break id;
            }
        };
        let size = size_of(&following);
        self.resize(Size::default(), size);
        shard.insert(Arc::new(Session::new(id, uses_topic_ids, following)), privileged, size, now_ms);
        id
    }

    /// Takes a request as the next one of its session. The caller owes a [`FetchSessions::touch`].
    pub fn resume(&self, id: i32, epoch: i32, uses_topic_ids: bool) -> Result<Arc<Session>, SessionError> {
        let shard = self.shard_of(id).ok_or(SessionError::NotFound)?.lock();
        let session = shard.get(id).ok_or(SessionError::NotFound)?;
        if session.epoch() != epoch {
            return Err(SessionError::InvalidEpoch);
        }
        if session.uses_topic_ids() != uses_topic_ids {
            return Err(SessionError::TopicIds);
        }
        session.advance();
        Ok(Arc::clone(session))
    }

    /// Notes that a session is used and how large it is now. One that has outgrown the bound of all sessions is closed.
    pub fn touch(&self, session: &Session, following: &Following, now_ms: u64) -> Result<(), SessionError> {
        let Some(shard) = self.shard_of(session.id()) else { return Ok(()) };
        let size = size_of(following);
        let Some(before) = shard.lock().touch(session.id(), size, now_ms) else { return Ok(()) };
        self.resize(before, size);
        if size.room > before.room && self.room.load(Ordering::Relaxed) > MAX_PARTITIONS {
            self.close(session.id());
            return Err(SessionError::NotFound);
        }
        Ok(())
    }

    /// Closes a session; one that does not exist is closed already.
    pub fn close(&self, id: i32) {
        let Some(shard) = self.shard_of(id) else { return };
        let removed = shard.lock().remove(id);
        if let Some((_session, size)) = removed {
            self.resize(size, Size::default());
        }
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many partitions they follow together.
    pub fn partitions(&self) -> usize {
        self.partitions.load(Ordering::Relaxed)
    }

    /// How many had to make room so far.
    pub fn evictions(&self) -> u64 {
        self.evictions.get()
    }

    fn shard_of(&self, id: i32) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::try_from(id).ok()? / IDS_PER_SHARD as usize)
    }

    fn resize(&self, before: Size, after: Size) {
        self.partitions.fetch_add(after.partitions.wrapping_sub(before.partitions), Ordering::Relaxed);
        self.room.fetch_add(after.room.wrapping_sub(before.room), Ordering::Relaxed);
    }
}

fn size_of(following: &Following) -> Size {
    Size { partitions: following.len(), room: following.room() }
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Place};
    use super::*;

    fn following(partitions: i32) -> Following {
        let mut following = Following::default();
        for partition in 0..partitions {
            let place = Place { topic: "t".into(), topic_id: uuid::Uuid::nil(), partition };
            following.follow(place, Asked::default());
        }
        following
    }

    #[test]
    fn every_shard_has_its_part_of_the_slots() {
        let sessions = FetchSessions::new(2 * SHARDS + 7);
        let opened: Vec<_> = (0..3 * SHARDS).map(|_| sessions.open(following(2), false, false, 0)).collect();
        assert_eq!(opened.iter().flatten().count(), 2 * SHARDS);
        assert_eq!((sessions.len(), sessions.partitions(), sessions.evictions()), (2 * SHARDS, 4 * SHARDS, 0));
        let id = opened[3].unwrap();
        assert_eq!(id / IDS_PER_SHARD, 3);
        sessions.close(id);
        sessions.close(id);
        assert_eq!((sessions.len(), sessions.partitions()), (2 * SHARDS - 1, 4 * SHARDS - 2));
    }

    #[test]
    fn fewer_slots_than_shards_keep_nothing() {
        assert_eq!(FetchSessions::new(SHARDS - 1).open(following(1), false, false, 0), None);
    }

    #[test]
    fn whoever_makes_room_is_gone() {
        let sessions = FetchSessions::new(SHARDS);
        let first = sessions.open(following(2), false, false, 0).unwrap();
        for _ in 1..SHARDS {
            sessions.open(following(2), false, false, 0).unwrap();
        }
        let replica = sessions.open(following(1), false, true, 0).unwrap();
        assert_eq!(sessions.resume(first, 1, false).unwrap_err(), SessionError::NotFound);
        assert!(sessions.resume(replica, 1, false).is_ok());
        assert_eq!((sessions.len(), sessions.evictions()), (SHARDS, 1));
    }

    #[test]
    fn all_sessions_together_are_bounded() {
        let sessions = FetchSessions::new(1_000);
        let id = sessions.open(following(2), false, false, 0).unwrap();
        sessions.room.store(MAX_PARTITIONS - 1, Ordering::Relaxed);
        assert_eq!(sessions.open(following(2), false, false, 0), None);
        let session = sessions.resume(id, 1, false).unwrap();
        assert_eq!(sessions.touch(&session, &following(3), 0), Ok(()));
        assert_eq!(sessions.touch(&session, &following(4), 0), Err(SessionError::NotFound));
        assert_eq!((sessions.len(), sessions.partitions()), (0, 0));
    }

    #[test]
    fn an_epoch_serves_once_and_ids_of_no_shard_are_not_found() {
        let sessions = FetchSessions::new(1_000);
        let id = sessions.open(following(1), true, false, 0).unwrap();
        assert_eq!(sessions.resume(id, 1, false).unwrap_err(), SessionError::TopicIds);
        assert!(sessions.resume(id, 1, true).is_ok());
        assert_eq!(sessions.resume(id, 1, true).unwrap_err(), SessionError::InvalidEpoch);
        for nobody in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(sessions.resume(nobody, 1, true).unwrap_err(), SessionError::NotFound);
        }
    }
}
