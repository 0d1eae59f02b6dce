//! Whom a quota is for.

use std::net::IpAddr;
use std::sync::Arc;

use naru_protocol::state::cluster_metadata::quota::EntityData;

use crate::metadata::RequestError;

/// Bytes that a name may have: longer than any principal or client id in use, short enough to keep ten thousand.
const MAX_NAME: usize = 1024;

/// An entity as requests name it: types and names; no name is the default.
pub type EntityParts = Vec<(String, Option<String>)>;

/// One of those who have a name, or whoever has no quota under his own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityName {
    /// Everybody who is not named; null on the wire.
    Default,
    /// This one.
    Exact(Arc<str>),
}

impl EntityName {
    fn of_wire(name: Option<&str>) -> Self {
        name.map_or(Self::Default, |name| Self::Exact(name.into()))
    }

    /// The name; `None` for the default.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::Exact(name) => Some(name),
        }
    }
}

/// What the name is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntityType {
    /// The principal's name; `ANONYMOUS` on a listener without authentication.
    User,
    /// The client id in the header of requests.
    ClientId,
    /// The client's address.
    Ip,
}

impl EntityType {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ClientId => "client-id",
            Self::Ip => "ip",
        }
    }

    /// The type of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::User, Self::ClientId, Self::Ip].into_iter().find(|kind| kind.name() == name)
    }
}

/// Whom a quota is for: a user, a client id, a client id of a user, or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity {
    /// The user.
    pub user: Option<EntityName>,
    /// The client id.
    pub client_id: Option<EntityName>,
    /// The address; stands alone.
    pub ip: Option<EntityName>,
}

impl QuotaEntity {
    /// The name of this type, if it is part of the entity.
    pub fn part(&self, kind: EntityType) -> Option<&EntityName> {
        match kind {
            EntityType::User => self.user.as_ref(),
            EntityType::ClientId => self.client_id.as_ref(),
            EntityType::Ip => self.ip.as_ref(),
        }
    }

    /// The parts that it has.
    pub fn parts(&self) -> impl Iterator<Item = (EntityType, &EntityName)> {
        [EntityType::User, EntityType::ClientId, EntityType::Ip]
            .into_iter()
            .filter_map(|kind| Some((kind, self.part(kind)?)))
    }

    fn set(&mut self, kind: EntityType, name: EntityName) {
        *match kind {
            EntityType::User => &mut self.user,
            EntityType::ClientId => &mut self.client_id,
            EntityType::Ip => &mut self.ip,
        } = Some(name);
    }

    /// The entity of a request: pairs of type and name, of which the last of a type counts, as in Kafka. An address is
    /// kept in the form that [`IpAddr`] prints.
    pub(super) fn of_request(parts: &[(String, Option<String>)]) -> Result<Self, RequestError> {
        let mut entity = Self::default();
        for (kind, name) in parts {
            let known = EntityType::of_name(kind);
            let kind = known.ok_or_else(|| RequestError::invalid_request(format!("{kind:?} cannot have a quota.")))?;
            if name.as_deref() == Some("") {
                return Err(RequestError::invalid_request(format!("The name of the {} is empty.", kind.name())));
            }
            if let Some(length) = name.as_ref().map(String::len).filter(|length| *length > MAX_NAME) {
                let kind = kind.name();
                let message = format!("The name of the {kind} has {length} bytes; {MAX_NAME} are possible.");
                return Err(RequestError::invalid_request(message));
            }
            entity.set(kind, EntityName::of_wire(name.as_deref()));
        }
        let other = entity.user.is_some() || entity.client_id.is_some();
        match &entity.ip {
            None if !other => Err(RequestError::invalid_request("The entity is empty.")),
            None | Some(EntityName::Default) if !(other && entity.ip.is_some()) => Ok(entity),
            Some(EntityName::Exact(ip)) if !other => {
                let address = ip.parse::<IpAddr>().map_err(|_| {
                    RequestError::invalid_request(format!("{ip:?} is no IP address. Names are not looked up."))
                })?;
                entity.ip = Some(EntityName::Exact(address.to_canonical().to_string().into()));
                Ok(entity)
            }
            _ => Err(RequestError::invalid_request("An ip cannot be combined with a user or a client-id.")),
        }
    }

    /// `None` if the record has a type that this version does not know.
    pub(super) fn of_record(parts: &[EntityData]) -> Option<Self> {
        let mut entity = Self::default();
        for part in parts {
            entity.set(EntityType::of_name(&part.entity_type)?, EntityName::of_wire(part.entity_name.as_deref()));
        }
        Some(entity)
    }

    pub(super) fn to_record(&self) -> Vec<EntityData> {
        let parts = self.parts().map(|(kind, name)| EntityData {
            entity_type: kind.name().into(),
            entity_name: name.as_str().map(Into::into),
        });
        parts.collect()
    }
}
