//! Fetching from one broker.
//!
//! Two tasks share the partitions that a broker leads. One sends a Fetch for all of them that have room, on a connection of
//! its own, and sends the next when the answer has come: usually it waits at the broker for records. A partition that
//! becomes worth fetching meanwhile (it was assigned, sought, resumed, or its queue ran low) does not wait for that: the
//! other task asks for it, on a second connection that is made when it is first needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use naru_protocol::messages::fetch::{FetchRequest, FetchResponse, PartitionData};
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::chunk::{Chunk, Unpacking};
use super::partition::{Bounds, Phase};
use super::plan::{Lane, Plan, Planned};
use super::shared::Shared;
use crate::error::Error;
use crate::network;

/// Topics are named by their ids from version 13 on.
const NEWEST: i16 = 17;
const NEWEST_WITH_NAMES: i16 = 12;
const OLDEST: i16 = 4;

/// The two who fetch from a broker.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    long_poll: Notify,
    express: Notify,
    /// A long poll is under way.
    polling: AtomicBool,
}

impl Fetcher {
    /// Starts fetching from a broker. It ends with the consumer.
    pub(super) fn start(shared: &Arc<Shared>, node: i32) -> Arc<Self> {
        let fetcher = Arc::new(Self::default());
        for lane in [Lane::LongPoll, Lane::Express] {
            let task = Task {
                shared: Arc::clone(shared),
                fetcher: Arc::clone(&fetcher),
                node,
                lane,
                connection: shared.client.lane(),
            };
            shared.spawn(task.run());
        }
        fetcher
    }

    /// Something may be worth fetching now.
    pub(super) fn wake(&self) {
        self.long_poll.notify_one();
        if self.polling.load(Ordering::Relaxed) {
            self.express.notify_one();
        }
    }
}

struct Task {
    shared: Arc<Shared>,
    fetcher: Arc<Fetcher>,
    node: i32,
    lane: Lane,
    connection: network::Lane,
}

impl Task {
    async fn run(self) {
        loop {
            let plan = self.plan().await;
            self.fetcher.polling.fetch_or(self.lane == Lane::LongPoll, Ordering::Relaxed);
            let fetched = self.fetch(&plan).await;
            self.fetcher.polling.fetch_and(self.lane != Lane::LongPoll, Ordering::Relaxed);
            match fetched {
                Ok(answer) => self.absorb(&plan, answer).await,
                Err(error) => self.failed(&plan, error),
            }
        }
    }

    /// Waits until there is something to fetch.
    async fn plan(&self) -> Plan {
        let wake = match self.lane {
            Lane::LongPoll => &self.fetcher.long_poll,
            Lane::Express => &self.fetcher.express,
        };
        if self.lane == Lane::Express {
            wake.notified().await;
        }
        loop {
            let planned = Plan::make(&mut self.shared.state(), self.node, self.lane, &self.shared.config);
            match planned {
                Ok(plan) => return plan,
                Err(Some(later)) if self.lane == Lane::LongPoll => tokio::select! {
                    () = wake.notified() => {}
                    () = sleep_until(later) => {}
                },
                Err(_) => wake.notified().await,
            }
        }
    }

    async fn fetch(&self, plan: &Plan) -> Result<FetchResponse, Error> {
        let client = &self.shared.client;
        let channel = self.connection.channel(&client.address(self.node).await?).await?;
        let newest = if plan.has_ids() { NEWEST } else { NEWEST_WITH_NAMES };
        let version = channel.newest::<FetchRequest>(OLDEST..=newest)?;
        let limit = client.config().request_timeout + plan.max_wait;
        let answer = channel.submit(&plan.request(&self.shared.config), version, limit)?.await?;
        if answer.error_code.is_error() {
            return Err(Error::broker_code(ApiKey::Fetch, answer.error_code).at(channel.address()));
        }
        Ok(answer)
    }

    /// No answer: the partitions are asked for again a little later, perhaps of another broker.
    fn failed(&self, plan: &Plan, error: Error) {
        let mut state = self.shared.state();
        for planned in plan.partitions() {
            if let Some(partition) = state.at(&planned.cursor) {
                partition.busy = false;
                partition.back_off();
            }
        }
        if !error.is_retriable() {
            state.tell(error);
        }
        drop(state);
        self.shared.client.metadata().stale();
        self.fetcher.long_poll.notify_one();
    }

    async fn absorb(&self, plan: &Plan, answer: FetchResponse) {
        for topic in answer.responses {
            for data in topic.partitions {
                let Some(planned) = plan.find(&topic.topic, topic.topic_id, data.partition_index) else { continue };
                match data.error_code {
                    ErrorCode::NONE => self.absorb_records(planned, data).await,
                    code => self.refused(planned, code),
                }
            }
        }
        // Those that the answer leaves out have nothing new.
        let mut state = self.shared.state();
        for planned in plan.partitions() {
            if let Some(partition) = state.at(&planned.cursor) {
                partition.busy = false;
            }
        }
    }

    async fn absorb_records(&self, planned: &Planned, data: PartitionData) {
        let records = data.records.map(|records| records.to_bytes()).unwrap_or_default();
        let chunk = (!records.is_empty()).then(|| {
            let config = &self.shared.config;
            let queued = self.shared.state().queued_bytes();
            let how = Unpacking {
                check_crcs: config.check_crcs,
                isolation: config.isolation,
                room: config.prefetch_bytes.saturating_sub(queued),
            };
            let aborted = data.aborted_transactions.unwrap_or_default();
            Chunk::unpack(Arc::clone(&planned.cursor), planned.offset, records, aborted, &how)
        });
        let bounds = Bounds { high_watermark: data.high_watermark, last_stable: data.last_stable_offset };
        self.deliver(planned, bounds, chunk);
        // Taking apart is work: let others run in between.
        tokio::task::yield_now().await;
    }

    fn deliver(&self, planned: &Planned, bounds: Bounds, chunk: Option<Chunk>) {
        let mut state = self.shared.state();
        let Some(partition) = state.at(&planned.cursor) else { return };
        partition.busy = false;
        // Where somebody turned back meanwhile, there would be a hole.
        if partition.phase != Phase::Placed || partition.next != planned.offset {
            return;
        }
        partition.bounds = Some(bounds);
        partition.worked();
        if let Some(chunk) = chunk.filter(|chunk| !chunk.is_void()) {
            state.queue(chunk);
        }
    }

    /// The broker refuses one partition.
    fn refused(&self, planned: &Planned, code: ErrorCode) {
        let mut state = self.shared.state();
        let Some(partition) = state.at(&planned.cursor) else { return };
        partition.busy = false;
        if code == ErrorCode::OFFSET_OUT_OF_RANGE {
            if partition.phase == Phase::Placed && partition.next == planned.offset {
                let message = format!("offset {} of {} is not in the log", planned.offset, planned.cursor.partition);
                self.shared.reset(&mut state, &planned.cursor, &message);
            }
            return self.shared.changed.notify_one();
        }
        partition.back_off();
        if !code.is_retriable() || code == ErrorCode::CORRUPT_MESSAGE {
            let Planned { cursor, offset, .. } = planned;
            let from = format_args!("fetching {} from offset {offset} on", cursor.partition);
            state.tell(Error::broker_code(ApiKey::Fetch, code).context(from));
        }
        drop(state);
        self.shared.client.metadata().stale();
    }
}
