use std::collections::BTreeMap;

use bytestring::ByteString;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// A partition, as a request names it.
type Place = (ByteString, Uuid, i32);

/// What is wanted: where each partition is read from.
type Wanted = BTreeMap<Place, i64>;

fn place(topic: u8, made: u8, partition: i32, by_id: bool) -> Place {
    let id = if by_id { Uuid::from_u128(u128::from(topic) << 8 | u128::from(made)) } else { Uuid::nil() };
    (ByteString::from(format!("topic-{topic}")), id, partition)
}

fn request(wanted: &Wanted) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for ((topic, topic_id, partition), offset) in wanted {
        let partition = FetchPartition { partition: *partition, fetch_offset: *offset, ..Default::default() };
        match topics.last_mut().filter(|last| last.topic == *topic && last.topic_id == *topic_id) {
            Some(last) => last.partitions.push(partition),
            None => topics.push(FetchTopic { topic: topic.clone(), topic_id: *topic_id, partitions: vec![partition] }),
        }
    }
    FetchRequest { topics, max_wait_ms: 7, ..Default::default() }
}

fn listed(request: &FetchRequest) -> Vec<(Place, i64)> {
    let topics = request.topics.iter();
    let partitions = topics.flat_map(|topic| topic.partitions.iter().map(move |partition| (topic, partition)));
    partitions
        .map(|(topic, partition)| ((topic.topic.clone(), topic.topic_id, partition.partition), partition.fetch_offset))
        .collect()
}

fn forgotten(request: &FetchRequest) -> Vec<Place> {
    let topics = request.forgotten_topics_data.iter();
    let partitions = topics.flat_map(|topic| topic.partitions.iter().map(move |partition| (topic, *partition)));
    partitions.map(|(topic, partition)| (topic.topic.clone(), topic.topic_id, partition)).collect()
}

/// Topic 0 has these partitions.
fn wanted(partitions: &[(i32, i64)]) -> Wanted {
    partitions.iter().map(|(partition, offset)| (place(0, 0, *partition, true), *offset)).collect()
}

fn next(session: &mut FetchSession, wanted: &Wanted) -> FetchRequest {
    session.next(request(wanted), true)
}

#[test]
fn after_the_first_request_only_changes_are_named() {
    let mut session = FetchSession::default();
    let first = next(&mut session, &wanted(&[(0, 5), (1, 5), (2, 5)]));
    assert_eq!((first.session_id, first.session_epoch, listed(&first).len()), (0, 0, 3));
    session.answered(70);
    let quiet = next(&mut session, &wanted(&[(0, 5), (1, 5), (2, 5)]));
    assert_eq!((quiet.session_id, quiet.session_epoch, quiet.max_wait_ms), (70, 1, 7));
    assert!(quiet.topics.is_empty() && quiet.forgotten_topics_data.is_empty());
    session.answered(70);
    let moved = next(&mut session, &wanted(&[(1, 6), (2, 5), (3, 0)]));
    assert_eq!(moved.session_epoch, 2);
    assert_eq!(listed(&moved), [(place(0, 0, 1, true), 6), (place(0, 0, 3, true), 0)]);
    assert_eq!(forgotten(&moved), [place(0, 0, 0, true)]);
}

#[test]
fn any_change_of_what_is_asked_of_a_partition_is_named() {
    let changes: [fn(&mut FetchPartition); 3] = [
        |partition| partition.fetch_offset = 6,
        |partition| partition.current_leader_epoch = 2,
        |partition| partition.partition_max_bytes = 9,
    ];
    for change in changes {
        let mut session = FetchSession::default();
        next(&mut session, &wanted(&[(0, 5), (1, 5)]));
        session.answered(70);
        let mut changed = request(&wanted(&[(0, 5), (1, 5)]));
        change(&mut changed.topics[0].partitions[1]);
        assert_eq!(listed(&session.next(changed, true)).len(), 1);
    }
}

#[test]
fn epochs_go_round_without_those_that_begin_and_end() {
    let mut session = FetchSession::default();
    next(&mut session, &wanted(&[(0, 5)]));
    session.answered(70);
    session.next = i32::MAX;
    assert_eq!(next(&mut session, &wanted(&[(0, 5)])).session_epoch, i32::MAX);
    session.answered(70);
    assert_eq!(next(&mut session, &wanted(&[(0, 5)])).session_epoch, 1);
}

