//! What a group of consumers subscribes to. Offsets of those topics are kept while the group lives.

use naru_protocol::consumer_protocol::ConsumerProtocolSubscription;

use super::group::ClassicGroup;
use crate::group::requests::owned;

/// The protocol type of consumers: the metadata of its members lists their topics.
const CONSUMER: &str = "consumer";

impl ClassicGroup {
    /// Whether the members are consumers, so that the broker can read what they subscribe to.
    pub fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_ref().is_some_and(|name| *name == *CONSUMER)
    }

    /// Whether the group consumes the topic, as the members said when the generation began. When the metadata of any of
    /// them could not be read, the answer is yes: nothing is lost by keeping an offset.
    pub fn subscribes_to(&self, topic: &str) -> bool {
        self.is_of_consumers() && self.subscribed.as_ref().is_none_or(|topics| topics.contains(topic))
    }

    /// A generation begins: its members' topics are those of the group until the next one does.
    pub(super) fn note_subscriptions(&mut self) {
        let members = self.members.iter().map(|member| {
            ConsumerProtocolSubscription::from_bytes(member.metadata_for(self.protocol.as_ref()))
                .map(|subscription| subscription.topics)
        });
        let topics = members.collect::<Result<Vec<_>, _>>().ok();
        self.subscribed = topics.map(|topics| topics.iter().flatten().map(owned).collect());
    }
}
