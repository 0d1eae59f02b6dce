//! The task that sends: takes what is due from the queues, asks the leaders, tells what became of it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use naru_protocol::ErrorCode;
use naru_protocol::messages::produce::ProduceResponse;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::batch::ClosedBatch;
use super::link::{Link, Outcome};
use super::queue::{Overdue, PartitionQueue, Taken, Wants};
use super::request::{self, Sent, Verdict};
use super::{Acks, Shared};
use crate::ApiKey;
use crate::error::Error;
use crate::metadata::Cluster;
use crate::network::{Channel, Lane};

/// Given to an answer beyond the time that the broker may take, so that it can say that this has passed.
const GRACE: Duration = Duration::from_secs(2);

/// Runs until the producer is closed and everything is sent or given up.
pub(super) async fn run(shared: Arc<Shared>) {
    let _end = End(Arc::clone(&shared));
    Sender {
        lane: Arc::new(shared.client.lane()),
        links: HashMap::new(),
        active: Vec::new(),
        events: JoinSet::new(),
        identity: Identity::Unknown,
        look_for_overdue: Instant::now(),
        turn: 0,
        shared,
    }
    .run()
    .await;
}

/// However the sender ends, by a panic or with its runtime too: nobody waits for it any more.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let Self(shared) = self;
        shared.closing.store(true, Ordering::Release);
        shared.budget.close();
        shared.topics.settle();
        let error = shared.closed();
        shared.topics.queues().iter().for_each(|queue| queue.abandon(&error));
        shared.ended.send_replace(true);
    }
}

struct Sender {
    shared: Arc<Shared>,
    lane: Arc<Lane>,
    links: HashMap<i32, Link>,
    /// Queues that are not empty.
    active: Vec<Arc<PartitionQueue>>,
    events: JoinSet<Event>,
    identity: Identity,
    /// Nothing becomes too old before.
    look_for_overdue: Instant,
    /// Whose turn it is to be first in a request.
    turn: usize,
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
    /// The answer to the request of that number to that broker; none with acks=0, when the request is written.
    Answered(i32, u64, Vec<Sent>, Outcome),
}

