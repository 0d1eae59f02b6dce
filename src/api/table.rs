//! Which APIs and versions this broker speaks.

use std::ops::RangeInclusive;
use std::sync::Arc;

use naru_protocol::ApiKey;

use crate::broker::Broker;

use super::{Answer, Call, Chunks, RequestContext, api_versions, serve};

/// One API of this broker.
pub struct Api {
    /// Which API.
    pub key: ApiKey,
    /// The versions that are served.
    pub versions: RangeInclusive<i16>,
    /// The lowest version that ApiVersions names. Below the served ones where clients take a missing version for a
    /// missing feature.
    pub advertised_min: i16,
    pub(super) handler: fn(Arc<Broker>, RequestContext, Call) -> Answer<Chunks>,
}

/// A row: the API, its versions, the function that handles its request.
macro_rules! api {
    ($key:ident, $min:literal..=$max:literal, $handler:path) => {
        api!($key, $min..=$max, $handler, advertised from $min)
    };
    ($key:ident, $min:literal..=$max:literal, $handler:path, advertised from $advertised:literal) => {
        Api {
            key: ApiKey::$key,
            versions: $min..=$max,
            advertised_min: $advertised,
            handler: |broker, context, call| serve(broker, context, call, $handler),
        }
    };
}

/// Every API that is served, by ascending key.
pub static TABLE: &[Api] = &[api!(ApiVersions, 0..=5, api_versions::handle)];

/// The API with this key, if this version of it is served.
pub(super) fn find(key: i16, version: i16) -> Option<&'static Api> {
    let at = TABLE.binary_search_by_key(&key, |api| api.key as i16).ok()?;
    TABLE.get(at).filter(|api| api.versions.contains(&version))
}
