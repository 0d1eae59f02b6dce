//! Quotas of users, clients and addresses: which there are, which one counts, and how they are changed and shown.
//! Keeping to them is the business of [`quota`](crate::quota).

mod alter;
mod describe;
mod entity;

use std::collections::BTreeMap;

use naru_protocol::state::cluster_metadata::quota::ClientQuotaRecord;

use super::ApplyError;

pub use alter::{QuotaAlteration, QuotaOp, alter_client_quotas};
pub use describe::{QuotaFilter, QuotaMatch, describe_client_quotas};
pub use entity::{EntityName, EntityParts, EntityType, QuotaEntity};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaKey {
    /// Bytes a second of Produce requests.
    ProducerByteRate,
    /// Bytes a second of Fetch responses.
    ConsumerByteRate,
    /// Time that requests take, in percent of one CPU.
    RequestPercentage,
    /// Partitions a second that are created or deleted.
    ControllerMutationRate,
    /// Connections a second that an address may open.
    ConnectionCreationRate,
}

impl QuotaKey {
    /// Every key.
    pub const ALL: [Self; 5] = [
        Self::ProducerByteRate,
        Self::ConsumerByteRate,
        Self::RequestPercentage,
        Self::ControllerMutationRate,
        Self::ConnectionCreationRate,
    ];

    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }

    /// The key of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// The quotas of one entity.
pub type Quotas = BTreeMap<QuotaKey, f64>;

/// Every quota there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientQuotas {
    entities: BTreeMap<QuotaEntity, Quotas>,
}

/// The quota that counts for a client, and who shares it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applicable {
    /// The bound.
    pub bound: f64,
    /// Whether every user has an account of its own.
    pub by_user: bool,
    /// Whether every client id has an account of its own.
    pub by_client: bool,
}

impl ClientQuotas {
    /// Whether nobody has a quota.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Every entity that has a quota, with its quotas.
    pub fn entities(&self) -> impl Iterator<Item = (&QuotaEntity, &Quotas)> {
        self.entities.iter()
    }

    /// The quotas of an entity.
    pub fn of(&self, entity: &QuotaEntity) -> Option<&Quotas> {
        self.entities.get(entity)
    }

    /// The quota that counts for this user and client id: Kafka's order, from the nearest to the most general. Who has no
    /// client id, an empty one, has the quotas of users alone.
    pub fn of_client(&self, key: QuotaKey, user: &str, client_id: &str) -> Option<Applicable> {
        use EntityName::{Default, Exact};
        if self.entities.is_empty() {
            return None;
        }
        let is_anonymous = client_id.is_empty();
        let user = || Some(Exact(user.into()));
        let client = || Some(Exact(client_id.into()));
        let default = || Some(Default);
        let nearest_first: [&dyn Fn() -> (Option<EntityName>, Option<EntityName>); 8] = [
            &|| (user(), client()),
            &|| (user(), default()),
            &|| (user(), None),
            &|| (default(), client()),
            &|| (default(), default()),
            &|| (default(), None),
            &|| (None, client()),
            &|| (None, default()),
        ];
        nearest_first.into_iter().find_map(|entity| {
            let (user, client_id) = entity();
            let (by_user, by_client) = (user.is_some(), client_id.is_some());
            if by_client && is_anonymous {
                return None;
            }
            let bound = *self.entities.get(&QuotaEntity { user, client_id, ip: None })?.get(&key)?;
            Some(Applicable { bound, by_user, by_client })
        })
    }

    /// The connections a second that this address may open; the text is the one of [`std::net::IpAddr`].
    pub fn of_ip(&self, ip: &str) -> Option<f64> {
        if self.entities.is_empty() {
            return None;
        }
        [EntityName::Exact(ip.into()), EntityName::Default].into_iter().find_map(|name| {
            let entity = QuotaEntity { ip: Some(name), ..QuotaEntity::default() };
            self.entities.get(&entity)?.get(&QuotaKey::ConnectionCreationRate).copied()
        })
    }

    pub(super) fn apply(&mut self, record: &ClientQuotaRecord) -> Result<(), ApplyError> {
        let unknown = || ApplyError::UnknownQuota(record.key.to_string());
        let key = QuotaKey::of_name(&record.key).ok_or_else(unknown)?;
        let entity = QuotaEntity::of_record(&record.entity).ok_or_else(unknown)?;
        if record.remove {
            if let Some(quotas) = self.entities.get_mut(&entity) {
                quotas.remove(&key);
                if quotas.is_empty() {
                    self.entities.remove(&entity);
                }
            }
        } else {
            self.entities.entry(entity).or_default().insert(key, record.value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
