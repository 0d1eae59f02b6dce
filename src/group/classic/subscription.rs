//! What a group of consumers subscribes to. Offsets of those topics are kept while the group lives.

use bytes::{Buf, Bytes};

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
                topics(metadata).is_none_or(|topics| topics.iter().any(|name| name == topic.as_bytes()))
            })
    }
}

/// The topics of a `ConsumerProtocolSubscription`: after a version, they come first in every version.
fn topics(mut metadata: Bytes) -> Option<Vec<Bytes>> {
    let version = metadata.try_get_i16().ok()?;
    let count = metadata.try_get_i32().ok()?;
    if version < 0 || count < 0 {
        return None;
    }
    let mut topics = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(metadata.try_get_i16().ok()?).ok()?;
        if metadata.remaining() < length {
            return None;
        }
        topics.push(metadata.split_to(length));
    }
    Some(topics)
}
