//! Quotas: how much users, client ids and addresses may take of a broker (KIP-546).

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bytestring::ByteString;
use naru_protocol::ApiKey;
use naru_protocol::messages::alter_client_quotas::{AlterClientQuotasRequest, EntityData, EntryData, OpData};
use naru_protocol::messages::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};

use super::call::{Twice, check, in_order, single};
use super::{Admin, Each};
use crate::call::Target;
use crate::error::Error;

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// Somebody by name, or whoever has no quota under his own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaName {
    /// Everybody without a quota of his own. Each is measured for himself.
    Default,
    /// This one.
    Named(ByteString),
}

impl<T: Into<ByteString>> From<T> for QuotaName {
    fn from(name: T) -> Self {
        Self::Named(name.into())
    }
}

/// Whom a quota is for: a user, a client id, a client id of a user, or an address. The nearest quota counts, and users count
/// before client ids.
///
/// ```
/// use naru_client::admin::{QuotaEntity, QuotaName};
///
/// QuotaEntity::user("billing"); // all connections of this user together
/// QuotaEntity::client_id(QuotaName::Default); // every client id for itself
/// QuotaEntity::user("billing").and_client_id("nightly");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct QuotaEntity {
    /// The user; `ANONYMOUS` on a listener without authentication.
    pub user: Option<QuotaName>,
    /// The client id, as clients give it themselves.
    pub client_id: Option<QuotaName>,
    /// The address; it stands alone.
    pub ip: Option<QuotaName>,
}

impl QuotaEntity {
    /// A user, with all his clients.
    pub fn user(name: impl Into<QuotaName>) -> Self {
        Self { user: Some(name.into()), ..Self::default() }
    }

    /// A client id, whoever the user is.
    pub fn client_id(id: impl Into<QuotaName>) -> Self {
        Self { client_id: Some(id.into()), ..Self::default() }
    }

    /// An address; its quota is [`QuotaKey::ConnectionCreationRate`].
    pub fn ip(address: impl Into<QuotaName>) -> Self {
        Self { ip: Some(address.into()), ..Self::default() }
    }

    /// Of this user, one client id.
    #[must_use]
    pub fn and_client_id(mut self, id: impl Into<QuotaName>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &QuotaName)> {
        let parts = [(USER, &self.user), (CLIENT_ID, &self.client_id), (IP, &self.ip)];
        parts.into_iter().filter_map(|(kind, name)| Some((kind, name.as_ref()?)))
    }

    /// `None` for an entity with a part that this version does not know.
    fn from_wire(parts: impl IntoIterator<Item = (ByteString, Option<ByteString>)>) -> Option<Self> {
        let mut entity = Self::default();
        for (kind, name) in parts {
            let part = match &*kind {
                USER => &mut entity.user,
                CLIENT_ID => &mut entity.client_id,
                IP => &mut entity.ip,
                _ => return None,
            };
            *part = Some(name.map_or(QuotaName::Default, QuotaName::Named));
        }
        Some(entity)
    }
}

impl fmt::Display for QuotaEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (kind, name) in self.parts() {
            match name {
                QuotaName::Default => write!(f, "{between}every other {kind}")?,
                QuotaName::Named(name) => write!(f, "{between}{kind} {name:?}")?,
            }
            between = ", ";
        }
        Ok(())
    }
}

/// What is limited. All are rates over a window of the broker's, ten seconds unless configured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QuotaKey {
    /// Bytes a second that are produced, a whole number.
    ProducerByteRate,
    /// Bytes a second that are fetched, a whole number.
    ConsumerByteRate,
    /// Time that the broker works on requests, in percent of one CPU.
    RequestPercentage,
    /// Partitions a second that are created or deleted.
    ControllerMutationRate,
    /// Connections a second that are opened, a whole number.
    ConnectionCreationRate,
    /// A quota that this version does not know, by its name.
    Other(ByteString),
}

