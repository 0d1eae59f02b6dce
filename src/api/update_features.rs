//! UpdateFeatures (key 57), versions 0–2: features get another level (KIP-584).
//!
//! - 1: how the level may move (before, whether downgrades are allowed), and requests that only validate.
//! - 2: no result for each feature any more.
//!
//! One bad update fails all.

use std::sync::Arc;

use naru_protocol::messages::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use crate::broker::Broker;
use crate::metadata::{FeatureChange, RequestError, check_feature_update};

use super::{Answer, RequestContext};

/// The first version that names the kind of change.
const KIND_OF_CHANGE_SINCE: i16 = 1;

pub(super) fn handle(
    _broker: Arc<Broker>,
    context: RequestContext,
    request: UpdateFeaturesRequest,
) -> Answer<UpdateFeaturesResponse> {
    let checked = request.feature_updates.iter().try_for_each(|update| check(update, context.version));
    Answer::Ready(match checked {
        Ok(()) => {
            let updated = request.feature_updates.into_iter();
            let results =
                updated.map(|update| UpdatableFeatureResult { feature: update.feature, ..Default::default() });
            UpdateFeaturesResponse { results: results.collect(), ..Default::default() }
        }
        Err(error) => UpdateFeaturesResponse {
            error_code: error.code,
            error_message: error.message.map(Into::into),
            ..Default::default()
        },
    })
}

fn check(update: &FeatureUpdateKey, version: i16) -> Result<(), RequestError> {
    let change = if version >= KIND_OF_CHANGE_SINCE {
        FeatureChange::from_wire(update.upgrade_type)
    } else if update.allow_downgrade {
        Some(FeatureChange::SafeDowngrade)
    } else {
        Some(FeatureChange::Upgrade)
    };
    check_feature_update(&update.feature, update.max_version_level, change)
}
