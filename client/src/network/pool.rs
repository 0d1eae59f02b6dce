//! A connection for each broker and lane, made when it is first needed and again when it broke.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, sleep_until};

use super::{Backoff, Channel};
use crate::config::ClientConfig;
use crate::error::Error;
use crate::raw::Options;

/// The lane that all callers share who neither wait long at the broker nor send much.
const SHARED: u64 = 0;

/// The connections of one client.
pub(crate) struct Pool {
    config: Arc<ClientConfig>,
    slots: Mutex<HashMap<(u64, String), Arc<Slot>>>,
    next_lane: AtomicU64,
}

/// A connection of its own for someone whose requests would hold up those of others: a broker answers the requests of a
/// connection in order, and some of them (Fetch, `JoinGroup`) wait. Closed when dropped.
pub(crate) struct Lane {
    pool: Arc<Pool>,
    id: u64,
}

/// The place of one connection.
struct Slot {
    address: String,
    channel: Mutex<Option<Arc<Channel>>>,
    /// Held by the one who connects.
    connecting: tokio::sync::Mutex<Attempts>,
}

struct Attempts {
    backoff: Backoff,
    not_before: Instant,
}

impl Pool {
    pub(crate) fn new(config: Arc<ClientConfig>) -> Arc<Self> {
        Arc::new(Self { config, slots: Mutex::default(), next_lane: AtomicU64::new(SHARED + 1) })
    }

    /// The shared connection to the broker at `host:port`. Cancellation safe.
    pub(crate) async fn channel(&self, address: &str) -> Result<Arc<Channel>, Error> {
        self.slot(SHARED, address).channel(&self.config).await
    }

    /// A connection of the shared lane that is open right now, preferably.
    pub(crate) fn open_channel(&self, address: &str) -> Option<Arc<Channel>> {
        self.slot(SHARED, address).open()
    }

    /// Connections that only the holder uses.
    pub(crate) fn lane(self: &Arc<Self>) -> Lane {
        Lane { pool: Arc::clone(self), id: self.next_lane.fetch_add(1, Ordering::Relaxed) }
    }

    /// Closes every connection.
    pub(crate) fn close(&self) {
        self.slots().drain().for_each(|(_, slot)| slot.close());
    }

    fn slot(&self, lane: u64, address: &str) -> Arc<Slot> {
        let mut slots = self.slots();
        let slot = slots.entry((lane, address.to_owned())).or_insert_with(|| {
            let backoff = Backoff::new(self.config.reconnect_backoff, self.config.reconnect_backoff_max);
            let attempts = Attempts { backoff, not_before: Instant::now() };
            Arc::new(Slot {
                address: address.to_owned(),
                channel: Mutex::default(),
                connecting: tokio::sync::Mutex::new(attempts),
            })
        });
        Arc::clone(slot)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<(u64, String), Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// The lane's connection to the broker at `host:port`. Cancellation safe.
    pub(crate) async fn channel(&self, address: &str) -> Result<Arc<Channel>, Error> {
        self.pool.slot(self.id, address).channel(&self.pool.config).await
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut slots = self.pool.slots();
        slots.extract_if(|(lane, _), _| *lane == self.id).for_each(|(_, slot)| slot.close());
    }
}

impl Slot {
    async fn channel(&self, config: &ClientConfig) -> Result<Arc<Channel>, Error> {
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let mut attempts = self.connecting.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        sleep_until(attempts.not_before).await;
        let options = Options {
            client_id: config.client_id.clone(),
            timeout: config.connect_timeout,
            max_response: config.max_response_bytes,
        };
        // On the heap: a connection is made rarely, and every call that may need one would carry the room for it.
        match Box::pin(Channel::connect(&self.address, options)).await {
            Ok(channel) => {
                attempts.backoff.reset();
                *self.place() = Some(Arc::clone(&channel));
                Ok(channel)
            }
            Err(error) => {
                attempts.not_before = Instant::now() + attempts.backoff.next();
                Err(error)
            }
        }
    }

    fn open(&self) -> Option<Arc<Channel>> {
        self.place().as_ref().filter(|channel| !channel.is_closed()).cloned()
    }

    fn close(&self) {
        if let Some(channel) = self.place().take() {
            channel.close();
        }
    }

    fn place(&self) -> MutexGuard<'_, Option<Arc<Channel>>> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
