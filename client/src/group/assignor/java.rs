//! What our assignors do, beside what Kafka's do with the same groups (`java.tsv`, made by `Vectors.java`).
//!
//! Range and round-robin are told the same. The sticky ones may move other partitions than Kafka's, but divide as evenly and
//! leave as many where they were: only the leader divides, so that is all that a member of another make can see.

use super::*;

const VECTORS: &str = include_str!("java.tsv");

struct Case {
    line: &'static str,
    assignor: Assignor,
    topics: Topics,
    members: BTreeMap<ByteString, Member>,
    /// What Kafka's assignor made of it.
    theirs: Assignments,
}

fn cases(of: Assignor) -> Vec<Case> {
    let cases: Vec<_> = VECTORS.lines().map(Case::read).filter(|case| case.assignor == of).collect();
    assert!(cases.len() >= 100);
    cases
}

impl Case {
    fn read(line: &'static str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [assignor, topics, members, theirs] = fields[..] else { panic!("{line}") };
        let topics = topics.split(',').map(|topic| {
            let (name, partitions) = topic.split_once(':').unwrap();
            (name.into(), partitions.parse().unwrap())
        });
        let theirs = theirs.split('|').map(|member| {
            let (id, assigned) = member.split_once('=').unwrap();
            (id.into(), partitions(assigned).collect())
        });
        Self {
            line,
            assignor: Assignor::from_name(assignor).unwrap(),
            topics: topics.collect(),
            members: members.split('|').map(member).collect(),
            theirs: theirs.collect(),
        }
    }

    fn ours(&self) -> Assignments {
        self.assignor.assign(&self.members, &self.topics)
    }

    /// How many partitions stay with the member that says it had them.
    fn kept(&self, assignments: &Assignments) -> usize {
        let kept = |(id, partitions): (&ByteString, &Vec<TopicPartition>)| {
            partitions.iter().filter(|partition| self.members[id].owned.contains(partition)).count()
        };
        assignments.iter().map(kept).sum()
    }
}

fn member(text: &str) -> (ByteString, Member) {
    let fields: Vec<&str> = text.split(';').collect();
    let [id, instance, generation, topics, owned] = fields[..] else { panic!("{text}") };
    let member = Member {
        instance_id: Some(instance.into()).filter(|instance: &ByteString| !instance.is_empty()),
        topics: topics.split(',').filter(|topic| !topic.is_empty()).map(Into::into).collect(),
        owned: partitions(owned).collect(),
        generation: generation.parse().unwrap(),
    };
    (id.into(), member)
}

fn partitions(text: &str) -> impl Iterator<Item = TopicPartition> {
    text.split(',').filter(|partition| !partition.is_empty()).map(|partition| {
        let (topic, number) = partition.rsplit_once('-').unwrap();
        TopicPartition::new(topic, number.parse().unwrap())
    })
}

/// Smaller is more even: no division of the same partitions is better than the one with the least sum of squares.
fn unevenness(assignments: &Assignments) -> usize {
    assignments.values().map(|partitions| partitions.len().pow(2)).sum()
}

#[test]
fn ranges_are_those_of_kafka() {
    for case in cases(Assignor::Range) {
        assert_eq!(case.ours(), case.theirs, "{}", case.line);
    }
}

#[test]
fn rounds_are_those_of_kafka() {
    for case in cases(Assignor::RoundRobin) {
        assert_eq!(case.ours(), case.theirs, "{}", case.line);
    }
}

#[test]
fn what_sticks_is_divided_as_evenly_as_kafka_does_it_and_moves_no_more() {
    for case in cases(Assignor::Sticky) {
        let (ours, theirs) = (case.ours(), &case.theirs);
        let (even, evener) = (unevenness(theirs), unevenness(&ours));
        assert!(evener <= even, "{}\n{ours:?}", case.line);
        if evener == even {
            assert!(case.kept(&ours) >= case.kept(theirs), "{}\n{ours:?}", case.line);
        }
    }
}

#[test]
fn what_moves_waits_for_its_owner_as_in_kafka() {
    for case in cases(Assignor::CooperativeSticky) {
        let (ours, theirs) = (case.ours(), &case.theirs);
        let count = |assignments: &Assignments| assignments.values().map(Vec::len).sum::<usize>();
        assert!(count(&ours) >= count(theirs), "{}\n{ours:?}", case.line);
        assert!(case.kept(&ours) >= case.kept(theirs), "{}\n{ours:?}", case.line);
        // What two members claim goes to neither, there and here.
        for (partition, claimants) in newest_claims(&case.members) {
            let given = |assignments: &Assignments| assignments.values().flatten().any(|other| other == partition);
            assert!(claimants.len() < 2 || !given(&ours) && !given(theirs), "{}\n{ours:?}", case.line);
        }
    }
}
