//! Every partition once, evenly, and with few moves.

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

use super::*;

fn members(subscriptions: &[(&str, &[&str])]) -> BTreeMap<ByteString, Member> {
    let member = |topics: &[&str]| Member {
        topics: topics.iter().map(|topic| ByteString::from(*topic)).collect(),
        generation: -1,
        ..Member::default()
    };
    subscriptions.iter().map(|(id, topics)| (ByteString::from(*id), member(topics))).collect()
}

fn topics(counts: &[(&str, i32)]) -> Topics {
    counts.iter().map(|(topic, count)| (ByteString::from(*topic), *count)).collect()
}

/// As `orders-0 orders-1`.
fn told(assignments: &Assignments, member: &str) -> String {
    assignments[member].iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn ranges_keep_neighbours_and_equal_numbers_together() {
    let assigned =
        Assignor::Range.assign(&members(&[("a", &["t", "u"]), ("b", &["t", "u"])]), &topics(&[("t", 3), ("u", 2)]));
    assert_eq!(told(&assigned, "a"), "t-0 t-1 u-0");
    assert_eq!(told(&assigned, "b"), "t-2 u-1");
}

#[test]
fn rounds_go_over_all_topics() {
    let members = members(&[("a", &["t", "u"]), ("b", &["t", "u"]), ("c", &["u"])]);
    let assigned = Assignor::RoundRobin.assign(&members, &topics(&[("t", 3), ("u", 3)]));
    assert_eq!(told(&assigned, "a"), "t-0 t-2 u-2");
    assert_eq!(told(&assigned, "b"), "t-1 u-0");
    assert_eq!(told(&assigned, "c"), "u-1");
}

#[test]
fn static_members_are_ordered_by_their_instance() {
    let mut members = members(&[("a", &["t"]), ("b", &["t"])]);
    members.get_mut("a").unwrap().instance_id = Some("z".into());
    members.get_mut("b").unwrap().instance_id = Some("y".into());
    let assigned = Assignor::Range.assign(&members, &topics(&[("t", 2)]));
    assert_eq!((told(&assigned, "b").as_str(), told(&assigned, "a").as_str()), ("t-0", "t-1"));
}

#[test]
fn a_new_member_gets_its_part_only_when_it_was_given_up() {
    let mut group = members(&[("a", &["t"]), ("b", &["t"])]);
    let owned = (0..4).map(|partition| TopicPartition::new("t", partition));
    (group.get_mut("a").unwrap().owned, group.get_mut("a").unwrap().generation) = (owned.collect(), 1);
    let first = Assignor::CooperativeSticky.assign(&group, &topics(&[("t", 4)]));
    assert_eq!((first["a"].len(), first["b"].len()), (2, 0));
    let a = group.get_mut("a").unwrap();
    (a.owned, a.generation) = (first["a"].iter().cloned().collect(), 2);
    let second = Assignor::CooperativeSticky.assign(&group, &topics(&[("t", 4)]));
    assert_eq!(second["a"], first["a"]);
    assert_eq!(second["b"].len(), 2);
}

#[test]
fn an_old_claim_does_not_count() {
    let mut group = members(&[("a", &["t"]), ("b", &["t"])]);
    for (id, generation, partitions) in [("a", 5, 0..1), ("b", 4, 0..2)] {
        let member = group.get_mut(id).unwrap();
        member.owned = partitions.map(|partition| TopicPartition::new("t", partition)).collect();
        member.generation = generation;
    }
    let assigned = Assignor::Sticky.assign(&group, &topics(&[("t", 2)]));
    assert_eq!((told(&assigned, "a").as_str(), told(&assigned, "b").as_str()), ("t-0", "t-1"));
}

#[test]
fn many_partitions_are_levelled_in_no_time() {
    let mut group = members(&[("a", &["t"]), ("b", &["t"]), ("c", &["t"])]);
    let a = group.get_mut("a").unwrap();
    (a.owned, a.generation) = ((0..9000).map(|partition| TopicPartition::new("t", partition)).collect(), 1);
    let assigned = Assignor::Sticky.assign(&group, &topics(&[("t", 9000)]));
    assert!(assigned.values().all(|partitions| partitions.len() == 3000));
}

fn names(prefix: &'static str, most: usize) -> impl Strategy<Value = BTreeSet<ByteString>> {
    btree_set((0..most).prop_map(move |number| ByteString::from(format!("{prefix}{number}"))), 0..=most)
}

fn groups() -> impl Strategy<Value = (BTreeMap<ByteString, Member>, Topics)> {
    let member =
        (names("t", 5), -1..3_i32, btree_set((0..5_usize, 0..7_i32), 0..9)).prop_map(|(topics, generation, owned)| {
            Member {
                topics,
                generation,
                owned: owned
                    .into_iter()
                    .map(|(topic, number)| TopicPartition::new(format!("t{topic}"), number))
                    .collect(),
                ..Member::default()
            }
        });
    let id = (0..6_usize).prop_map(|number| ByteString::from(format!("m{number}")));
    let topic = (0..5_usize).prop_map(|number| ByteString::from(format!("t{number}")));
    (btree_map(id, member, 1..6), btree_map(topic, 1..7_i32, 0..5))
}

/// What each partition's owners are.
fn owners(assignments: &Assignments) -> BTreeMap<&TopicPartition, Vec<&ByteString>> {
    let mut owners: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (id, partitions) in assignments {
        for partition in partitions {
            owners.entry(partition).or_default().push(id);
        }
    }
    owners
}

proptest! {
    #[test]
    fn every_partition_has_one_reader((members, topics) in groups()) {
        for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
            let assignments = assignor.assign(&members, &topics);
            prop_assert!(assignments.keys().eq(members.keys()));
            let owners = owners(&assignments);
            for (topic, count) in &topics {
                let read = members.values().any(|member| member.topics.contains(topic));
                for partition in 0..*count {
                    let owned = owners.get(&TopicPartition::new(topic.clone(), partition)).map_or(0, Vec::len);
                    prop_assert_eq!(owned, usize::from(read));
                }
            }
            for (partition, owners) in owners {
                prop_assert!(members[owners[0]].topics.contains(&partition.topic));
                prop_assert!(partition.partition < topics[&partition.topic]);
            }
        }
    }

    #[test]
    fn no_move_would_make_it_fairer((members, topics) in groups()) {
        let assignments = Assignor::Sticky.assign(&members, &topics);
        for (from, partitions) in &assignments {
            for partition in partitions {
                for (to, member) in &members {
                    let fairer = member.topics.contains(&partition.topic)
                        && assignments[to].len() + 2 <= partitions.len();
                    prop_assert!(!fairer, "{} from {} to {}", partition, from, to);
                }
            }
        }
    }

    #[test]
    fn what_is_fair_stays((members, topics) in groups()) {
        let first = Assignor::Sticky.assign(&members, &topics);
        let mut again = members;
        for (id, member) in &mut again {
            (member.owned, member.generation) = (first[id].iter().cloned().collect(), 9);
        }
        prop_assert_eq!(&Assignor::Sticky.assign(&again, &topics), &first);
        prop_assert_eq!(&Assignor::CooperativeSticky.assign(&again, &topics), &first);
    }

    #[test]
    fn nothing_moves_before_its_owner_gave_it_up((members, topics) in groups()) {
        let assignments = Assignor::CooperativeSticky.assign(&members, &topics);
        let claims = newest_owners(&members);
        for (partition, owners) in owners(&assignments) {
            prop_assert_eq!(owners.len(), 1);
            prop_assert!(claims.get(partition).is_none_or(|owner| *owner == owners[0]));
        }
    }
}
