//! Deleting topics.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::topic::RemoveTopicRecord;
use uuid::Uuid;

use super::{Decision, MetadataImage, RequestError, Rules, Topic};

/// A topic to delete, by name or by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicToDelete {
    /// Its name, unless the id tells which.
    pub name: Option<String>,
    /// Its id; nil if the name tells which.
    pub id: Uuid,
}

/// The answer for a topic of a `DeleteTopics` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTopic {
    /// The name, if the request had it or the topic existed.
    pub name: Option<String>,
    /// The id, if the request had it or the topic existed; else nil.
    pub id: Uuid,
    /// The topic as it was, or why it was not deleted.
    pub result: Result<Arc<Topic>, RequestError>,
}

/// Decides about a `DeleteTopics` request. What is named more than once is refused, with one answer at its first place.
/// Topics in which the broker keeps its own state are refused: what they hold cannot be made again.
pub fn delete_topics(image: &MetadataImage, rules: Rules<'_>, topics: &[TopicToDelete]) -> Decision<DeletedTopic> {
    let mut decision = Decision::new();
    let mut times: HashMap<(Option<&str>, Uuid), usize> = HashMap::new();
    for topic in topics {
        *times.entry((topic.name.as_deref(), topic.id)).or_default() += 1;
    }
    let by_id: HashSet<Uuid> = topics.iter().filter(|topic| topic.name.is_none()).map(|topic| topic.id).collect();
    let named: HashSet<Uuid> = topics.iter().filter_map(|topic| id_of_name(image, topic)).collect();
    for topic in topics {
        let answer = match times.remove(&(topic.name.as_deref(), topic.id)) {
            None => continue,
            Some(1) if topic.name.is_none() && named.contains(&topic.id) => continue,
            Some(1) => {
                let named_twice = id_of_name(image, topic).is_some_and(|id| by_id.contains(&id));
                delete(image, rules, topic, named_twice)
            }
            Some(_) => {
                let what = if topic.name.is_some() { "name" } else { "id" };
                let refused = RequestError::invalid_request(format!("Duplicate topic {what}."));
                DeletedTopic { name: topic.name.clone(), id: topic.id, result: Err(refused) }
            }
        };
        if let Ok(topic) = &answer.result {
            decision.records.push(RemoveTopicRecord { topic_id: topic.id }.into());
        }
        decision.answers.push(answer);
    }
    decision
}

/// The id of a topic that the request tells by its name alone.
fn id_of_name(image: &MetadataImage, topic: &TopicToDelete) -> Option<Uuid> {
    topic.name.as_deref().filter(|_| topic.id.is_nil()).and_then(|name| image.topic(name)).map(|topic| topic.id)
}

fn delete(image: &MetadataImage, rules: Rules<'_>, wanted: &TopicToDelete, named_twice: bool) -> DeletedTopic {
    let refused = |error: RequestError| DeletedTopic { name: wanted.name.clone(), id: wanted.id, result: Err(error) };
    let found = match (&wanted.name, wanted.id.is_nil()) {
        (Some(_), false) => {
            return refused(RequestError::invalid_request("Give the topic's name or its id, not both."));
        }
        (None, true) => return refused(RequestError::invalid_request("Give the topic's name or its id.")),
        (Some(name), true) => image.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        (None, false) => image.topic_by_id(&wanted.id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
    };
    let topic = match found {
        Ok(topic) => topic,
        Err(code) => return refused(RequestError::new(code, code.message())),
    };
    let result = if named_twice {
        Err(RequestError::invalid_request("The topic of this name is also in the request by its id."))
    } else if topic.is_internal() {
        let message = format!("{} holds the broker's own state and cannot be deleted.", topic.name);
        Err(RequestError::invalid_request(message))
    } else if !rules.broker.delete_topics {
        Err(RequestError::new(ErrorCode::TOPIC_DELETION_DISABLED, "This broker runs with delete.topic.enable=false."))
    } else {
        (rules.charge)(topic.partitions.unsigned_abs()).map(|()| Arc::clone(topic))
    };
    DeletedTopic { name: Some(topic.name.to_string()), id: topic.id, result }
}
