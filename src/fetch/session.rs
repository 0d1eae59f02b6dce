//! One session: the list of a reader, and which of its requests is the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::Following;
use crate::partition::News;

/// A reader's list that outlives its requests.
#[derive(Debug)]
pub struct Session {
    id: i32,
    uses_topic_ids: bool,
    epoch: AtomicI32,
    following: Mutex<Following>,
    news: Arc<News>,
}

impl Session {
    /// The epoch of the first incremental request.
    const FIRST_EPOCH: i32 = 1;

    pub(super) fn new(id: i32, uses_topic_ids: bool, following: Following) -> Self {
        let news = Arc::clone(following.news());
        let epoch = AtomicI32::new(Self::FIRST_EPOCH);
        Self { id, uses_topic_ids, epoch, following: Mutex::new(following), news }
    }

    /// Its number, 1 or more.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Whether its topics are named by id; then all of them are.
    pub fn uses_topic_ids(&self) -> bool {
        self.uses_topic_ids
    }

    /// The epoch that the next request must have.
    pub fn epoch(&self) -> i32 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The list. Whoever has it holds back the next request of the session, and should let go when [`Session::epoch`] moves.
    pub async fn following(&self) -> MutexGuard<'_, Following> {
        self.following.lock().await
    }

    /// Takes the request with the epoch that is due; from then on one with the next epoch is. Whoever waits with an earlier
    /// request is told.
    pub(super) fn advance(&self) {
        self.epoch.store(next_epoch(self.epoch()), Ordering::Release);
        self.news.ring();
    }
}

/// After the largest number comes 1: 0 asks for a new session.
fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(Session::FIRST_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_begin_again_at_1() {
        let session = Session::new(7, false, Following::default());
        assert_eq!(session.epoch(), 1);
        session.advance();
        assert_eq!(session.epoch(), 2);
        session.epoch.store(i32::MAX, Ordering::Release);
        session.advance();
        assert_eq!(session.epoch(), 1);
    }
}