impl QuotaKey {
    /// Kafka's name.
    pub fn name(&self) -> &str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
            Self::Other(name) => name,
        }
    }

    /// The quota of this name.
    pub fn of_name(name: impl Into<ByteString>) -> Self {
        let name = name.into();
        let known = [
            Self::ProducerByteRate,
            Self::ConsumerByteRate,
            Self::RequestPercentage,
            Self::ControllerMutationRate,
            Self::ConnectionCreationRate,
        ];
        known.into_iter().find(|key| key.name() == &*name).unwrap_or(Self::Other(name))
    }
}

/// A change of one quota.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaChange {
    key: QuotaKey,
    value: Option<f64>,
}

impl QuotaChange {
    /// A bound, above 0.
    pub fn set(key: QuotaKey, bound: f64) -> Self {
        Self { key, value: Some(bound) }
    }

    /// No quota of its own any more.
    pub fn remove(key: QuotaKey) -> Self {
        Self { key, value: None }
    }
}

/// Which entities are asked for. Each part that is named must be there; others may be, unless the filter is strict.
///
/// ```
/// use naru_client::admin::{QuotaFilter, QuotaName};
///
/// QuotaFilter::all();
/// QuotaFilter::all().any_user().strict(); // quotas of users, none of clients of users
/// QuotaFilter::all().user("billing").client_id(QuotaName::Default);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaFilter {
    parts: BTreeMap<&'static str, Option<QuotaName>>,
    strict: bool,
}

impl QuotaFilter {
    /// Every entity that has a quota.
    pub fn all() -> Self {
        Self::default()
    }

    /// Entities of this user.
    #[must_use]
    pub fn user(self, name: impl Into<QuotaName>) -> Self {
        self.part(USER, Some(name.into()))
    }

    /// Entities of any user, or of the default.
    #[must_use]
    pub fn any_user(self) -> Self {
        self.part(USER, None)
    }

    /// Entities of this client id.
    #[must_use]
    pub fn client_id(self, id: impl Into<QuotaName>) -> Self {
        self.part(CLIENT_ID, Some(id.into()))
    }

    /// Entities of any client id, or of the default.
    #[must_use]
    pub fn any_client_id(self) -> Self {
        self.part(CLIENT_ID, None)
    }

    /// This address.
    #[must_use]
    pub fn ip(self, address: impl Into<QuotaName>) -> Self {
        self.part(IP, Some(address.into()))
    }

    /// Any address, or the default.
    #[must_use]
    pub fn any_ip(self) -> Self {
        self.part(IP, None)
    }

    /// No entity that has other parts than those named.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    fn part(mut self, kind: &'static str, name: Option<QuotaName>) -> Self {
        self.parts.insert(kind, name);
        self
    }

    fn to_wire(&self) -> DescribeClientQuotasRequest {
        let component = |(kind, name): (&&'static str, &Option<QuotaName>)| {
            let (match_type, r#match) = match name {
                Some(QuotaName::Named(name)) => (0, Some(name.clone())),
                Some(QuotaName::Default) => (1, None),
                None => (2, None),
            };
            ComponentData { entity_type: ByteString::from_static(kind), match_type, r#match }
        };
        DescribeClientQuotasRequest { components: self.parts.iter().map(component).collect(), strict: self.strict }
    }
}

/// The quotas of one entity.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClientQuotas {
    /// Whose.
    pub entity: QuotaEntity,
    /// The bounds.
    pub bounds: BTreeMap<QuotaKey, f64>,
}

impl Admin {
    /// The quotas of all entities that match. An entity with a part that this version does not know is left out.
    pub async fn describe_client_quotas(&self, filter: QuotaFilter) -> Result<Vec<ClientQuotas>, Error> {
        self.one(self.deadline(), Twice::Harmless, || self.describe_client_quotas_once(&filter)).await
    }

    async fn describe_client_quotas_once(&self, filter: &QuotaFilter) -> Result<Vec<ClientQuotas>, Error> {
        let answer = self.ask(Target::Any, 0..=1, |_| filter.to_wire()).await?;
        check(ApiKey::DescribeClientQuotas, answer.error_code, answer.error_message.as_deref())?;
        let quotas = answer.entries.into_iter().flatten().filter_map(|entry| {
            let parts = entry.entity.into_iter().map(|part| (part.entity_type, part.entity_name));
            let bounds = entry.values.into_iter().map(|value| (QuotaKey::of_name(value.key), value.value));
            Some(ClientQuotas { entity: QuotaEntity::from_wire(parts)?, bounds: bounds.collect() })
        });
        Ok(quotas.collect())
    }

