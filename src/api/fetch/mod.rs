//! Fetch (key 1), versions 4–18: reads record batches, waiting until there are enough.
//!
//! - 5: log start offset. 7: sessions (KIP-227). 9: fencing by leader epoch. 12: divergence by the last fetched epoch.
//!   13: topics by id. 15: followers say more about themselves; none are served here. 16: who leads instead. 18: high
//!   watermark of a follower.
//!
//! A full request lists its partitions and gets an answer for each. Epoch 0 of one asks for a session: the list is kept, later
//! requests name what changed, and answers what moved. Both take the same way, [`Reading`].

mod lookup;
mod reading;
mod visit;

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::fetch::{
    FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, ForgottenTopic, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};

use crate::broker::Broker;
use crate::fetch::{Asked, Followed, Following, Place, SessionError, Told};
use crate::partition::Partition;

use self::lookup::Lookup;
use self::reading::{Bounds, Reading};
use super::{Answer, RequestContext};

/// The first version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;

/// The first version that names the leader beside an error that sends the client there.
const LEADERS_SINCE: i16 = 16;

/// The epoch of a full request that asks for a session.
const OPEN: i32 = 0;

/// The epoch of a full request that asks for none.
const NO_SESSION: i32 = -1;

/// The session id of answers outside of any session.
const NO_ID: i32 = 0;

/// The isolation level that hides open and aborted transactions.
const READ_COMMITTED: i8 = 1;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: FetchRequest,
) -> Answer<FetchResponse> {
    let fetch = Fetch::new(broker, context, &request);
    Answer::Ready(match request.session_epoch {
        OPEN | NO_SESSION => fetch.full(request).await,
        _ => fetch.incremental(request).await.unwrap_or_else(|error| refuse(NO_ID, error)),
    })
}

/// What an answer is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Everything that the request lists, and nothing is kept.
    Request,
    /// Everything that the request lists; the list is kept.
    FirstOfSession,
    /// What the reader does not know yet.
    Session,
}

/// One request, apart from its list of partitions.
struct Fetch {
    broker: Arc<Broker>,
    context: RequestContext,
    bounds: Bounds,
    read_committed: bool,
    from_replica: bool,
}

impl Fetch {
    fn new(broker: Arc<Broker>, context: RequestContext, request: &FetchRequest) -> Self {
        let most = context.meter.as_ref().and_then(|meter| meter.fetch_limit()).unwrap_or(usize::MAX);
        Self {
            bounds: Bounds::of(request, most.min(broker.config().fetch_max_bytes as usize)),
            read_committed: request.isolation_level == READ_COMMITTED,
            from_replica: request.replica_id >= 0 || request.replica_state.replica_id >= 0,
            broker,
            context,
        }
    }

    /// A full request. Whatever session it names is closed.
    async fn full(&self, request: FetchRequest) -> FetchResponse {
        let sessions = self.broker.fetch_sessions();
        sessions.close(request.session_id);
        let mut following = Following::with_capacity(request.topics.iter().map(|topic| topic.partitions.len()).sum());
        follow(&mut following, request.topics, |_, name| name.clone());
        following.saw_log_starts(self.broker.partitions().log_starts().moves());
        let reading = self.read(&mut following, || false).await;
        if self.is_over_quota(&reading) {
            return FetchResponse::default();
        }
        if request.session_epoch == NO_SESSION {
            return self.answer(&mut following, reading, Scope::Request).finish(NO_ID);
        }
        following.keep_names();
        let response = self.answer(&mut following, reading, Scope::FirstOfSession);
        let (by_id, now_ms) = (self.uses_topic_ids(), self.broker.monotonic_ms());
        let session_id = sessions.open(following, by_id, self.from_replica, now_ms);
        response.finish(session_id.unwrap_or(NO_ID))
    }

    /// The next request of a session.
    async fn incremental(&self, request: FetchRequest) -> Result<FetchResponse, SessionError> {
        let sessions = self.broker.fetch_sessions();
        let session = sessions.resume(request.session_id, request.session_epoch, self.uses_topic_ids())?;
        let epoch = session.epoch();
        let mut following = session.following().await;
        follow(&mut following, request.topics, Following::keep_name);
        forget(&mut following, request.forgotten_topics_data);
        if following.is_empty() {
            sessions.close(session.id());
            return Ok(FetchResponse::default());
        }
        sessions.touch(&session, &following, self.broker.monotonic_ms())?;
        self.look_for_moved_log_starts(&mut following);
        let reading = self.read(&mut following, || session.epoch() != epoch).await;
        if session.epoch() != epoch {
            return Ok(refuse(session.id(), SessionError::InvalidEpoch));
        }
        if self.is_over_quota(&reading) {
            return Ok(FetchResponse { session_id: session.id(), ..Default::default() });
        }
        Ok(self.answer(&mut following, reading, Scope::Session).finish(session.id()))
    }

