//! Giving out producer ids.

use std::ops::Range;

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::producer_ids::ProducerIdsRecord;

use super::{Decision, MetadataImage, RequestError, Rules};

/// Ids in a block, as in Kafka. A start wastes what is left of the last block; there are 2⁶³.
pub const PRODUCER_ID_BLOCK: i64 = 1_000;

/// Decides about the next block of producer ids. The one answer is the block.
pub fn allocate_producer_ids(image: &MetadataImage, rules: Rules<'_>) -> Decision<Result<Range<i64>, RequestError>> {
    let first = image.next_producer_id();
    let Some(next_producer_id) = first.checked_add(PRODUCER_ID_BLOCK) else {
        let exhausted = RequestError::new(ErrorCode::UNKNOWN_SERVER_ERROR, "All producer ids have been given out.");
        return Decision { records: Vec::new(), answers: vec![Err(exhausted)] };
    };
    let record = ProducerIdsRecord { broker_id: image.node_id(), broker_epoch: rules.broker_epoch, next_producer_id };
    Decision { records: vec![record.into()], answers: vec![Ok(first..next_producer_id)] }
}
