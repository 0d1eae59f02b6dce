//! Fetching from one broker.
//!
//! Two tasks share the partitions that a broker leads. One sends a Fetch for all of them that have room, on a connection of
//! its own, and sends the next when the answer has come: usually it waits at the broker for records. Its requests are those
//! of a session: they name what has changed, and the answers do. A partition that becomes worth fetching meanwhile (it was
//! assigned, sought, resumed, or its queue ran low) does not wait for that: the other task asks for it, outside of the
//! session, on a second connection that is made when it is first needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use naru_protocol::messages::fetch::{FetchRequest, FetchResponse, PartitionData};
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::chunk::{Chunk, Unpacking};
use super::partition::{Bounds, Phase};
use super::plan::{self, Lane, Plan, Planned};
use super::session::{self, FetchSession};
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
                session: FetchSession::default(),
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

    #[cfg(test)]
    pub(super) fn is_polling(&self) -> bool {
        self.polling.load(Ordering::Relaxed)
    }
}

struct Task {
    shared: Arc<Shared>,
    fetcher: Arc<Fetcher>,
    node: i32,
    lane: Lane,
    connection: network::Lane,
    /// Of the long polls.
    session: FetchSession,
}

impl Task {
    async fn run(mut self) {
        loop {
            let plan = self.plan().await;
            self.fetcher.polling.fetch_or(self.lane == Lane::LongPoll, Ordering::Relaxed);
            let fetched = self.fetch(&plan).await;
            self.fetcher.polling.fetch_and(self.lane != Lane::LongPoll, Ordering::Relaxed);
            match fetched {
                Ok(answer) => self.absorb(plan, answer).await,
                Err(error) => self.failed(&plan, error),
            }
        }
    }

    /// Waits until there is something to fetch.
    async fn plan(&mut self) -> Plan {
        let fetcher = Arc::clone(&self.fetcher);
        let wake = match self.lane {
            Lane::LongPoll => &fetcher.long_poll,
            Lane::Express => &fetcher.express,
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
                Err(_) => {
                    if !self.shared.state().has_any_of(self.node) {
                        self.end_session();
                    }
                    wake.notified().await;
                }
            }
        }
    }

    async fn fetch(&mut self, plan: &Plan) -> Result<FetchResponse, Error> {
        let client = &self.shared.client;
        let channel = self.connection.channel(&client.address(self.node).await?).await?;
        let newest = if plan.has_ids() { NEWEST } else { NEWEST_WITH_NAMES };
        let version = channel.newest::<FetchRequest>(OLDEST..=newest)?;
        let by_id = version > NEWEST_WITH_NAMES;
        let limit = client.config().request_timeout + plan.max_wait;
        loop {
            let mut request = plan.request(&self.shared.config, by_id);
            if self.lane == Lane::LongPoll {
                request = self.session.next(request, by_id);
            }
            plan::shuffle(&mut request);
            let answer = channel.submit(&request, version, limit)?.await?;
            match answer.error_code {
                ErrorCode::NONE => {
                    self.session.answered(answer.session_id);
                    return Ok(answer);
                }
                code if self.session.refused(code) => {}
                code => return Err(Error::broker_code(ApiKey::Fetch, code).at(channel.address())),
            }
        }
    }

    /// Tells the broker that the session is over, if that can be done without waiting. Who is not told finds out in time.
    fn end_session(&mut self) {
        let Some(request) = self.session.end() else { return };
        let client = &self.shared.client;
        // A long poll may be under way on the own connection: nothing behind it would be read.
        let open = client.metadata().address(self.node).and_then(|address| client.pool().open_channel(&address));
        let Some(channel) = open else { return };
        if let Ok(version) = channel.newest::<FetchRequest>(session::OLDEST..=NEWEST) {
            drop(channel.submit(&request, version, client.config().request_timeout));
        }
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

    async fn absorb(&mut self, mut plan: Plan, answer: FetchResponse) {
        for topic in answer.responses {
            for data in topic.partitions {
                let planned = plan.answered(&topic.topic, topic.topic_id, data.partition_index);
                match (planned, data.error_code) {
                    (Some(planned), ErrorCode::NONE) => self.absorb_records(planned, data).await,
                    (Some(planned), code) => self.refused(planned, code),
                    (None, _) => {}
                }
            }
        }
        // Those that the answer leaves out have nothing new.
        let mut state = self.shared.state();
        for planned in plan.partitions().filter(|planned| !planned.is_answered) {
            if let Some(partition) = state.at(&planned.cursor) {
                partition.busy = false;
                // It was taken away and came back: only the session remembers what was told before.
                if partition.bounds.is_none() {
                    self.session.begin_anew();
                }
            }
        }
        drop(state);
        if self.lane == Lane::Express {
            // The long poll may have found them busy, and waits for something else.
            self.fetcher.long_poll.notify_one();
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
        // Whatever became of the walk: in a session they are told once.
        if let Some(partition) = state.partitions.get_mut(&planned.cursor.partition) {
            partition.bounds = Some(bounds);
        }
        let Some(partition) = state.at(&planned.cursor) else { return };
        partition.busy = false;
        // Where somebody turned back meanwhile, there would be a hole.
        if partition.phase != Phase::Placed || partition.next != planned.offset {
            return;
        }
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

impl Drop for Task {
    fn drop(&mut self) {
        self.end_session();
    }
}