impl Sender {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut clusters = shared.client.metadata().watch();
        loop {
            self.absorb();
            let next = self.dispatch();
            if shared.abandoned.load(Ordering::Acquire) || self.has_ended() {
                return;
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
                    shared.topics.follow(&cluster, shared.client.metadata());
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
    fn has_ended(&mut self) -> bool {
        if !self.shared.closing.load(Ordering::Acquire) {
            return false;
        }
        // A record that was let in before the producer was closed is in its queue now.
        self.shared.topics.settle();
        self.absorb();
        self.active.is_empty() && self.links.values().all(|link| link.in_flight == 0)
    }

    /// Sends whatever can be sent now. Returns when to look again, if nothing else happens before.
    fn dispatch(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let shared = Arc::clone(&self.shared);
        let cluster = shared.client.metadata().cluster();
        let hurry = shared.closing.load(Ordering::Acquire)
            || shared.hurrying.load(Ordering::Acquire) > 0
            || shared.budget.available_permits() == 0;
        let mut due: HashMap<i32, Vec<Arc<PartitionQueue>>> = HashMap::new();
        self.fail_overdue(now, &cluster);
        let mut next = (!self.active.is_empty()).then_some(self.look_for_overdue);
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
                    let metadata = shared.client.metadata();
                    metadata.interested(&queue.id.topic);
                    metadata.stale();
                    soonest(&mut next, now + shared.client.config().retry_backoff);
                }
                Wants::Sending => due.entry(leader).or_default().push(Arc::clone(queue)),
            }
            index += 1;
        }
        if !due.is_empty() && self.identified() {
            for (node, queues) in due {
                self.send_to(node, queues, &cluster, hurry, &mut next);
            }
        }
        next
    }

    /// Fails what has waited longer than a delivery may take.
    fn fail_overdue(&mut self, now: Instant, cluster: &Cluster) {
        if now < self.look_for_overdue {
            return;
        }
        let timeout = self.shared.config.delivery_timeout;
        // What comes in later becomes old later.
        let mut next = now + timeout.min(Duration::from_hours(24));
        for queue in &self.active {
            let (overdue, at) = queue.overdue(now, timeout);
            next = at.map_or(next, |at| next.min(at));
            if overdue.is_empty() {
                continue;
            }
            let error = self.too_late(queue, cluster);
            for Overdue { outcome, maybe_written, freed } in overdue {
                self.shared.budget.add_permits(freed);
                outcome.failed(if maybe_written { error.clone().maybe_written() } else { error.clone() });
            }
        }
        self.look_for_overdue = next.max(now + Duration::from_millis(1));
    }

    /// The error of a record that could not be delivered in time, with the reason as far as it is known.
    fn too_late(&self, queue: &PartitionQueue, cluster: &Cluster) -> Error {
        let timeout = self.shared.config.delivery_timeout;
        let leader = leader(cluster, queue);
        let trouble = self.links.get(&leader).and_then(|link| link.trouble.as_ref());
        let reason = match (trouble, leader) {
            (Some(error), _) => format!("; the last try: {error}"),
            (None, ..0) => "; the partition has no leader".to_owned(),
            (None, _) => String::new(),
        };
        Error::timed_out(format_args!("delivering to {}", queue.id), timeout).of(ApiKey::Produce).followed_by(&reason)
    }

    /// Whether batches can be made: an idempotent producer needs its id first.
    fn identified(&mut self) -> bool {
        match self.identity {
            Identity::Known(..) => true,
            _ if !self.shared.config.idempotence => true,
            Identity::Asked => false,
            Identity::Unknown => {
                self.identity = Identity::Asked;
                let client = self.shared.client.clone();
                self.events.spawn(async move { Event::Identified(request::producer_id(&client).await) });
                false
            }
        }
    }

    /// Sends to a leader as many requests as it may have in flight, each with one batch of a partition at most.
    fn send_to(
        &mut self,
        node: i32,
        mut due: Vec<Arc<PartitionQueue>>,
        cluster: &Cluster,
        hurry: bool,
        next: &mut Option<Instant>,
    ) {
        let Some(channel) = self.channel(node, next) else { return };
        let shared = Arc::clone(&self.shared);
        let (now, rules, most) = (Instant::now(), &shared.rules, shared.config.max_in_flight);
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % due.len().max(1);
        due.rotate_left(first);
        while !due.is_empty() && self.link(node).in_flight < most {
            let (mut batches, mut left, mut bytes) = (Vec::new(), Vec::new(), 0);
            for queue in due {
                // A batch that is too large for any request goes alone: the broker has the last word.
                let room = if batches.is_empty() { usize::MAX } else { shared.config.max_request_size - bytes };
                match self.taken(&queue, room) {
                    Some(sent) => {
                        bytes = (bytes + sent.bytes.len()).min(shared.config.max_request_size);
                        batches.push(sent);
                    }
                    None if batches.is_empty() => continue,
                    None => {}
                }
                if queue.wants(now, rules, false, hurry) == Wants::Sending {
                    left.push(queue);
                }
            }
            due = left;
            self.submit(node, &channel, batches, cluster);
        }
    }

    /// The queue's next batch, as it is to be sent, if it fits.
    fn taken(&mut self, queue: &Arc<PartitionQueue>, room: usize) -> Option<Sent> {
        let identity = match self.identity {
            Identity::Known(id, epoch) => Some((id, epoch)),
            _ => None,
        };
        loop {
            match queue.take(identity, room) {
                Taken::Nothing => return None,
                Taken::Spent(id) => {
                    if identity.is_some_and(|(current, _)| current == id) {
                        self.identity = Identity::Unknown;
                        self.shared.wake.notify_one();
                    }
                    return None;
                }
                Taken::Batch(mut batch, sequence) => match batch.encoded(sequence) {
                    Ok(bytes) => {
                        batch.tries += 1;
                        return Some(Sent { queue: Arc::clone(queue), batch, bytes, topic_id: Uuid::nil() });
                    }
                    Err(error) => self.done(queue, &batch, Err(super::too_large(error.to_string()))),
                },
            }
        }
    }

    fn submit(&mut self, node: i32, channel: &Arc<Channel>, mut batches: Vec<Sent>, cluster: &Cluster) {
        if batches.is_empty() {
            return;
        }
        let (config, limit) = (&self.shared.config, self.shared.client.config().request_timeout);
        request::name_topics(&mut batches, cluster);
        let asked = request::version(channel, &batches, config.codec).and_then(|version| {
            let request = request::produce(config.acks, limit, &batches);
            let answer: Answer = if config.acks == Acks::None {
                let written = channel.submit_unanswered(&request, version)?;
                Box::pin(async move { written.await.map(|()| None) })
            } else {
                let answer = channel.submit(&request, version, limit + GRACE)?;
                Box::pin(async move { answer.await.map(Some) })
            };
            Ok(answer)
        });
        match asked {
            Ok(answer) => {
                let number = self.link(node).begin();
                self.events.spawn(async move { Event::Answered(node, number, batches, answer.await) });
            }
            Err(error) => self.failed(node, batches, &error),
        }
    }

    fn link(&mut self, node: i32) -> &mut Link {
        self.links.entry(node).or_insert_with(|| Link::new(self.shared.client.backoff()))
    }

    /// The open connection to a broker; without one, it is made meanwhile.
    fn channel(&mut self, node: i32, next: &mut Option<Instant>) -> Option<Arc<Channel>> {
        let link = self.link(node);
        if let Some(open) = link.channel.as_ref().filter(|channel| !channel.is_closed()) {
            return Some(Arc::clone(open));
        }
        link.channel = None;
        if link.connecting {
            return None;
        }
        if link.not_before > Instant::now() {
            soonest(next, link.not_before);
            return None;
        }
        link.connecting = true;
        let (client, lane) = (self.shared.client.clone(), Arc::clone(&self.lane));
        self.events.spawn(async move {
            let connected = async { lane.channel(&client.address(node).await?).await };
            Event::Connected(node, connected.await)
        });
        None
    }

    fn handle(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Connected(node, connected)) => {
                let link = self.link(node);
                link.connecting = false;
                match connected {
                    Ok(channel) => link.channel = Some(channel),
                    Err(error) => {
                        link.not_before = Instant::now() + link.backoff.next();
                        link.trouble = Some(error);
                        self.shared.client.metadata().stale();
                    }
                }
            }
            Some(Event::Identified(Ok((id, epoch)))) => self.identity = Identity::Known(id, epoch),
            // Nobody answers: records become too old, and the producer goes on.
            Some(Event::Identified(Err(error))) if error.is_retriable() => self.identity = Identity::Unknown,
            Some(Event::Identified(Err(error))) => self.end_with(error),
            Some(Event::Answered(node, number, batches, answer)) => {
                self.link(node).known(number, batches, answer);
                while let Some((batches, answer)) = self.link(node).next_outcome() {
                    match answer {
                        Ok(Some(answer)) => self.answered(node, batches, answer),
                        Ok(None) => batches.iter().for_each(|sent| self.done(&sent.queue, &sent.batch, Ok((-1, None)))),
                        Err(error) => self.failed(node, batches, &error),
                    }
                }
            }
            None => {}
        }
    }

    fn answered(&mut self, node: i32, batches: Vec<Sent>, answer: ProduceResponse) {
        let mut verdicts = request::verdicts(answer);
        let verdicts: Vec<(Sent, Verdict)> = batches
            .into_iter()
            .map(|sent| {
                let verdict = verdicts.of(&sent);
                (sent, verdict)
            })
            .collect();
        let link = self.link(node);
        let trouble = verdicts.iter().find_map(|(_, verdict)| match verdict {
            Verdict::Again(error) => Some(error.clone()),
            _ => None,
        });
        // One wait for all batches of an answer: they failed together.
        let pause = if trouble.is_some() { link.backoff.next() } else { Duration::ZERO };
        if trouble.is_none() {
            link.backoff.reset();
        }
        link.trouble = trouble;
        for (sent, verdict) in verdicts {
            self.judge(sent, verdict, pause);
        }
    }

    fn judge(&mut self, sent: Sent, verdict: Verdict, pause: Duration) {
        let Sent { queue, mut batch, .. } = sent;
        let now = Instant::now();
        match verdict {
            Verdict::Written { base_offset, append_time } => self.done(&queue, &batch, Ok((base_offset, append_time))),
            Verdict::Again(error) => {
                // A broker that says so is the right one.
                if error.code() != Some(ErrorCode::REQUEST_TIMED_OUT) {
                    self.shared.client.metadata().stale();
                }
                batch.maybe_written |= error.may_have_been_written();
                self.again(&queue, batch, now + pause, error);
            }
            Verdict::LostCount(error) if self.is_too_late(&batch) => self.done(&queue, &batch, Err(error)),
            // Behind a batch that failed, a gap is no wonder; at the head, the broker misses something.
            Verdict::LostCount(_) if queue.something_before(batch.place) => queue.again(*batch, now),
            Verdict::LostCount(_) => {
                // Numbers that were new already: the broker is in trouble.
                let in_vain = batch.sent_as.is_some_and(|sequence| sequence.base == 0);
                let pause = if in_vain { self.shared.client.config().retry_backoff_max } else { Duration::ZERO };
                queue.again_anew(*batch, now + pause);
            }
            // What the broker may have as a whole it would not recognise in parts.
            Verdict::TooLarge(error) if batch.maybe_written => self.done(&queue, &batch, Err(error)),
            Verdict::TooLarge(error) => match batch.halves(self.shared.config.codec) {
                Some(halves) => queue.split(&batch, halves),
                None => self.done(&queue, &batch, Err(error)),
            },
            Verdict::Failed(error) => self.done(&queue, &batch, Err(error)),
        }
    }

    /// A request got no answer, or was not sent.
    fn failed(&mut self, node: i32, batches: Vec<Sent>, error: &Error) {
        self.shared.client.metadata().stale();
        let link = self.link(node);
        // All requests of a connection fail together: that counts once.
        if error.is_retriable() && link.not_before <= Instant::now() {
            link.not_before = Instant::now() + link.backoff.next();
        }
        let later = link.not_before;
        link.trouble = Some(error.clone());
        for Sent { queue, mut batch, .. } in batches {
            batch.maybe_written |= error.may_have_been_written();
            if error.is_retriable() {
                self.again(&queue, batch, later, error.clone());
            } else {
                self.done(&queue, &batch, Err(error.clone()));
            }
        }
    }

    /// Sends a batch again, unless it has been tried often or long enough.
    fn again(&self, queue: &PartitionQueue, batch: Box<ClosedBatch>, not_before: Instant, error: Error) {
        if batch.tries > self.shared.config.retries || self.is_too_late(&batch) {
            self.done(queue, &batch, Err(error));
        } else {
            queue.again(*batch, not_before);
        }
    }

    fn is_too_late(&self, batch: &ClosedBatch) -> bool {
        batch.created.elapsed() >= self.shared.config.delivery_timeout
    }

    /// Nothing more can become of a batch.
    fn done(&self, queue: &PartitionQueue, batch: &ClosedBatch, outcome: Result<(i64, Option<i64>), Error>) {
        queue.done(batch, outcome.is_err());
        match outcome {
            Ok((base_offset, append_time)) => batch.outcome.written(base_offset, append_time),
            Err(error) if batch.maybe_written => batch.outcome.failed(error.maybe_written()),
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

/// What becomes of a request.
type Answer = Pin<Box<dyn Future<Output = Outcome> + Send>>;

fn soonest(next: &mut Option<Instant>, at: Instant) {
    *next = Some(next.map_or(at, |next| next.min(at)));
}

/// −1 while there is none.
fn leader(cluster: &Cluster, queue: &PartitionQueue) -> i32 {
    let topic = cluster.topics.get(&queue.id.topic);
    topic.and_then(|topic| topic.partitions.get(queue.id.partition as usize)).map_or(-1, |partition| partition.leader)
}
