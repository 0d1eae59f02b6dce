//! The task that sends: takes what is due from the queues, asks the leaders, tells what became of it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use naru_protocol::ErrorCode;
use naru_protocol::messages::produce::ProduceResponse;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::batch::ClosedBatch;
use super::queue::{PartitionQueue, Wants};
use super::request::{self, Sent, Verdict};
use super::{Acks, Shared};
use crate::ApiKey;
use crate::error::{Error, ErrorKind};
use crate::metadata::Cluster;
use crate::network::{Backoff, Channel, Lane};

/// Records of one request, roughly: one that is larger holds up what comes behind it.
const REQUEST_BYTES: usize = 4 << 20;

/// Given to an answer beyond the time that the broker may take, so that it can say that this has passed.
const GRACE: Duration = Duration::from_secs(2);

/// Runs until the producer is closed and everything is sent or given up.
pub(super) async fn run(shared: Arc<Shared>) {
    let lane = shared.client.lane();
    let backoff = shared.client.backoff();
    let mut sender = Sender {
        lane: Arc::new(lane),
        links: HashMap::new(),
        active: Vec::new(),
        events: JoinSet::new(),
        identity: Identity::Unknown,
        backoff,
        turn: 0,
        shared,
    };
    sender.run().await;
    sender.shared.ended.send_replace(true);
}

struct Sender {
    shared: Arc<Shared>,
    lane: Arc<Lane>,
    links: HashMap<i32, Link>,
    /// Queues that are not empty.
    active: Vec<Arc<PartitionQueue>>,
    events: JoinSet<Event>,
    identity: Identity,
    backoff: Backoff,
    /// Whose turn it is to be first in a request.
    turn: usize,
}

/// The way to a broker.
#[derive(Default)]
struct Link {
    channel: Option<Arc<Channel>>,
    connecting: bool,
    in_flight: usize,
}

/// The producer's id and epoch, which make its batches recognisable.
enum Identity {
    /// Idempotence is on, and the id was not asked for yet.
    Unknown,
    Asked,
    Known(i64, i16),
}

/// What the sender waits for.
enum Event {
    Connected(i32, Result<Arc<Channel>, Error>),
    Identified(Result<(i64, i16), Error>),
    Answered(i32, Vec<Sent>, Result<ProduceResponse, Error>),
}

