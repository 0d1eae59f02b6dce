//! What a group of consumers subscribes to. Offsets of those topics are kept while the group lives.

use naru_protocol::consumer_protocol::ConsumerProtocolSubscription;

use super::group::ClassicGroup;

/// The protocol type of consumers: the metadata of its members lists their topics.
const CONSUMER: &str = "consumer";

impl ClassicGroup {
    /// Whether the members are consumers, so that the broker can read what they subscribe to.
    pub fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_ref().is_some_and(|name| *name == *CONSUMER)
    }

    /// Whether a member consumes the topic. When the metadata of any member cannot be read, the answer is yes: nothing
    /// is lost by keeping an offset.
    pub fn subscribes_to(&self, topic: &str) -> bool {
        self.is_of_consumers()
            && self.members.iter().any(|member| {
                let metadata = member.metadata_for(self.protocol.as_ref());
                ConsumerProtocolSubscription::from_bytes(metadata)
                    .map_or(true, |subscription| subscription.topics.iter().any(|name| *name == *topic))
            })
    }
}
