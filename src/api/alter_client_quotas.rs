//! AlterClientQuotas (key 49), versions 0–1: sets and removes quotas of users, client ids and addresses (KIP-546).

use std::sync::Arc;

use naru_protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, AlterClientQuotasResponseEntryData, EntityData, EntryData,
};

use crate::broker::Broker;
use crate::metadata::{EntityParts, QuotaAlteration, QuotaOp, RequestError};

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterClientQuotasRequest,
) -> Answer<AlterClientQuotasResponse> {
    let alterations: Vec<_> = request.entries.into_iter().map(alteration).collect();
    let entities: Vec<_> = alterations.iter().map(|alteration| alteration.entity.clone()).collect();
    let outcomes = match broker.metadata().alter_client_quotas(alterations, request.validate_only).await {
        Ok(outcomes) => outcomes,
        Err(error) => entities.into_iter().map(|entity| (entity, Err(error.clone()))).collect(),
    };
    let entries = outcomes.into_iter().map(answer).collect();
    Answer::Ready(AlterClientQuotasResponse { entries, ..Default::default() })
}

fn alteration(entry: EntryData) -> QuotaAlteration {
    let parts = entry.entity.into_iter().map(|part| {
        let EntityData { entity_type, entity_name } = part;
        (entity_type.to_string(), entity_name.map(|name| name.to_string()))
    });
    let ops =
        entry.ops.into_iter().map(|op| QuotaOp { key: op.key.to_string(), value: (!op.remove).then_some(op.value) });
    QuotaAlteration { entity: parts.collect(), ops: ops.collect() }
}

fn answer((entity, outcome): (EntityParts, Result<(), RequestError>)) -> AlterClientQuotasResponseEntryData {
    let parts = entity
        .into_iter()
        .map(|(kind, name)| EntityData { entity_type: kind.into(), entity_name: name.map(Into::into) });
    let mut answer = AlterClientQuotasResponseEntryData { entity: parts.collect(), ..Default::default() };
    if let Err(error) = outcome {
        answer.error_code = error.code;
        answer.error_message = error.message.map(Into::into);
    }
    answer
}
