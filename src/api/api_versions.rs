//! ApiVersions (key 18), versions 0–5: what this broker speaks.
//!
//! - A version from the future is answered in version 0 with UNSUPPORTED_VERSION and the range that is understood, so
//!   that the client can try again (KIP-511).
//! - 3: the client names its software; a malformed name is INVALID_REQUEST. Features, of which none has a level 0 that
//!   versions below 4 would have to leave out.
//! - 5: the client may say which broker it means to reach; another one answers REBOOTSTRAP_REQUIRED (KIP-1242).

use std::sync::Arc;

use bytes::Bytes;
use naru_protocol::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use naru_protocol::{ApiKey, ErrorCode};

use crate::broker::Broker;
use crate::metadata::{FEATURES, Feature};

use super::{Answer, Api, Encoded, RequestContext, TABLE, respond, table};

pub(super) fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: ApiVersionsRequest,
) -> Answer<ApiVersionsResponse> {
    let error_code = check(&broker, context.version, &request);
    if !error_code.is_none() {
        return Answer::Ready(ApiVersionsResponse { error_code, ..Default::default() });
    }
    Answer::Ready(ApiVersionsResponse {
        api_keys: TABLE.iter().map(advertise).collect(),
        supported_features: FEATURES.iter().map(supported).collect(),
        finalized_features_epoch: broker.metadata().log_end().offset,
        finalized_features: FEATURES.iter().map(finalized).collect(),
        ..Default::default()
    })
}

fn check(broker: &Broker, version: i16, request: &ApiVersionsRequest) -> ErrorCode {
    if version >= 3 && !(is_name(&request.client_software_name) && is_name(&request.client_software_version)) {
        return ErrorCode::INVALID_REQUEST;
    }
    match (&request.cluster_id, request.node_id) {
        (None, -1) => ErrorCode::NONE,
        (None, _) | (_, -1) => ErrorCode::INVALID_REQUEST,
        (Some(cluster_id), node_id) if *cluster_id == broker.cluster_id() && node_id == broker.node_id() => {
            ErrorCode::NONE
        }
        _ => ErrorCode::REBOOTSTRAP_REQUIRED,
    }
}

/// Letters, digits, dots and hyphens, with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let text = text.as_bytes();
    let ends = [text.first(), text.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn advertise(api: &Api) -> ApiVersion {
    ApiVersion { api_key: api.key as i16, min_version: api.advertised_min, max_version: *api.versions.end() }
}

fn supported(feature: &Feature) -> SupportedFeatureKey {
    SupportedFeatureKey { name: feature.name.into(), min_version: feature.level, max_version: feature.level }
}

fn finalized(feature: &Feature) -> FinalizedFeatureKey {
    FinalizedFeatureKey {
        name: feature.name.into(),
        max_version_level: feature.level,
        min_version_level: feature.level,
    }
}

/// The answer to an ApiVersions request of a version that is not served. Nothing of such a request can be trusted to
/// parse but the front of its header.
pub(super) fn refuse_unknown_version(frame: &Bytes) -> Option<Answer<Encoded>> {
    let [k0, k1, v0, v1, c0, c1, c2, c3] = *frame.first_chunk()?;
    let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    if key != ApiKey::ApiVersions as i16 || table::find(key, version).is_some() {
        return None;
    }
    let own = TABLE.iter().filter(|api| api.key == ApiKey::ApiVersions).map(advertise).collect();
    let refusal =
        ApiVersionsResponse { error_code: ErrorCode::UNSUPPORTED_VERSION, api_keys: own, ..Default::default() };
    Some(respond(i32::from_be_bytes([c0, c1, c2, c3]), &refusal, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_are_letters_digits_dots_and_hyphens() {
        for good in ["a", "7", "librdkafka", "apache-kafka-java", "4.4.0", "a..b", "1.0-rc1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-", ".a", "a-", "a b", "naïve", "a_b", "a\n"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
