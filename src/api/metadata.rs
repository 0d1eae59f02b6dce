//! Metadata (key 3), versions 0–13: brokers, topics, partitions and their leaders.
//!
//! - 0: an empty list asks for all topics; from 1, null does, and an empty list asks for none.
//! - 4: the client may forbid creating topics that do not exist; before, they always are created.
//! - 8: authorized operations, if asked for; 11 leaves those of the cluster to DescribeCluster.
//! - 10: topic ids; 12: topics by id.
//!
//! The address in the answer is that of the listener that the request came through. A topic that was created on the way is
//! ready: the client need not ask again.

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};

use crate::broker::Broker;
use crate::metadata::{MetadataImage, Topic, check_topic_name, is_internal_topic};
use crate::partition::Partition;

use super::{Answer, CLUSTER_OPERATIONS, NO_OPERATIONS, RequestContext, TOPIC_OPERATIONS};

/// The first version in which no topics means none.
const NONE_MEANS_NONE_SINCE: i16 = 1;
/// The first version in which topics can be asked for by id.
const TOPICS_BY_ID_SINCE: i16 = 12;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: MetadataRequest,
) -> Answer<MetadataResponse> {
    let asked = request.topics.filter(|topics| context.version >= NONE_MEANS_NONE_SINCE || !topics.is_empty());
    let operations = if request.include_topic_authorized_operations { TOPIC_OPERATIONS } else { NO_OPERATIONS };
    let mut topics = match asked {
        None => all(&broker),
        Some(asked) if context.version < TOPICS_BY_ID_SINCE && asked.iter().any(asks_by_id) => {
            return Answer::Ready(refuse(asked));
        }
        Some(asked) if asked.iter().any(|topic| !topic.topic_id.is_nil()) => by_id(&broker, &asked),
        Some(asked) => {
            let create = request.allow_auto_topic_creation && broker.config().auto_create_topics;
            by_name(&broker, asked, create).await
        }
    };
    // Nothing may be done with what has no name.
    for topic in topics.iter_mut().filter(|topic| topic.name.is_some()) {
        topic.topic_authorized_operations = operations;
    }
    let address = context.advertised();
    let this_broker = MetadataResponseBroker {
        node_id: broker.node_id(),
        host: address.host.into(),
        port: address.port.into(),
        rack: broker.config().rack.as_deref().map(Into::into),
    };
    Answer::Ready(MetadataResponse {
        brokers: vec![this_broker],
        cluster_id: Some(broker.cluster_id().into()),
        controller_id: broker.node_id(),
        topics,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            CLUSTER_OPERATIONS
        } else {
            NO_OPERATIONS
        },
        ..Default::default()
    })
}

fn asks_by_id(topic: &MetadataRequestTopic) -> bool {
    topic.name.is_none() || !topic.topic_id.is_nil()
}

/// Versions 10 and 11 carry ids, but cannot be asked by them; Kafka refuses the whole request.
fn refuse(asked: Vec<MetadataRequestTopic>) -> MetadataResponse {
    let topics = asked.into_iter().map(|topic| MetadataResponseTopic {
        error_code: ErrorCode::INVALID_REQUEST,
        name: Some(topic.name.unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    });
    MetadataResponse { topics: topics.collect(), ..Default::default() }
}

fn all(broker: &Broker) -> Vec<MetadataResponseTopic> {
    let image = broker.metadata().image();
    let mut topics: Vec<&Arc<Topic>> = image.topics().collect();
    topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    topics.into_iter().map(|topic| describe(broker, topic)).collect()
}

fn by_id(broker: &Broker, asked: &[MetadataRequestTopic]) -> Vec<MetadataResponseTopic> {
    let image = broker.metadata().image();
    let mut seen = HashSet::new();
    let ids = asked.iter().map(|topic| topic.topic_id).filter(|id| !id.is_nil() && seen.insert(*id));
    let topics = ids.map(|id| match image.topic_by_id(&id) {
        Some(topic) => describe(broker, topic),
        None => MetadataResponseTopic {
            error_code: ErrorCode::UNKNOWN_TOPIC_ID,
            name: None,
            topic_id: id,
            ..Default::default()
        },
    });
    topics.collect()
}

async fn by_name(broker: &Broker, asked: Vec<MetadataRequestTopic>, create: bool) -> Vec<MetadataResponseTopic> {
    let mut seen = HashSet::new();
    let mut topics = Vec::with_capacity(asked.len());
    for name in asked.into_iter().map(|topic| topic.name.unwrap_or_default()) {
        if !seen.insert(name.clone()) {
            continue;
        }
        let topic = match find(&broker.metadata().image(), &name) {
            Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) if create => self::create(broker, &name).await,
            found => found,
        };
        topics.push(match topic {
            Ok(topic) => describe(broker, &topic),
            Err(error_code) => unknown(error_code, name),
        });
    }
    topics
}

fn find(image: &MetadataImage, name: &str) -> Result<Arc<Topic>, ErrorCode> {
    check_topic_name(name).map_err(|_| ErrorCode::INVALID_TOPIC_EXCEPTION)?;
    image.topic(name).cloned().ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

/// Creates the topic. Whatever prevents it, the client learns only that the topic is unknown, as from Kafka.
async fn create(broker: &Broker, name: &str) -> Result<Arc<Topic>, ErrorCode> {
    broker.metadata().ensure_topic(name).await.map_err(|error| {
        tracing::warn!(topic = name, %error, "a topic that a client asked for could not be created");
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    })
}

fn unknown(error_code: ErrorCode, name: ByteString) -> MetadataResponseTopic {
    let is_internal = is_internal_topic(&name);
    MetadataResponseTopic { error_code, name: Some(name), is_internal, ..Default::default() }
}

fn describe(broker: &Broker, topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions).map(|index| {
        let partition = broker.partitions().get(&topic.id, index);
        describe_partition(broker.node_id(), index, partition.as_deref())
    });
    MetadataResponseTopic {
        name: Some(topic.name.as_ref().into()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: partitions.collect(),
        ..Default::default()
    }
}

/// A partition whose log is out of service has no leader until the broker is started again.
pub(super) fn describe_partition(node_id: i32, index: i32, partition: Option<&Partition>) -> MetadataResponsePartition {
    let nodes = vec![node_id];
    match partition.filter(|partition| partition.high_watermark().closed().is_none()) {
        Some(partition) => MetadataResponsePartition {
            partition_index: index,
            leader_id: node_id,
            leader_epoch: partition.leader_epoch().0,
            replica_nodes: nodes.clone(),
            isr_nodes: nodes,
            ..Default::default()
        },
        None => MetadataResponsePartition {
            error_code: ErrorCode::LEADER_NOT_AVAILABLE,
            partition_index: index,
            leader_id: -1,
            replica_nodes: nodes.clone(),
            isr_nodes: nodes.clone(),
            offline_replicas: nodes,
            ..Default::default()
        },
    }
}
