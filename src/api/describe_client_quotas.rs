//! DescribeClientQuotas (key 48), versions 0–1: the quotas of users, client ids and addresses (KIP-546).

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::messages::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse, EntityData, EntryData, ValueData,
};

use crate::broker::Broker;
use crate::metadata::{QuotaEntity, QuotaFilter, QuotaMatch, Quotas, RequestError, describe_client_quotas};

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeClientQuotasRequest,
) -> Answer<DescribeClientQuotasResponse> {
    let image = broker.metadata().image();
    let filters: Result<Vec<_>, _> = request.components.iter().map(filter).collect();
    let found = filters.and_then(|filters| describe_client_quotas(image.client_quotas(), &filters, request.strict));
    Answer::Ready(match found {
        Ok(found) => DescribeClientQuotasResponse {
            error_message: Some(ByteString::default()),
            entries: Some(found.into_iter().map(entry).collect()),
            ..Default::default()
        },
        Err(error) => DescribeClientQuotasResponse {
            error_code: error.code,
            error_message: error.message.map(Into::into),
            entries: None,
            ..Default::default()
        },
    })
}

fn filter(component: &ComponentData) -> Result<QuotaFilter, RequestError> {
    let wanted = QuotaMatch::of_wire(component.match_type, component.r#match.as_deref())?;
    Ok(QuotaFilter { kind: component.entity_type.to_string(), wanted })
}

fn entry((entity, quotas): (&QuotaEntity, &Quotas)) -> EntryData {
    let parts = entity.parts().map(|(kind, name)| EntityData {
        entity_type: ByteString::from_static(kind.name()),
        entity_name: name.as_str().map(Into::into),
    });
    let values =
        quotas.iter().map(|(key, value)| ValueData { key: ByteString::from_static(key.name()), value: *value });
    EntryData { entity: parts.collect(), values: values.collect() }
}
