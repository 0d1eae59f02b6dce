//! Changing quotas.

use std::collections::{BTreeMap, HashSet};

use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::state::cluster_metadata::quota::ClientQuotaRecord;

use super::{EntityParts, QuotaEntity, QuotaKey};
use crate::metadata::{Decision, MetadataImage, RequestError};

/// Entities that may have quotas. They need not exist, so nothing else bounds them; all of them are in memory, and read at
/// every start.
const MAX_ENTITIES: usize = 10_000;

/// How far from a whole number a value may be that has to be one.
const WHOLE: f64 = 1e-6;

/// Changes of one entity's quotas.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaAlteration {
    /// Whose, as it arrived.
    pub entity: EntityParts,
    /// The changes.
    pub ops: Vec<QuotaOp>,
}

/// A change of one quota.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaOp {
    /// The name of the quota, as it arrived.
    pub key: String,
    /// Its new value; `None` removes it.
    pub value: Option<f64>,
}

/// Decides about an `AlterClientQuotas` request. One answer for each entity, in the order of the request. Of an entity that
/// comes again the first changes count, and the one answer is an error: so does Kafka.
pub fn alter_client_quotas(
    image: &MetadataImage,
    alterations: &[QuotaAlteration],
    validate_only: bool,
) -> Decision<(EntityParts, Result<(), RequestError>)> {
    let mut decision: Decision<(EntityParts, Result<(), RequestError>)> = Decision::new();
    let mut seen: BTreeMap<BTreeMap<&str, Option<&str>>, usize> = BTreeMap::new();
    let mut room = MAX_ENTITIES.saturating_sub(image.client_quotas().entities.len());
    for alteration in alterations {
        // Of a type that comes twice the last counts.
        let entity: BTreeMap<&str, Option<&str>> =
            alteration.entity.iter().map(|(kind, name)| (&**kind, name.as_deref())).collect();
        let answer = seen.get(&entity).and_then(|at| decision.answers.get_mut(*at));
        if let Some((_, answer)) = answer {
            *answer = Err(RequestError::invalid_request("The entity comes more than once."));
            continue;
        }
        let outcome = alter(image, alteration, &mut room).map(|records| decision.records.extend(records));
        let parts = entity.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect();
        seen.insert(entity, decision.answers.len());
        decision.answers.push((parts, outcome));
    }
    decision.without_effect(validate_only)
}

/// `room` is for how many more entities there is room.
fn alter(image: &MetadataImage, alteration: &QuotaAlteration, room: &mut usize) -> Result<Vec<Record>, RequestError> {
    let mut keys = HashSet::new();
    if !alteration.ops.iter().all(|op| keys.insert(&*op.key)) {
        return Err(RequestError::invalid_request("A quota comes more than once."));
    }
    let entity = QuotaEntity::of_request(&alteration.entity)?;
    let known = image.client_quotas().of(&entity);
    let mut records = Vec::new();
    for op in &alteration.ops {
        let old = QuotaKey::of_name(&op.key).and_then(|key| known?.get(&key));
        match op.value {
            Some(value) => check(&entity, &op.key, value)?,
            // Whatever is not there can be removed, whether it exists or not.
            None if old.is_none() => continue,
            None => {}
        }
        let record = ClientQuotaRecord {
            entity: entity.to_record(),
            key: op.key.as_str().into(),
            value: op.value.unwrap_or_default(),
            remove: op.value.is_none(),
        };
        if old.copied() != op.value {
            records.push(record.into());
        }
    }
    // Of an entity without quotas nothing can be removed: every record sets one.
    if known.is_none() && !records.is_empty() {
        *room = room.checked_sub(1).ok_or_else(|| {
            let message =
                format!("{MAX_ENTITIES} entities have quotas already. Remove those that nobody needs any more.");
            RequestError::new(ErrorCode::POLICY_VIOLATION, message)
        })?;
    }
    Ok(records)
}

fn check(entity: &QuotaEntity, name: &str, value: f64) -> Result<(), RequestError> {
    let of_address = entity.ip.is_some();
    let key = QuotaKey::of_name(name).filter(|key| (*key == QuotaKey::ConnectionCreationRate) == of_address);
    let key = key.ok_or_else(|| {
        let whom = if of_address { "an ip" } else { "a user or client-id" };
        RequestError::invalid_request(format!("{name:?} is no quota of {whom}."))
    })?;
    // Written so that what is no number is refused, too.
    let in_range = value > 0.0 && value <= largest(key);
    if !in_range {
        let message = format!("{name} = {value} is refused: it must be above 0 and at most {}.", largest(key));
        return Err(RequestError::invalid_request(message));
    }
    if is_whole(key) && value % 1.0 > WHOLE {
        return Err(RequestError::invalid_request(format!("{name} = {value} is refused: it must be a whole number.")));
    }
    Ok(())
}

fn largest(key: QuotaKey) -> f64 {
    match key {
        QuotaKey::ProducerByteRate | QuotaKey::ConsumerByteRate => i64::MAX as f64,
        QuotaKey::ConnectionCreationRate => f64::from(i32::MAX),
        QuotaKey::RequestPercentage | QuotaKey::ControllerMutationRate => f64::MAX,
    }
}

fn is_whole(key: QuotaKey) -> bool {
    !matches!(key, QuotaKey::RequestPercentage | QuotaKey::ControllerMutationRate)
}
