//! Showing quotas.

use std::net::IpAddr;

use naru_protocol::ErrorCode;

use super::{ClientQuotas, EntityName, EntityType, QuotaEntity, Quotas};
use crate::metadata::RequestError;

/// Which names of one type are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaMatch {
    /// This name.
    Exact(String),
    /// The default.
    Default,
    /// Every name, and the default.
    Any,
}

impl QuotaMatch {
    /// From the number of the match type and the name beside it.
    pub fn of_wire(number: i8, name: Option<&str>) -> Result<Self, RequestError> {
        match (number, name) {
            (0, Some(name)) => Ok(Self::Exact(name.to_owned())),
            (0, None) => Err(RequestError::invalid_request("An exact match needs a name.")),
            (1, None) => Ok(Self::Default),
            (2, None) => Ok(Self::Any),
            (1 | 2, Some(_)) => Err(RequestError::invalid_request("Only an exact match has a name.")),
            (other, _) => Err(RequestError::invalid_request(format!("There is no match type {other}."))),
        }
    }

    fn matches(&self, name: &EntityName) -> bool {
        match self {
            Self::Exact(wanted) => name.as_str() == Some(wanted) || is_same_address(wanted, name),
            Self::Default => *name == EntityName::Default,
            Self::Any => true,
        }
    }
}

/// Whether both are the same address, however it is written.
fn is_same_address(wanted: &str, name: &EntityName) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    address(wanted).is_some_and(|wanted| name.as_str().and_then(address) == Some(wanted))
}

/// One component of a `DescribeClientQuotas` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaFilter {
    /// The entity type, as it arrived.
    pub kind: String,
    /// What its name shall be.
    pub wanted: QuotaMatch,
}

/// The entities that match every component. `strict` leaves out those that have a part which no component asks for.
pub fn describe_client_quotas<'a>(
    quotas: &'a ClientQuotas,
    filters: &[QuotaFilter],
    strict: bool,
) -> Result<Vec<(&'a QuotaEntity, &'a Quotas)>, RequestError> {
    let mut wanted: Vec<(EntityType, &QuotaMatch)> = Vec::with_capacity(filters.len());
    for filter in filters {
        if filter.kind.is_empty() {
            return Err(RequestError::invalid_request("A component has no entity type."));
        }
        let kind = EntityType::of_name(&filter.kind).ok_or_else(|| {
            let message = format!("{:?} cannot have a quota.", filter.kind);
            RequestError::new(ErrorCode::UNSUPPORTED_VERSION, message)
        })?;
        if wanted.iter().any(|(known, _)| *known == kind) {
            return Err(RequestError::invalid_request(format!("{} comes more than once.", filter.kind)));
        }
        wanted.push((kind, &filter.wanted));
    }
    if wanted.len() > 1 && wanted.iter().any(|(kind, _)| *kind == EntityType::Ip) {
        return Err(RequestError::invalid_request("An ip cannot be combined with a user or a client-id."));
    }
    let matches = |entity: &QuotaEntity| {
        let all = wanted.iter().all(|(kind, wanted)| entity.part(*kind).is_some_and(|name| wanted.matches(name)));
        all && (!strict || entity.parts().count() == wanted.len())
    };
    Ok(quotas.entities().filter(|(entity, _)| matches(entity)).collect())
}
