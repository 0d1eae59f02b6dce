//! The APIs: one file each, and the one table of all of them.
//!
//! [`TABLE`] is the single truth about what this broker speaks. Dispatch, the ApiVersions answer and the coverage table in
//! `docs/protocol.md` are made from it.
// Kafka's names of APIs and error codes are words here; handlers share one signature.
#![allow(clippy::doc_markdown, clippy::needless_pass_by_value)]

mod add_raft_voter;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_user_scram_credentials;
mod answer;
mod api_versions;
mod context;
#[cfg(test)]
mod coverage;
mod create_acls;
mod create_partitions;
mod create_topics;
mod delegation_tokens;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod describe_user_scram_credentials;
mod elect_leaders;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod metadata;
mod meter;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod remove_raft_voter;
mod sasl_authenticate;
mod sasl_handshake;
mod sync_group;
mod table;
mod unregister_broker;
mod unregister_controller;
mod update_features;

use std::sync::Arc;

use bytes::Bytes;
use naru_protocol::{Request, RequestHeader, decode_request, encode_response_with_error};

use crate::broker::Broker;

use meter::Meter;

pub use answer::{Answer, BoxFuture, Chunks, CloseReason, Encoded, Respond};
pub use context::{ConnectionContext, Listener, RequestContext};
pub use table::{Api, TABLE};

/// Everything may be done with a topic: the bits of Kafka's operations on topics, while there is no access control.
const TOPIC_OPERATIONS: i32 = 3576;
/// Everything may be done with the cluster.
const CLUSTER_OPERATIONS: i32 = 8096;
/// Everything may be done with a group.
const GROUP_OPERATIONS: i32 = 3400;
/// Operations were not asked for.
const NO_OPERATIONS: i32 = i32::MIN;

/// Applies one request: a frame without its length.
pub fn dispatch(broker: &Arc<Broker>, connection: &Arc<ConnectionContext>, frame: Bytes) -> Answer<Encoded> {
    if let Some(refusal) = api_versions::refuse_unknown_version(&frame) {
        return refusal;
    }
    let request_bytes = frame.len();
    let (header, body) = match RequestHeader::split(frame) {
        Ok(split) => split,
        Err(error) => return Answer::Close(CloseReason::MalformedHeader(error.to_string())),
    };
    let Some(api) = table::find(header.api_key, header.api_version) else {
        return Answer::Close(CloseReason::Unsupported { key: header.api_key, version: header.api_version });
    };
    let context = RequestContext {
        meter: Meter::begin(broker, connection, header.client_id.as_ref(), api.key, request_bytes),
        connection: Arc::clone(connection),
        client_id: header.client_id,
        version: header.api_version,
    };
    (api.handler)(Arc::clone(broker), context, Call { correlation_id: header.correlation_id, body })
}

/// A request whose body is not decoded yet.
struct Call {
    correlation_id: i32,
    body: Bytes,
}

/// Decodes a request, has it handled, and encodes the response.
fn serve<R: Request, A: Respond<R::Response>>(
    broker: Arc<Broker>,
    context: RequestContext,
    call: Call,
    handler: impl FnOnce(Arc<Broker>, RequestContext, R) -> A,
) -> Answer<Encoded>
where
    R::Response: Send + 'static,
{
    let (version, correlation_id) = (context.version, call.correlation_id);
    let request = match decode_request::<R>(call.body, version) {
        Ok(request) => request,
        Err(error) => {
            let reason = error.to_string();
            return Answer::Close(CloseReason::MalformedBody { api: R::KEY.name(), version, reason });
        }
    };
    let Some(meter) = context.meter.clone() else {
        return handler(broker, context, request)
            .into_answer(move |response| respond(correlation_id, &response, version));
    };
    let answer = meter.watch(handler(broker, context, request).into_answer(Answer::Ready));
    answer.and_then(move |mut response| {
        meter.finish(&mut response);
        respond(correlation_id, &response, version)
    })
}

/// The response as bytes.
fn respond<M: naru_protocol::Response>(correlation_id: i32, response: &M, version: i16) -> Answer<Encoded> {
    match encode_response_with_error(correlation_id, response, version) {
        Ok((chunks, error)) => Answer::Ready(Encoded { chunks, error }),
        Err(error) => {
            let reason = error.to_string();
            Answer::Close(CloseReason::Unencodable { api: M::KEY.name(), version, reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use naru_protocol::ApiKey;

    use super::*;

    #[test]
    fn the_table_has_each_api_once_by_ascending_key_and_no_version_that_the_codec_lacks() {
        assert!(TABLE.is_sorted_by(|a, b| (a.key as i16) < (b.key as i16)));
        for api in TABLE {
            let codec = api.key.versions();
            let (min, max) = (api.versions.start(), api.versions.end());
            assert!(codec.contains(min) && codec.contains(max), "{}: the codec has {codec:?}", api.key.name());
            assert!(api.advertised_min <= *min, "{}", api.key.name());
        }
    }

    #[test]
    fn an_api_outside_the_table_is_not_found() {
        assert!(table::find(ApiKey::ApiVersions as i16, 0).is_some());
        assert!(table::find(ApiKey::ApiVersions as i16, 99).is_none());
        assert!(table::find(-1, 0).is_none());
        assert!(table::find(i16::MAX, 0).is_none());
    }
}
