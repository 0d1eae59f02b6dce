//! CreateTopics (key 19), versions 2–7: creates topics.
//!
//! - 4: −1 partitions or replicas mean the broker's defaults.
//! - 5: the answer lists partitions, replicas and settings of what was created.
//! - 7: and its id.

use std::sync::Arc;

use naru_protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};

use crate::broker::Broker;
use crate::config::describe_created_topic;
use crate::metadata::{Assignment, CreatedTopic, RequestError, TopicSpec};

use super::{Answer, RequestContext};

/// The first version that knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
const THROTTLED_SINCE: i16 = 6;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: CreateTopicsRequest,
) -> Answer<CreateTopicsResponse> {
    let names: Vec<_> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let specs = request.topics.into_iter().map(spec).collect();
    let charge = context.charge(THROTTLED_SINCE);
    let topics = match broker.metadata().create_topics(specs, request.validate_only, charge).await {
        Ok(outcomes) => {
            let results = outcomes.into_iter().map(|(name, outcome)| match outcome {
                Ok(created) => describe(&broker, &created),
                Err(error) => refuse(name, error),
            });
            results.collect()
        }
        Err(error) => names.into_iter().map(|name| refuse(name.to_string(), error.clone())).collect(),
    };
    Answer::Ready(CreateTopicsResponse { topics, ..Default::default() })
}

fn spec(topic: CreatableTopic) -> TopicSpec {
    let assignments = topic.assignments.into_iter();
    let configs = topic.configs.into_iter();
    TopicSpec {
        name: topic.name.to_string(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments.map(|a| Assignment { partition: a.partition_index, brokers: a.broker_ids }).collect(),
        configs: configs.map(|c| (c.name.to_string(), c.value.map(|value| value.to_string()))).collect(),
    }
}

fn describe(broker: &Broker, created: &CreatedTopic) -> CreatableTopicResult {
    let topic = &created.topic;
    let image = broker.metadata().image();
    let settings = describe_created_topic(&topic.overrides, image.dynamic_broker_config(), broker.config());
    let configs = settings.into_iter().map(|entry| CreatableTopicConfigs {
        name: entry.name.as_ref().into(),
        value: entry.value.map(Into::into),
        read_only: entry.read_only,
        config_source: entry.source as i8,
        is_sensitive: entry.sensitive,
    });
    CreatableTopicResult {
        name: topic.name.as_ref().into(),
        topic_id: topic.id,
        num_partitions: topic.partitions,
        replication_factor: created.replication_factor,
        configs: Some(configs.collect()),
        ..Default::default()
    }
}

fn refuse(name: String, error: RequestError) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.into(),
        error_code: error.code,
        error_message: error.message.map(Into::into),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}
