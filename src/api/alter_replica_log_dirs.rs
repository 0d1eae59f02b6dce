//! AlterReplicaLogDirs (key 34), versions 1–2: moves replicas to another directory of the broker.
//!
//! - 2: flexible.
//!
//! There is one directory. A partition that is to be there is there already; any other directory is not found.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};

use crate::broker::Broker;

use super::{Answer, RequestContext, describe_log_dirs};

/// What Kafka appends to the name of a log while it moves: a random id, and that it is to come.
const SUFFIX_LEN: usize = ".00000000000000000000000000000000-future".len();

/// The longest name of a directory.
const MAX_NAME_LEN: usize = 255;

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterReplicaLogDirsRequest,
) -> Answer<AlterReplicaLogDirsResponse> {
    let here = describe_log_dirs::path(&broker);
    let mut moved: BTreeMap<ByteString, BTreeMap<i32, ErrorCode>> = BTreeMap::new();
    for directory in request.dirs {
        for topic in directory.topics {
            for index in topic.partitions {
                let error = if !fits_while_it_moves(&topic.name, index) {
                    ErrorCode::INVALID_TOPIC_EXCEPTION
                } else if directory.path == here {
                    broker.partition(&topic.name, index).err().unwrap_or(ErrorCode::NONE)
                } else {
                    ErrorCode::LOG_DIR_NOT_FOUND
                };
                // Of a partition that is to be in two directories the last one counts.
                moved.entry(topic.name.clone()).or_default().insert(index, error);
            }
        }
    }
    let results = moved.into_iter().map(|(topic_name, partitions)| AlterReplicaLogDirTopicResult {
        topic_name,
        partitions: partitions
            .into_iter()
            .map(|(partition_index, error_code)| AlterReplicaLogDirPartitionResult { partition_index, error_code })
            .collect(),
    });
    Answer::Ready(AlterReplicaLogDirsResponse { results: results.collect(), ..Default::default() })
}

/// Kafka refuses to move logs with longer names, wherever they are to go.
fn fits_while_it_moves(topic: &str, index: i32) -> bool {
    format!("{topic}-{index}").len() + SUFFIX_LEN <= MAX_NAME_LEN
}
