//! What members tell each other, and what a new assignment changes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use naru_protocol::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition as OfTopic,
};
use naru_protocol::messages::join_group::JoinGroupRequestProtocol;

use super::assignor::{Assignor, Member};
use crate::error::Error;
use crate::record::TopicPartition;

/// The newest form of subscriptions and assignments.
const VERSION: i16 = 3;

/// What a member says about itself when it joins.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim {
    pub(super) topics: Vec<ByteString>,
    /// What it has now.
    pub(super) owned: BTreeSet<TopicPartition>,
    /// What it had last: the same, or, after all was given up for a rebalance, what it would like to get again.
    pub(super) last: BTreeSet<TopicPartition>,
    /// The generation of both.
    pub(super) generation: i32,
    pub(super) rack: Option<ByteString>,
}

/// The subscription, once for each assignor that the member would agree to.
pub(super) fn protocols(claim: &Claim, assignors: &[Assignor]) -> Result<Vec<JoinGroupRequestProtocol>, Error> {
    let protocol = |assignor: &Assignor| {
        let subscription = ConsumerProtocolSubscription {
            topics: claim.topics.clone(),
            user_data: user_data(*assignor, claim),
            owned_partitions: by_topic(&claim.owned),
            generation_id: claim.generation,
            rack_id: claim.rack.clone(),
        };
        Ok(JoinGroupRequestProtocol { name: assignor.name().into(), metadata: subscription.to_bytes(VERSION)? })
    };
    assignors.iter().map(protocol).collect()
}

/// A member as the leader sees it.
pub(super) fn member(
    assignor: Assignor,
    instance_id: Option<ByteString>,
    metadata: Bytes,
) -> Result<(Member, BTreeSet<ByteString>), Error> {
    let subscription = ConsumerProtocolSubscription::from_bytes(metadata)?;
    let topics: BTreeSet<ByteString> = subscription.topics.into_iter().collect();
    let mut owned = flat(subscription.owned_partitions);
    let mut generation = subscription.generation_id;
    if let Some(data) = subscription.user_data {
        match assignor {
            // Members before KIP-792 say their generation here alone.
            Assignor::CooperativeSticky if generation < 0 => generation = read_i32(&mut data.clone()).unwrap_or(-1),
            Assignor::Sticky if owned.is_empty() => {
                (owned, generation) = read_sticky(data).unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok((Member { instance_id, topics: topics.clone(), owned, generation }, topics))
}

/// An assignment as it is sent.
pub(super) fn assignment(partitions: &[TopicPartition]) -> Result<Bytes, Error> {
    let assigned_partitions = by_topic(partitions);
    Ok(ConsumerProtocolAssignment { assigned_partitions, user_data: None }.to_bytes(VERSION)?)
}

/// The partitions of an assignment; none when it is empty.
pub(super) fn assigned(bytes: Bytes) -> Result<BTreeSet<TopicPartition>, Error> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    Ok(flat(ConsumerProtocolAssignment::from_bytes(bytes)?.assigned_partitions))
}

fn by_topic<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Vec<OfTopic> {
    let mut topics: BTreeMap<&ByteString, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    topics.into_iter().map(|(topic, partitions)| OfTopic { topic: topic.clone(), partitions }).collect()
}

fn flat(topics: Vec<OfTopic>) -> BTreeSet<TopicPartition> {
    let of_topic = |OfTopic { topic, partitions }| {
        partitions.into_iter().map(move |partition| TopicPartition { topic: ByteString::clone(&topic), partition })
    };
    topics.into_iter().flat_map(of_topic).collect()
}

/// What Kafka's Java assignors put beside the subscription: the sticky one its last partitions and generation, the
/// cooperative one its generation.
fn user_data(assignor: Assignor, claim: &Claim) -> Option<Bytes> {
    let mut data = BytesMut::new();
    match assignor {
        Assignor::Range | Assignor::RoundRobin => return None,
        Assignor::CooperativeSticky => {}
        Assignor::Sticky => {
            let topics = by_topic(&claim.last);
            data.put_i32(topics.len() as i32);
            for OfTopic { topic, partitions } in topics {
                data.put_i16(topic.len() as i16);
                data.put_slice(topic.as_bytes());
                data.put_i32(partitions.len() as i32);
                for partition in partitions {
                    data.put_i32(partition);
                }
            }
        }
    }
    data.put_i32(claim.generation);
    Some(data.freeze())
}

fn read_i32(data: &mut Bytes) -> Option<i32> {
    data.try_get_i32().ok()
}

fn read_sticky(mut data: Bytes) -> Option<(BTreeSet<TopicPartition>, i32)> {
    let mut partitions = BTreeSet::new();
    for _ in 0..read_i32(&mut data)? {
        let length = usize::try_from(data.try_get_i16().ok()?).ok()?;
        if data.remaining() < length {
            return None;
        }
        let topic = ByteString::try_from(data.split_to(length)).ok()?;
        for _ in 0..read_i32(&mut data)? {
            partitions.insert(TopicPartition { topic: topic.clone(), partition: read_i32(&mut data)? });
        }
    }
    // Members before Kafka 2.3 do not say their generation.
    Some((partitions, read_i32(&mut data).unwrap_or(-1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        let partitions = [("orders", 2), ("orders", 0), ("trips", 1)];
        let partitions: BTreeSet<_> = partitions.map(|(topic, number)| TopicPartition::new(topic, number)).into();
        Claim {
            topics: vec!["orders".into(), "trips".into()],
            owned: partitions.clone(),
            last: partitions,
            generation: 7,
            rack: Some("east".into()),
        }
    }

    #[test]
    fn the_leader_reads_what_members_say() {
        for assignor in Assignor::ALL {
            let protocol = protocols(&claim(), &[assignor]).unwrap().remove(0);
            assert_eq!(protocol.name, assignor.name());
            let (member, topics) = member(assignor, Some("i".into()), protocol.metadata).unwrap();
            assert_eq!((member.owned, member.generation), (claim().owned, 7));
            assert!(topics.into_iter().eq(claim().topics));
        }
    }

    #[test]
    fn a_sticky_member_says_what_it_gave_up() {
        let claim = Claim { owned: BTreeSet::new(), ..claim() };
        let protocol = protocols(&claim, &[Assignor::Sticky]).unwrap().remove(0);
        let (member, _) = member(Assignor::Sticky, None, protocol.metadata).unwrap();
        assert_eq!((member.owned, member.generation), (claim.last, 7));
    }

    #[test]
    fn nonsense_beside_a_subscription_is_passed_over() {
        for data in [&b""[..], b"\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x01\x7f\xffa"] {
            let subscription =
                ConsumerProtocolSubscription { user_data: Some(Bytes::from_static(data)), ..Default::default() };
            let metadata = subscription.to_bytes(1).unwrap();
            let (member, _) = member(Assignor::Sticky, None, metadata).unwrap();
            assert!(member.owned.is_empty());
        }
    }

    #[test]
    fn assignments_come_back_as_they_were() {
        let partitions: Vec<_> = claim().owned.into_iter().collect();
        assert_eq!(assigned(assignment(&partitions).unwrap()).unwrap(), claim().owned);
        assert!(assigned(Bytes::new()).unwrap().is_empty());
        assert!(assigned(Bytes::from_static(b"\0")).is_err());
    }
}
