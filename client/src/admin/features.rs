//! Features: what the brokers of a cluster agreed to use together (KIP-584).

use std::collections::BTreeMap;

use bytestring::ByteString;
use naru_protocol::ApiKey;
use naru_protocol::messages::api_versions::ApiVersionsRequest;
use naru_protocol::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest};

use super::Admin;
use super::call::{Twice, check};
use crate::call::Target;
use crate::deadline::Deadline;
use crate::error::Error;

/// The first `ApiVersions` that lists features with a lowest level of 0, too.
const EVERY_FEATURE_SINCE: i16 = 4;

/// A feature of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeatureDescription {
    /// The level in use; none when the feature is off.
    pub level: Option<i16>,
    /// The lowest and the highest level that the broker supports; none when it does not know the feature.
    pub supported: Option<(i16, i16)>,
}

/// How the level of a feature may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeatureChange {
    /// Up only.
    Upgrade,
    /// Down, if nothing is lost.
    SafeDowngrade,
    /// Down, whatever is lost.
    UnsafeDowngrade,
}

impl Admin {
    /// The features that the cluster uses and those that a broker supports, by name. Needs Kafka 3.8 or newer to be complete,
    /// and 2.7 for the call.
    pub async fn describe_features(&self) -> Result<BTreeMap<ByteString, FeatureDescription>, Error> {
        self.one(self.deadline(), Twice::Harmless, || self.describe_features_once()).await
    }

    async fn describe_features_once(&self) -> Result<BTreeMap<ByteString, FeatureDescription>, Error> {
        let request = |_| ApiVersionsRequest {
            client_software_name: "naru-client".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        };
        let answer = self.ask(Target::Any, 3..=EVERY_FEATURE_SINCE, request).await?;
        check(ApiKey::ApiVersions, answer.error_code, None)?;
        let mut features: BTreeMap<ByteString, FeatureDescription> = BTreeMap::new();
        for feature in answer.supported_features {
            features.entry(feature.name).or_default().supported = Some((feature.min_version, feature.max_version));
        }
        for feature in answer.finalized_features {
            features.entry(feature.name).or_default().level = Some(feature.max_version_level);
        }
        Ok(features)
    }

    /// Gives features another level; 0 turns one off. All of them, or none. [`Admin::dry_run`] only validates.
    pub async fn update_features(
        &self,
        updates: impl IntoIterator<Item = (impl Into<ByteString>, i16, FeatureChange)>,
    ) -> Result<(), Error> {
        let deadline = self.deadline();
        let updates: Vec<_> =
            updates.into_iter().map(|(feature, level, change)| to_wire(feature, level, change)).collect();
        self.one(deadline, Twice::Harmless, || self.update_features_once(&updates, deadline)).await
    }

    async fn update_features_once(&self, updates: &[FeatureUpdateKey], deadline: Deadline) -> Result<(), Error> {
        // Version 0 can neither only validate nor tell safe from unsafe.
        let request = |_| UpdateFeaturesRequest {
            timeout_ms: self.broker_timeout_ms(deadline),
            feature_updates: updates.to_vec(),
            validate_only: self.dry_run,
        };
        let answer = self.ask(Target::Controller, 1..=2, request).await?;
        check(ApiKey::UpdateFeatures, answer.error_code, answer.error_message.as_deref())?;
        (answer.results.iter())
            .try_for_each(|result| check(ApiKey::UpdateFeatures, result.error_code, result.error_message.as_deref()))
    }
}

fn to_wire(feature: impl Into<ByteString>, max_version_level: i16, change: FeatureChange) -> FeatureUpdateKey {
    let upgrade_type = match change {
        FeatureChange::Upgrade => 1,
        FeatureChange::SafeDowngrade => 2,
        FeatureChange::UnsafeDowngrade => 3,
    };
    FeatureUpdateKey { feature: feature.into(), max_version_level, upgrade_type, ..Default::default() }
}