    /// Makes an answer, and the list ready for the next request of its session.
    fn answer(&self, following: &mut Following, reading: Reading, scope: Scope) -> Response<'_> {
        let mut response = Response::new(self);
        following.looked_at_all();
        for visit in reading.in_order() {
            let slot = visit.due.slot;
            let Some(followed) = following.get_mut(slot) else { continue };
            let (has_records, is_divergence) = (visit.bytes() > 0, visit.is_divergence());
            let quiet_until = visit.quiet_until(followed.asked.offset);
            let data = visit.answer(followed.place.partition, self.read_committed);
            let told = told(&data);
            let is_news = has_records || is_divergence || told != followed.told || data.error_code != ErrorCode::NONE;
            if is_news || scope != Scope::Session {
                followed.told = told;
                response.add(followed, data);
            }
            match scope {
                Scope::Request => continue,
                // The order of the answer becomes the order of the session.
                Scope::FirstOfSession => following.move_to_end(slot),
                // Those behind it are served first next time.
                Scope::Session if has_records => following.move_to_end(slot),
                Scope::Session => {}
            }
            match quiet_until {
                Some((high_watermark, target)) => following.watch(slot, &high_watermark, target),
                None => following.look_again(slot),
            }
        }
        response
    }

    async fn read(&self, following: &mut Following, is_over: impl Fn() -> bool) -> Reading {
        let mut reading = Reading::new(self.bounds);
        let (named_by_id, from_replica) = (self.uses_topic_ids(), self.from_replica);
        reading.run(following, &Lookup { broker: &self.broker, named_by_id, from_replica }, is_over).await;
        reading
    }

    /// Counts what was read against the client's quota. Beyond it the client gets nothing now, and asks again after a pause.
    fn is_over_quota(&self, reading: &Reading) -> bool {
        self.context.meter.as_ref().is_some_and(|meter| meter.fetch(reading.bytes()).is_err())
    }

    /// Retention and DeleteRecords move log starts, and no reader waits for that: all partitions are compared, but only after
    /// some log start has moved.
    fn look_for_moved_log_starts(&self, following: &mut Following) {
        let moves = self.broker.partitions().log_starts().moves();
        following.compare_log_starts(moves, |followed| Some(self.partition(&followed.place).ok()?.log().log_start()));
    }

    fn partition(&self, Place { topic, topic_id, partition }: &Place) -> Result<Arc<Partition>, ErrorCode> {
        if topic_id.is_nil() {
            self.broker.partition(topic, *partition)
        } else {
            self.broker.partition_by_id(topic_id, *partition)
        }
    }

    fn uses_topic_ids(&self) -> bool {
        self.context.version >= TOPIC_IDS_SINCE
    }
}

/// Adds what a request lists. `keep` makes a topic's name fit for the list.
fn follow(
    following: &mut Following,
    topics: Vec<FetchTopic>,
    keep: impl Fn(&mut Following, &ByteString) -> ByteString,
) {
    for topic in topics {
        let name = keep(following, &topic.topic);
        for asked in topic.partitions {
            let place = Place { topic: name.clone(), topic_id: topic.topic_id, partition: asked.partition };
            let asked = Asked {
                offset: asked.fetch_offset,
                current_leader_epoch: asked.current_leader_epoch,
                last_fetched_epoch: asked.last_fetched_epoch,
                max_bytes: asked.partition_max_bytes,
            };
            following.follow(place, asked);
        }
    }
}

fn forget(following: &mut Following, topics: Vec<ForgottenTopic>) {
    for topic in topics {
        for partition in topic.partitions {
            following.forget(&Place { topic: topic.topic.clone(), topic_id: topic.topic_id, partition });
        }
    }
}

/// What an answer makes the reader know. An error leaves nothing known, so that its end is news.
fn told(data: &PartitionData) -> Told {
    if data.error_code == ErrorCode::NONE {
        Told { high_watermark: data.high_watermark, log_start: data.log_start_offset }
    } else {
        Told::NOTHING
    }
}

fn refuse(session_id: i32, error: SessionError) -> FetchResponse {
    FetchResponse { error_code: error.into(), session_id, ..Default::default() }
}

/// An answer in the making.
struct Response<'a> {
    fetch: &'a Fetch,
    topics: Vec<FetchableTopicResponse>,
    names_leader: bool,
}

impl<'a> Response<'a> {
    fn new(fetch: &'a Fetch) -> Self {
        Self { fetch, topics: Vec::new(), names_leader: false }
    }

    /// Adds a partition. Partitions of a topic that follow each other share its entry.
    fn add(&mut self, followed: &Followed, mut data: PartitionData) {
        let elsewhere = matches!(data.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH);
        if elsewhere && self.fetch.context.version >= LEADERS_SINCE {
            // A replica knows the addresses of brokers from elsewhere.
            self.names_leader = !self.fetch.from_replica;
            data.current_leader = self.fetch.leader(followed);
        }
        let Place { topic, topic_id, .. } = &followed.place;
        match self.topics.last_mut() {
            Some(last) if last.topic_id == *topic_id && last.topic == *topic => last.partitions.push(data),
            _ => self.topics.push(FetchableTopicResponse {
                topic: topic.clone(),
                topic_id: *topic_id,
                partitions: vec![data],
            }),
        }
    }

    fn finish(self, session_id: i32) -> FetchResponse {
        let node_endpoints = if self.names_leader { vec![self.fetch.endpoint()] } else { Vec::new() };
        FetchResponse { session_id, responses: self.topics, node_endpoints, ..Default::default() }
    }
}

impl Fetch {
    fn leader(&self, followed: &Followed) -> LeaderIdAndEpoch {
        self.partition(&followed.place).map_or_else(
            |_| LeaderIdAndEpoch::default(),
            |found| LeaderIdAndEpoch { leader_id: self.broker.node_id(), leader_epoch: found.leader_epoch().0 },
        )
    }

    fn endpoint(&self) -> NodeEndpoint {
        let advertised = self.context.advertised();
        NodeEndpoint {
            node_id: self.broker.node_id(),
            host: advertised.host.into(),
            port: advertised.port.into(),
            rack: self.broker.config().rack.as_deref().map(Into::into),
        }
    }
}