impl Sender {
    async fn run(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut clusters = shared.client.metadata().watch();
        loop {
            self.absorb();
            let next = self.dispatch();
            if shared.abandoned.load(Ordering::Acquire) || self.has_ended() {
                return self.abandon();
            }
            let wait = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(event) = self.events.join_next(), if !self.events.is_empty() => {
                    self.handle(event.ok());
                    while let Some(event) = self.events.try_join_next() {
                        self.handle(event.ok());
                    }
                }
                () = shared.wake.notified() => {}
                () = wait => {}
                Ok(()) = clusters.changed() => {
                    let cluster = Arc::clone(&clusters.borrow_and_update());
                    cluster.topics.values().for_each(|topic| shared.topics.grow(topic));
                }
            }
        }
    }

    /// Takes note of queues that have got something.
    fn absorb(&mut self) {
        let mut listed = self.shared.listed.lock().unwrap_or_else(PoisonError::into_inner);
        self.active.append(&mut listed);
    }

    /// Closed, and nothing left to do.
    fn has_ended(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
            && self.active.is_empty()
            && self.shared.listed.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
            && self.links.values().all(|link| link.in_flight == 0)
    }

    fn abandon(&mut self) {
        self.events.abort_all();
        let error = self.shared.closed().maybe_written();
        self.shared.topics.queues().iter().for_each(|queue| queue.abandon(&error));
    }

    /// Sends whatever can be sent now. Returns when to look again, if nothing else happens before.
    fn dispatch(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let shared = Arc::clone(&self.shared);
        let cluster = shared.client.metadata().cluster();
        let hurry = shared.closing.load(Ordering::Acquire)
            || shared.hurrying.load(Ordering::Acquire) > 0
            || shared.budget.available_permits() == 0;
        let mut next = None;
        let mut due: HashMap<i32, Vec<Arc<PartitionQueue>>> = HashMap::new();
        self.expire(now, &mut next);
        let mut index = 0;
        while let Some(queue) = self.active.get(index) {
            let leader = leader(&cluster, queue);
            let idle = self.links.get(&leader).is_none_or(|link| link.in_flight == 0);
            match queue.wants(now, &shared.rules, idle, hurry) {
                Wants::Nothing => {
                    self.active.swap_remove(index);
                    continue;
                }
                Wants::Answers => {}
                Wants::Time(at) => soonest(&mut next, at),
                Wants::Sending if leader < 0 => {
                    shared.client.metadata().stale();
                    soonest(&mut next, now + shared.client.config().retry_backoff);
                }
                Wants::Sending => due.entry(leader).or_default().push(Arc::clone(queue)),
            }
            index += 1;
        }
        if !due.is_empty() && self.identified() {
            for (node, queues) in due {
                self.send_to(node, queues, &cluster, hurry);
            }
        }
        next
    }

    /// Fails what has waited longer than a delivery may take.
    fn expire(&self, now: Instant, next: &mut Option<Instant>) {
        let timeout = self.shared.config.delivery_timeout;
        let Some(oldest) = now.checked_sub(timeout) else { return };
        for queue in &self.active {
            let Some(created) = queue.oldest() else { continue };
            soonest(next, created + timeout + Duration::from_millis(1));
            if created >= oldest {
                continue;
            }
            for batch in queue.expired(oldest) {
                let error = Error::timed_out(format_args!("delivering to {}", queue.id), timeout).of(ApiKey::Produce);
                let error = if batch.sent_as.is_some() { error.maybe_written() } else { error };
                self.shared.budget.add_permits(batch.reserved);
                batch.outcome.failed(error);
            }
        }
    }

    /// Whether batches can be made: an idempotent producer needs its id first.
    fn identified(&mut self) -> bool {
        match self.identity {
            Identity::Known(..) => true,
            _ if !self.shared.config.idempotence => true,
            Identity::Asked => false,
            Identity::Unknown => {
                self.identity = Identity::Asked;
                let (client, wait) = (self.shared.client.clone(), self.shared.config.delivery_timeout);
                self.events.spawn(async move { Event::Identified(request::producer_id(&client, wait).await) });
                false
            }
        }
    }

    /// Sends to a leader as many requests as it may have in flight, each with one batch of a partition at most.
    fn send_to(&mut self, node: i32, mut due: Vec<Arc<PartitionQueue>>, cluster: &Cluster, hurry: bool) {
        let Some(channel) = self.channel(node) else { return };
        let shared = Arc::clone(&self.shared);
        let (now, rules, most) = (Instant::now(), &shared.rules, shared.config.max_in_flight);
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % due.len().max(1);
        due.rotate_left(first);
        while !due.is_empty() && self.links.get(&node).is_some_and(|link| link.in_flight < most) {
            let (mut batches, mut left, mut bytes) = (Vec::new(), Vec::new(), 0);
            for queue in due {
                if bytes >= REQUEST_BYTES {
                    left.push(queue);
                    continue;
                }
                if let Some(sent) = self.taken(&queue) {
                    bytes += sent.bytes.len();
                    batches.push(sent);
                }
                if queue.wants(now, rules, false, hurry) == Wants::Sending {
                    left.push(queue);
                }
            }
            due = left;
            self.submit(node, &channel, batches, cluster);
        }
    }

    /// The queue's next batch, as it is to be sent.
    fn taken(&self, queue: &Arc<PartitionQueue>) -> Option<Sent> {
        let identity = match self.identity {
            Identity::Known(id, epoch) => Some((id, epoch)),
            _ => None,
        };
        let (mut batch, sequence) = queue.take(identity)?;
        match batch.encoded(sequence) {
            Ok(bytes) => Some(Sent { queue: Arc::clone(queue), batch, bytes }),
            Err(error) => {
                let error = Error::new(ErrorKind::TooLarge, error.to_string());
                self.done(queue, &batch, Err(error));
                None
            }
        }
    }

    fn submit(&mut self, node: i32, channel: &Arc<Channel>, batches: Vec<Sent>, cluster: &Cluster) {
        if batches.is_empty() {
            return;
        }
        let (config, limit) = (&self.shared.config, self.shared.client.config().request_timeout);
        let unanswered = config.acks == Acks::None;
        let answer = request::version(channel, cluster, &batches, config.codec).and_then(|version| {
            let request = request::produce(config.acks, limit, &batches, cluster);
            if unanswered {
                return channel.submit_unanswered(&request, version).map(|()| None);
            }
            channel.submit(&request, version, limit + GRACE).map(Some)
        });
        match answer {
            Ok(Some(answer)) => {
                self.links.entry(node).or_default().in_flight += 1;
                self.events.spawn(async move { Event::Answered(node, batches, answer.await) });
            }
            Ok(None) => batches.iter().for_each(|sent| self.done(&sent.queue, &sent.batch, Ok((-1, None)))),
            Err(error) => self.failed(batches, &error),
        }
    }

    /// The open connection to a broker; without one, it is made meanwhile.
    fn channel(&mut self, node: i32) -> Option<Arc<Channel>> {
        let link = self.links.entry(node).or_default();
        if let Some(open) = link.channel.as_ref().filter(|channel| !channel.is_closed()) {
            return Some(Arc::clone(open));
        }
        link.channel = None;
        if !std::mem::replace(&mut link.connecting, true) {
            let (client, lane) = (self.shared.client.clone(), Arc::clone(&self.lane));
            self.events.spawn(async move {
                let connected = async { lane.channel(&client.address(node).await?).await };
                Event::Connected(node, connected.await)
            });
        }
        None
    }

    fn handle(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Connected(node, connected)) => {
                let link = self.links.entry(node).or_default();
                link.connecting = false;
                link.channel = connected.ok();
                if link.channel.is_none() {
                    self.shared.client.metadata().stale();
                }
            }
            Some(Event::Identified(Ok((id, epoch)))) => self.identity = Identity::Known(id, epoch),
            Some(Event::Identified(Err(error))) => self.end_with(error),
            Some(Event::Answered(node, batches, answer)) => {
                self.links.entry(node).or_default().in_flight -= 1;
                match answer {
                    Ok(answer) => self.answered(node, batches, answer),
                    Err(error) => self.failed(batches, &error),
                }
            }
            None => {}
        }
    }

    fn answered(&mut self, node: i32, batches: Vec<Sent>, answer: ProduceResponse) {
        if let Some(channel) = self.links.get(&node).and_then(|link| link.channel.as_ref()) {
            channel.throttle(answer.throttle_time_ms);
        }
        let mut verdicts = request::verdicts(answer);
        let mut troubled = false;
        for sent in batches {
            let verdict = verdicts.of(&sent, &self.shared.client.metadata().cluster());
            troubled |= !matches!(verdict, Verdict::Written { .. });
            self.judge(sent, verdict);
        }
        if !troubled {
            self.backoff.reset();
        }
    }

    fn judge(&mut self, sent: Sent, verdict: Verdict) {
        let Sent { queue, batch, .. } = sent;
        match verdict {
            Verdict::Written { base_offset, append_time } => self.done(&queue, &batch, Ok((base_offset, append_time))),
            Verdict::Again(error) => {
                if error.code().is_none_or(|code| code != ErrorCode::REQUEST_TIMED_OUT) {
                    self.shared.client.metadata().stale();
                }
                queue.again(batch, Instant::now() + self.backoff.next());
            }
            // Behind a batch that failed, a gap is no wonder; at the head, the broker has forgotten this producer.
            Verdict::LostCount if queue.something_before(batch.place) => queue.again(batch, Instant::now()),
            Verdict::LostCount => queue.again_anew(batch, Instant::now() + self.backoff.next()),
            Verdict::TooLarge(error) => match batch.halves(self.shared.config.codec) {
                Some(halves) => queue.split(&batch, halves),
                None => self.done(&queue, &batch, Err(error)),
            },
            Verdict::Failed(error) => self.done(&queue, &batch, Err(error)),
        }
    }

    /// A request got no answer, or was not sent.
    fn failed(&mut self, batches: Vec<Sent>, error: &Error) {
        self.shared.client.metadata().stale();
        let later = Instant::now() + self.backoff.next();
        for Sent { queue, batch, .. } in batches {
            if error.is_retriable() {
                queue.again(batch, later);
            } else {
                self.done(&queue, &batch, Err(error.clone()));
            }
        }
    }

    /// Nothing more can become of a batch.
    fn done(&self, queue: &PartitionQueue, batch: &ClosedBatch, outcome: Result<(i64, Option<i64>), Error>) {
        queue.done(batch, outcome.is_err());
        match outcome {
            Ok((base_offset, append_time)) => batch.outcome.written(base_offset, append_time),
            Err(error) => batch.outcome.failed(error),
        }
        self.shared.budget.add_permits(batch.reserved);
    }

    /// The producer is of no more use.
    fn end_with(&self, error: Error) {
        *self.shared.fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.shared.closing.store(true, Ordering::Release);
        self.shared.abandoned.store(true, Ordering::Release);
        self.shared.budget.close();
    }
}

fn soonest(next: &mut Option<Instant>, at: Instant) {
    *next = Some(next.map_or(at, |next| next.min(at)));
}

/// −1 while there is none.
fn leader(cluster: &Cluster, queue: &PartitionQueue) -> i32 {
    let topic = cluster.topics.get(&queue.id.topic);
    topic.and_then(|topic| topic.partitions.get(queue.id.partition as usize)).map_or(-1, |partition| partition.leader)
}