#[test]
fn a_broker_without_room_for_a_session_gets_everything_each_time() {
    let mut session = FetchSession::default();
    for _ in 0..3 {
        let full = next(&mut session, &wanted(&[(0, 5), (1, 5)]));
        assert_eq!((full.session_id, full.session_epoch, listed(&full).len()), (0, 0, 2));
        session.answered(0);
    }
    assert_eq!(session.end(), None);
}

#[test]
fn a_session_that_is_in_trouble_is_replaced_once_and_at_once() {
    let troubles = [
        (ErrorCode::FETCH_SESSION_ID_NOT_FOUND, 0),
        (ErrorCode::INVALID_FETCH_SESSION_EPOCH, 70),
        (ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR, 70),
        (ErrorCode::INCONSISTENT_TOPIC_ID, 70),
    ];
    for (code, named) in troubles {
        let mut session = FetchSession::default();
        next(&mut session, &wanted(&[(0, 5)]));
        session.answered(70);
        next(&mut session, &wanted(&[(0, 5)]));
        assert!(session.refused(code), "{code}");
        let full = next(&mut session, &wanted(&[(0, 5)]));
        assert_eq!((full.session_id, full.session_epoch, listed(&full).len()), (named, 0, 1), "{code}");
        // A full request cannot be refused for that: whoever does so is not asked in a hurry.
        assert!(!session.refused(code), "{code}");
    }
    let mut session = FetchSession::default();
    next(&mut session, &wanted(&[(0, 5)]));
    session.answered(70);
    next(&mut session, &wanted(&[(0, 5)]));
    assert!(!session.refused(ErrorCode::UNKNOWN_SERVER_ERROR));
    assert_eq!(next(&mut session, &wanted(&[(0, 5)])).session_epoch, 0);
}

#[test]
fn an_answer_of_another_session_ends_this_one() {
    let mut session = FetchSession::default();
    next(&mut session, &wanted(&[(0, 5)]));
    session.answered(70);
    next(&mut session, &wanted(&[(0, 5)]));
    session.answered(71);
    let full = next(&mut session, &wanted(&[(0, 5)]));
    assert_eq!((full.session_id, full.session_epoch, listed(&full).len()), (70, 0, 1));
}

#[test]
fn a_session_is_ended_by_name() {
    let mut session = FetchSession::default();
    assert_eq!(session.end(), None);
    next(&mut session, &wanted(&[(0, 5)]));
    session.answered(70);
    next(&mut session, &wanted(&[(0, 5)]));
    let end = session.end().unwrap();
    assert_eq!((end.session_id, end.session_epoch, end.topics.len()), (70, -1, 0));
    let anew = next(&mut session, &wanted(&[(0, 5)]));
    assert_eq!((anew.session_id, anew.session_epoch), (0, 0));
}

/// A broker's session, by the rules of KIP-227.
#[derive(Default)]
struct Model {
    session: Option<(i32, i32, bool, Wanted)>,
    last_id: i32,
}

