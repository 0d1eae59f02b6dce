//! A shard with its log, and the requests that wait for its answers. All of it behind one lock.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::promise::{Durability, Promise};
use crate::group::{
    Effects, ErrorCode, GroupConfig, JoinReply, KeyValue, Millis, Now, OffsetsLog, OffsetsLogError, OffsetsTopic,
    Record, ReplyToken, Shard, SyncReply,
};

/// After a failed append or replay the log is left alone for so long.
const RETRY_AFTER_MS: i32 = 1_000;

/// What a batch takes besides its records.
const BATCH_HEADER: usize = 61;

/// What a record takes in its batch besides key and value, at most.
const RECORD_OVERHEAD: usize = 32;

/// One shard at work.
pub(super) struct Hosted {
    pub shard: Shard,
    index: u32,
    config: Arc<GroupConfig>,
    topic: Arc<dyn OffsetsTopic>,
    log: Option<Arc<dyn OffsetsLog>>,
    condition: Condition,
    /// All records before this offset were appended by this shard, or replayed.
    appended: i64,
    last_token: u64,
    joins: HashMap<ReplyToken, oneshot::Sender<Promise<JoinReply>>>,
    syncs: HashMap<ReplyToken, oneshot::Sender<Promise<SyncReply>>>,
}

/// Whether the shard can be asked.
enum Condition {
    /// It is what the log says.
    Ready,
    /// It has to be made from the log, but not before a moment.
    Stale { retry_at: Millis },
    /// Its log has failed for good.
    Offline,
    /// The broker stops.
    Closed,
}

impl Hosted {
    /// A shard without groups.
    pub fn new(index: u32, config: Arc<GroupConfig>, topic: Arc<dyn OffsetsTopic>, now: Now) -> Self {
        Self {
            shard: Shard::new(Arc::clone(&config), now),
            index,
            config,
            topic,
            log: None,
            condition: Condition::Ready,
            appended: 0,
            last_token: 0,
            joins: HashMap::new(),
            syncs: HashMap::new(),
        }
    }

    /// Whether the shard is what the log says.
    pub fn is_ready(&self) -> bool {
        matches!(self.condition, Condition::Ready)
    }

    /// Makes the shard anew from the log when that is needed.
    pub async fn make_ready(&mut self, now: Now) -> Result<(), ErrorCode> {
        match self.condition {
            Condition::Ready => Ok(()),
            Condition::Stale { retry_at } if retry_at <= now.monotonic => {
                self.replay(now).await.map_err(|error| error.code())
            }
            Condition::Stale { .. } | Condition::Closed => Err(ErrorCode::COORDINATOR_NOT_AVAILABLE),
            Condition::Offline => Err(ErrorCode::NOT_COORDINATOR),
        }
    }

    /// Makes the shard from the log.
    pub async fn replay(&mut self, now: Now) -> Result<(), OffsetsLogError> {
        let replayed = self.replayed(now).await;
        match replayed {
            Ok(shard) => {
                self.shard = shard;
                self.condition = Condition::Ready;
                Ok(())
            }
            Err(error) => {
                self.fail(&error, now);
                Err(error)
            }
        }
    }

    async fn replayed(&mut self, now: Now) -> Result<Shard, OffsetsLogError> {
        let log = self.open().await?;
        let mut shard = Shard::new(Arc::clone(&self.config), now);
        let (mut records, mut unreadable) = (0_u64, 0_u64);
        let partition = self.index;
        log.replay(&mut |record: KeyValue| {
            records += 1;
            match Record::decode(record) {
                Ok(Some(record)) => shard.replay(record, now),
                Ok(None) => {}
                Err(error) => {
                    unreadable += 1;
                    if unreadable == 1 {
                        warn!(partition, %error, "a record of __consumer_offsets cannot be read and is skipped");
                    }
                }
            }
        })
        .await?;
        shard.resume(now);
        info!(partition, records, unreadable, "replayed a partition of __consumer_offsets");
        Ok(shard)
    }

    async fn open(&mut self) -> Result<Arc<dyn OffsetsLog>, OffsetsLogError> {
        if let Some(log) = &self.log {
            return Ok(Arc::clone(log));
        }
        let log = self.topic.open(self.index).await?;
        self.log = Some(Arc::clone(&log));
        Ok(log)
    }

    /// Appends the records, in batches no larger than the topic allows.
    pub async fn append(&mut self, records: &[Record], now: Now) -> Result<(), OffsetsLogError> {
        let log = self.open().await?;
        let limit = self.config.max_record_bytes.saturating_sub(BATCH_HEADER);
        let (mut batch, mut size) = (Vec::new(), 0);
        for record in records {
            let record = record.encode()?;
            let grown = size + record.size() + RECORD_OVERHEAD;
            if grown > limit && !batch.is_empty() {
                self.appended = log.append(std::mem::take(&mut batch), now.wall_ms).await?;
                size = 0;
            }
            size += record.size() + RECORD_OVERHEAD;
            batch.push(record);
        }
        self.appended = log.append(batch, now.wall_ms).await?;
        Ok(())
    }

    /// What answers of this moment rest on.
    pub fn durability(&self) -> Option<Durability> {
        self.log.as_ref().map(|log| Durability { log: Arc::clone(log), until: self.appended })
    }

    /// Keeps a `JoinGroup` until the shard answers it.
    pub fn wait_for_join(&mut self, sender: oneshot::Sender<Promise<JoinReply>>) -> ReplyToken {
        let token = self.next_token();
        self.joins.insert(token, sender);
        token
    }

    /// Keeps a `SyncGroup` until the shard answers it.
    pub fn wait_for_sync(&mut self, sender: oneshot::Sender<Promise<SyncReply>>) -> ReplyToken {
        let token = self.next_token();
        self.syncs.insert(token, sender);
        token
    }

    fn next_token(&mut self) -> ReplyToken {
        self.last_token += 1;
        ReplyToken(self.last_token)
    }

    /// Gives the answers to those who wait. Who does not wait any more has hung up.
    pub fn answer(&mut self, effects: Effects) {
        for (token, reply) in effects.joins {
            if let Some(sender) = self.joins.remove(&token) {
                let _ = sender.send(Promise::new(reply, self.durability()));
            }
        }
        for (token, reply) in effects.syncs {
            if let Some(sender) = self.syncs.remove(&token) {
                let _ = sender.send(Promise::new(reply, self.durability()));
            }
        }
    }

    /// The shard knows what the log does not, or the log cannot be read: the shard is given up.
    pub fn fail(&mut self, error: &OffsetsLogError, now: Now) {
        error!(partition = self.index, %error, "groups of this partition of __consumer_offsets are not available");
        self.give_up(error.code(), now);
        self.condition = match error {
            OffsetsLogError::Offline(_) => Condition::Offline,
            _ => Condition::Stale { retry_at: now.monotonic + RETRY_AFTER_MS },
        };
    }

    /// Refuses all that waits and all that comes.
    pub fn close(&mut self) {
        self.refuse_all(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        self.condition = Condition::Closed;
    }

    fn give_up(&mut self, error: ErrorCode, now: Now) {
        self.refuse_all(error);
        self.shard = Shard::new(Arc::clone(&self.config), now);
    }

    fn refuse_all(&mut self, error: ErrorCode) {
        for (_, sender) in self.joins.drain() {
            let _ = sender.send(Promise::refused(error));
        }
        for (_, sender) in self.syncs.drain() {
            let _ = sender.send(Promise::refused(error));
        }
    }
}
