//! CreatePartitions (key 37), versions 0–3: gives topics more partitions.

use std::sync::Arc;

use naru_protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};

use crate::broker::Broker;
use crate::metadata::{NewPartitions, RequestError};

use super::{Answer, RequestContext};

/// The first version that knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
const THROTTLED_SINCE: i16 = 3;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: CreatePartitionsRequest,
) -> Answer<CreatePartitionsResponse> {
    let names: Vec<_> = request.topics.iter().map(|topic| topic.name.to_string()).collect();
    let wanted = request.topics.into_iter().map(new_partitions).collect();
    let charge = context.charge(THROTTLED_SINCE);
    let outcomes = match broker.metadata().create_partitions(wanted, request.validate_only, charge).await {
        Ok(outcomes) => outcomes,
        Err(error) => names.into_iter().map(|name| (name, Err(error.clone()))).collect(),
    };
    let results = outcomes.into_iter().map(|(name, outcome)| answer(name, outcome)).collect();
    Answer::Ready(CreatePartitionsResponse { results, ..Default::default() })
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    NewPartitions {
        name: topic.name.to_string(),
        count: topic.count,
        assignments: topic.assignments.map(|each| each.into_iter().map(|assignment| assignment.broker_ids).collect()),
    }
}

fn answer(name: String, outcome: Result<(), RequestError>) -> CreatePartitionsTopicResult {
    let mut result = CreatePartitionsTopicResult { name: name.into(), ..Default::default() };
    if let Err(error) = outcome {
        result.error_code = error.code;
        result.error_message = error.message.map(Into::into);
    }
    result
}