impl Model {
    fn take(&mut self, request: &FetchRequest, by_id: bool, has_room: bool) -> Result<i32, ErrorCode> {
        if request.session_epoch <= 0 {
            self.session = None;
            if request.session_epoch < 0 || !has_room {
                return Ok(0);
            }
            self.last_id += 1;
            self.session = Some((self.last_id, 1, by_id, listed(request).into_iter().collect()));
            return Ok(self.last_id);
        }
        let Some((id, epoch, of_ids, follows)) = &mut self.session else {
            return Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        };
        if request.session_id != *id {
            return Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        }
        if request.session_epoch != *epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if *of_ids != by_id {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        *epoch += 1;
        follows.extend(listed(request));
        follows.retain(|place, _| !forgotten(request).contains(place));
        if follows.is_empty() {
            self.session = None;
            return Ok(0);
        }
        Ok(*id)
    }
}

#[derive(Clone, Copy, Debug)]
enum Network {
    Works,
    LosesRequest,
    LosesAnswer,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Topic, how often it was made, partition, offset.
    Want(u8, u8, i32, i64),
    Leave(prop::sample::Index),
    NameBy(bool),
    Fetch {
        network: Network,
        has_room: bool,
    },
    BrokerForgets,
    BeginAnew,
    End {
        told: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let network =
        prop_oneof![8 => Just(Network::Works), 1 => Just(Network::LosesRequest), 1 => Just(Network::LosesAnswer)];
    prop_oneof![
        8 => (0..3_u8, 0..2_u8, 0..4, 0..3_i64).prop_map(|(topic, made, number, offset)| Step::Want(topic, made, number, offset)),
        4 => any::<prop::sample::Index>().prop_map(Step::Leave),
        1 => any::<bool>().prop_map(Step::NameBy),
        8 => (network, prop::bool::weighted(0.9)).prop_map(|(network, has_room)| Step::Fetch { network, has_room }),
        1 => Just(Step::BrokerForgets),
        1 => Just(Step::BeginAnew),
        1 => any::<bool>().prop_map(|told| Step::End { told }),
    ]
}

/// What a client wants, by topic and partition: each topic is made anew now and then, under another id.
#[derive(Default)]
struct Client {
    made: BTreeMap<u8, u8>,
    offsets: BTreeMap<(u8, i32), i64>,
    by_id: bool,
}

impl Client {
    fn wanted(&self) -> Wanted {
        let offsets = self.offsets.iter();
        offsets
            .map(|((topic, partition), offset)| (place(*topic, self.made[topic], *partition, self.by_id), *offset))
            .collect()
    }
}

/// Client and broker, and what is between them.
#[derive(Default)]
struct World {
    client: Client,
    session: FetchSession,
    model: Model,
}

impl World {
    fn take(&mut self, step: Step) {
        match step {
            Step::Want(topic, made, partition, offset) => {
                self.client.made.insert(topic, made);
                self.client.offsets.insert((topic, partition), offset);
            }
            Step::Leave(index) => {
                let places: Vec<_> = self.client.offsets.keys().copied().collect();
                if !places.is_empty() {
                    self.client.offsets.remove(index.get(&places));
                }
            }
            Step::NameBy(by_id) => self.client.by_id = by_id,
            Step::BrokerForgets => self.model.session = None,
            Step::BeginAnew => self.session.begin_anew(),
            Step::End { told } => {
                if let Some(end) = self.session.end().filter(|_| told) {
                    assert_eq!(self.model.take(&end, self.client.by_id, true), Ok(0));
                }
            }
            Step::Fetch { network, has_room } => self.fetch(network, has_room),
        }
    }

    fn fetch(&mut self, network: Network, has_room: bool) {
        let wanted = self.client.wanted();
        if wanted.is_empty() {
            return;
        }
        for _ in 0..2 {
            let asked = self.session.next(request(&wanted), self.client.by_id);
            if matches!(network, Network::LosesRequest) {
                return;
            }
            if let Some((id, epoch, _, follows)) = &self.model.session
                && (asked.session_id, asked.session_epoch) == (*id, *epoch)
            {
                let known = listed(&asked).into_iter().find(|(place, offset)| follows.get(place) == Some(offset));
                assert_eq!(known, None, "it is named again");
            }
            let answer = self.model.take(&asked, self.client.by_id, has_room);
            if matches!(network, Network::LosesAnswer) {
                return;
            }
            match answer {
                Ok(id) => {
                    self.session.answered(id);
                    assert_eq!(id != 0, self.model.session.is_some());
                    assert!(self.model.session.as_ref().is_none_or(|(.., follows)| *follows == wanted));
                    return;
                }
                Err(code) => assert!(self.session.refused(code), "{code}"),
            }
        }
        panic!("a request that begins a session was refused because of it");
    }
}

proptest! {
    /// Whatever is lost, refused or forgotten: once a request is answered, the broker follows what the client wants. Nothing
    /// is named that the broker has so already, and no request but the first of two fails because of the session.
    #[test]
    fn the_broker_follows_what_the_client_wants(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::default();
        for step in steps {
            world.take(step);
        }
    }
}
