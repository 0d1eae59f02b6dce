//! What exists in a cluster, and how it is changed: topics, records, configs, groups, committed offsets, log directories,
//! quotas, passwords, the cluster itself.
//!
//! One file a noun. Whatever concerns several things at once gives a result for each of them, in the order in which they
//! were named; for the common case of one there is a form that gives one result. [`Error::is_not_found`] and
//! [`Error::is_already_exists`] tell apart what a caller most often wants to know.

mod call;
mod cluster;
mod committed;
mod configs;
mod coordinators;
mod features;
mod groups;
mod leaders;
mod log_dirs;
mod offsets;
mod producers;
mod quorum;
mod quotas;
mod records;
mod scram;
mod topics;

use std::time::Duration;

use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::Error;

pub use cluster::{BrokerDescription, ClusterDescription};
pub use committed::CommittedOffset;
pub use configs::{
    ConfigChange, ConfigEntry, ConfigResource, ConfigResourceKind, ConfigSource, ConfigSynonym, ConfigType,
};
pub use features::{FeatureChange, FeatureDescription};
pub use groups::{GroupDescription, GroupFilter, GroupListing, GroupState, GroupType, MemberDescription};
pub use leaders::{Election, ElectionType, Reassignment};
pub use log_dirs::{LogDir, LogSize};
pub use offsets::{ListedOffset, OffsetSpec};
pub use producers::ActiveProducer;
pub use quorum::{QuorumDescription, QuorumReplica};
pub use quotas::{ClientQuotas, QuotaChange, QuotaEntity, QuotaFilter, QuotaKey, QuotaName};
pub use records::DeleteBefore;
pub use scram::{ScramChange, ScramMechanism, ScramPassword};
pub use topics::{CreatedTopic, NewTopic, PartitionDescription, TopicDescription};

/// Each thing that was named, with what became of it.
pub type Each<K, T> = Vec<(K, Result<T, Error>)>;

/// Looks at a cluster and changes it. Cheap to clone; clones share the connections of their [`Client`].
///
/// ```no_run
/// use naru_client::Client;
/// use naru_client::admin::NewTopic;
///
/// # async fn example() -> Result<(), naru_client::Error> {
/// let admin = Client::connect("localhost:9092").await?.admin();
/// match admin.create_topic(NewTopic::new("orders").partitions(3)).await {
///     Err(error) if error.is_already_exists() => println!("it was there"),
///     created => println!("made with {} partitions", created?.partitions),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Calls are tried again where the broker says that another one is meant, or that it is not ready, and after a broken
/// connection where doing it twice does no harm; until [`Admin::timeout`]. The outer result of a call about several things is
/// an error only when nothing is known about any of them, as when no broker can be reached, or when the group that they
/// belong to does not exist.
///
/// Every method is cancellation safe: dropping its future leaves the client as it was. A change that was on its way may
/// have been made.
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
    limit: Duration,
    dry_run: bool,
}

impl Client {
    /// Looks at the cluster and changes it.
    pub fn admin(&self) -> Admin {
        Admin { client: self.clone(), limit: self.config().api_timeout, dry_run: false }
    }
}

impl Admin {
    /// How long a call may take with all its tries. Default: `default.api.timeout.ms` of the client, one minute.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Changes are checked and not made. Creating topics, partitions and altering configs is checked by the broker as if it
    /// were meant, and so are features; elections and moves of replicas are refused; for everything else this library looks
    /// whether what is named exists and may be changed.
    ///
    /// ```no_run
    /// # async fn example(admin: naru_client::admin::Admin) -> Result<(), naru_client::Error> {
    /// admin.clone().dry_run().delete_topic("orders").await?; // it could be deleted
    /// admin.delete_topic("orders").await?; // it is
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.limit)
    }

    /// The time that a broker gets for a change, in milliseconds: less than an answer may take.
    fn broker_timeout_ms(&self, deadline: Deadline) -> i32 {
        let limit = deadline.remaining().min(self.client.config().request_timeout);
        i32::try_from(limit.as_millis()).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_can_be_made_from_any_task() {
        fn sendable<T: Send>(_: T) {}
        let admin = Client::builder().build().unwrap().admin();
        sendable(admin.create_topic(NewTopic::new("orders")));
        sendable(admin.delete_topics(["orders"]));
        sendable(admin.create_partitions([("orders", 3)]));
        sendable(admin.describe_config(ConfigResource::topic("orders")));
        sendable(admin.alter_config(ConfigResource::topic("orders"), [ConfigChange::unset("retention.ms")]));
        sendable(admin.describe_cluster());
        sendable(admin.describe_metadata_quorum());
        sendable(admin.describe_features());
        sendable(admin.update_features([("group.version", 1, FeatureChange::Upgrade)]));
        sendable(admin.elect_leaders(ElectionType::Preferred, []));
        sendable(admin.alter_partition_reassignments([]));
        sendable(admin.list_partition_reassignments());
        sendable(admin.list_groups(GroupFilter::default()));
        sendable(admin.describe_group("billing"));
        sendable(admin.list_offsets([]));
        sendable(admin.delete_records([]));
        sendable(admin.describe_log_dirs());
        sendable(admin.describe_producers([]));
        sendable(admin.describe_client_quotas(QuotaFilter::all()));
        sendable(admin.alter_client_quotas([]));
        sendable(admin.describe_scram_credentials(["billing"]));
        sendable(admin.alter_scram_credentials([]));
        sendable(admin.committed_offsets("billing"));
        sendable(admin.alter_offsets("billing", []));
        sendable(admin.delete_offsets("billing", []));
    }
}
