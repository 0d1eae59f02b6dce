//! DeleteTopics (key 20), versions 1–6: deletes topics.
//!
//! - 5: error messages.
//! - 6: by name or by id.

use std::sync::Arc;

use naru_protocol::messages::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse};
use uuid::Uuid;

use crate::broker::Broker;
use crate::metadata::{DeletedTopic, TopicToDelete};

use super::{Answer, RequestContext};

/// The first version that knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
const THROTTLED_SINCE: i16 = 5;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DeleteTopicsRequest,
) -> Answer<DeleteTopicsResponse> {
    let by_name = request.topic_names.into_iter().map(|name| (Some(name), Uuid::nil()));
    let by_either = request.topics.into_iter().map(|topic| (topic.name, topic.topic_id));
    let topics: Vec<_> = by_name
        .chain(by_either)
        .map(|(name, id)| TopicToDelete { name: name.map(|name| name.to_string()), id })
        .collect();
    let charge = context.charge(THROTTLED_SINCE);
    let deleted = match broker.metadata().delete_topics(topics.clone(), charge).await {
        Ok(deleted) => deleted,
        Err(error) => {
            let refused = topics.into_iter();
            refused.map(|topic| DeletedTopic { name: topic.name, id: topic.id, result: Err(error.clone()) }).collect()
        }
    };
    let responses = deleted.into_iter().map(answer).collect();
    Answer::Ready(DeleteTopicsResponse { responses, ..Default::default() })
}

fn answer(deleted: DeletedTopic) -> DeletableTopicResult {
    let mut result =
        DeletableTopicResult { name: deleted.name.map(Into::into), topic_id: deleted.id, ..Default::default() };
    if let Err(error) = deleted.result {
        result.error_code = error.code;
        result.error_message = error.message.map(Into::into);
    }
    result
}