    /// Changes quotas of one entity, all of them or none.
    ///
    /// ```no_run
    /// use naru_client::admin::{QuotaChange, QuotaEntity, QuotaKey};
    ///
    /// # async fn example(admin: naru_client::admin::Admin) -> Result<(), naru_client::Error> {
    /// let nightly = QuotaEntity::client_id("nightly");
    /// admin.alter_client_quota(nightly, [QuotaChange::set(QuotaKey::ConsumerByteRate, 1e6)]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn alter_client_quota(
        &self,
        entity: QuotaEntity,
        changes: impl IntoIterator<Item = QuotaChange>,
    ) -> Result<(), Error> {
        single(self.alter_client_quotas([(entity, changes.into_iter().collect())]).await)
    }

    /// Changes quotas of several entities: for each of these all changes or none.
    pub async fn alter_client_quotas(
        &self,
        changes: impl IntoIterator<Item = (QuotaEntity, Vec<QuotaChange>)>,
    ) -> Result<Each<QuotaEntity, ()>, Error> {
        let changes = changes.into_iter().collect();
        let attempt = |changes| self.alter_client_quotas_once(changes);
        let altered = self.each(self.deadline(), Twice::Harmless, changes, attempt).await?;
        Ok(altered.into_iter().map(|((entity, _), result)| (entity, result)).collect())
    }

    async fn alter_client_quotas_once(
        &self,
        changes: Vec<(QuotaEntity, Vec<QuotaChange>)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let request = |_| AlterClientQuotasRequest {
            entries: changes.iter().map(|(entity, changes)| entry(entity, changes)).collect(),
            validate_only: self.dry_run,
        };
        let answer = self.ask(Target::Controller, 0..=1, request).await?;
        let api = ApiKey::AlterClientQuotas;
        let answers: HashMap<_, _> = (answer.entries.into_iter())
            .filter_map(|entry| {
                let parts = entry.entity.into_iter().map(|part| (part.entity_type, part.entity_name));
                let result = check(api, entry.error_code, entry.error_message.as_deref());
                Some((QuotaEntity::from_wire(parts)?, result))
            })
            .collect();
        Ok(in_order(api, changes.iter().map(|(entity, _)| entity), &answers))
    }
}

fn entry(entity: &QuotaEntity, changes: &[QuotaChange]) -> EntryData {
    let parts = entity.parts().map(|(kind, name)| EntityData {
        entity_type: ByteString::from_static(kind),
        entity_name: match name {
            QuotaName::Default => None,
            QuotaName::Named(name) => Some(name.clone()),
        },
    });
    let op = |change: &QuotaChange| OpData {
        key: change.key.name().into(),
        value: change.value.unwrap_or_default(),
        remove: change.value.is_none(),
    };
    EntryData { entity: parts.collect(), ops: changes.iter().map(op).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_the_same_after_the_wire_and_reads_well() {
        let entity = QuotaEntity::user("billing").and_client_id(QuotaName::Default);
        let wire = entry(&entity, &[]).entity.into_iter().map(|part| (part.entity_type, part.entity_name));
        assert_eq!(QuotaEntity::from_wire(wire), Some(entity.clone()));
        assert_eq!(entity.to_string(), "user \"billing\", every other client-id");
        assert_eq!(QuotaEntity::from_wire([("planet".into(), None)]), None);
    }

    #[test]
    fn a_filter_names_each_part_once() {
        let filter = QuotaFilter::all().user("a").any_client_id().user(QuotaName::Default).strict().to_wire();
        let parts: Vec<_> = filter.components.iter().map(|part| (&*part.entity_type, part.match_type)).collect();
        assert_eq!((parts, filter.strict), (vec![("client-id", 2), ("user", 1)], true));
    }
}
