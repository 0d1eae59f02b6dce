//! DescribeLogDirs (key 35), versions 1–5: the data directory and the sizes of the logs in it.
//!
//! - 3: an error for the whole answer. 4: sizes of the volume (KIP-827). 5: whether the directory takes no new logs; here it
//!   always does.
//!
//! There is one directory, no replica lags behind, and none is on its way to another directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};

use crate::broker::Broker;
use crate::partition::Partition;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeLogDirsRequest,
) -> Answer<DescribeLogDirsResponse> {
    let partitions = match request.topics {
        None => broker.partitions().all(),
        Some(topics) => asked_for(&broker, topics),
    };
    // The file system is asked, which may take its time.
    let described = tokio::task::spawn_blocking(move || describe(&broker, partitions)).await;
    Answer::Ready(DescribeLogDirsResponse { results: described.into_iter().collect(), ..Default::default() })
}

/// The partitions that exist; of others nothing is said, as in Kafka.
fn asked_for(broker: &Broker, topics: Vec<DescribableLogDirTopic>) -> Vec<Arc<Partition>> {
    let all = topics.iter().flat_map(|topic| topic.partitions.iter().map(move |index| (topic, *index)));
    all.filter_map(|(topic, index)| broker.partition(&topic.topic, index).ok()).collect()
}

fn describe(broker: &Broker, partitions: Vec<Arc<Partition>>) -> DescribeLogDirsResult {
    let mut topics: BTreeMap<ByteString, BTreeMap<i32, DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in partitions {
        let name = partition.topic_partition();
        let described = DescribeLogDirsPartition {
            partition_index: name.partition,
            partition_size: i64::try_from(partition.log().size_bytes()).unwrap_or(i64::MAX),
            offset_lag: 0,
            is_future_key: false,
        };
        topics.entry(name.topic.as_ref().into()).or_default().insert(name.partition, described);
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_values().collect();
        DescribeLogDirsTopic { name, partitions }
    });
    let unknown = DescribeLogDirsResult { log_dir: path(broker), topics: topics.collect(), ..Default::default() };
    match broker.partitions().data().volume() {
        Ok(volume) => {
            let [total_bytes, usable_bytes] =
                [volume.total_bytes, volume.usable_bytes].map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
            DescribeLogDirsResult { total_bytes, usable_bytes, ..unknown }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot ask the file system for its size");
            unknown
        }
    }
}

/// The data directory as clients know it: absolute.
pub(super) fn path(broker: &Broker) -> ByteString {
    let path = broker.partitions().data().path();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.to_string_lossy().into_owned().into()
}
