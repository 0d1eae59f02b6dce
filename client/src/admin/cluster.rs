//! The cluster: its id and its brokers.

use bytestring::ByteString;
use naru_protocol::messages::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest};
use naru_protocol::messages::metadata::{MetadataRequest, MetadataResponseBroker};
use naru_protocol::{ApiKey, ErrorCode};

use super::Admin;
use super::call::{Twice, check};
use crate::call::Target;
use crate::error::{Error, ErrorKind};

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterDescription {
    /// The id, made when the cluster was set up.
    pub id: Option<ByteString>,
    /// The broker that changes are sent to.
    pub controller: Option<i32>,
    /// The brokers by id.
    pub brokers: Vec<BrokerDescription>,
}

/// A broker of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerDescription {
    /// The id.
    pub id: i32,
    /// The host that it tells clients to connect to.
    pub host: ByteString,
    /// And the port.
    pub port: i32,
    /// Where it stands, if it tells.
    pub rack: Option<ByteString>,
    /// Whether it is registered and not in service.
    pub fenced: bool,
}

impl Admin {
    /// The cluster.
    ///
    /// ```no_run
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for broker in admin.describe_cluster().await?.brokers {
    ///     println!("{} {}:{}", broker.id, broker.host, broker.port);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, Error> {
        let mut cluster = self.one(self.deadline(), Twice::Harmless, || self.describe_cluster_once()).await?;
        cluster.brokers.sort_by_key(|broker| broker.id);
        Ok(cluster)
    }

    async fn describe_cluster_once(&self) -> Result<ClusterDescription, Error> {
        let request = |version| DescribeClusterRequest { include_fenced_brokers: version >= 2, ..Default::default() };
        let answer = match self.ask(Target::Any, 0..=2, request).await {
            // Before Kafka 2.8.
            Err(error) if error.kind() == ErrorKind::Unsupported => return self.cluster_from_metadata().await,
            answer => answer?,
        };
        check(ApiKey::DescribeCluster, answer.error_code, answer.error_message.as_deref())?;
        Ok(ClusterDescription {
            id: Some(answer.cluster_id),
            controller: Some(answer.controller_id).filter(|id| *id >= 0),
            brokers: answer.brokers.into_iter().map(BrokerDescription::from).collect(),
        })
    }

    async fn cluster_from_metadata(&self) -> Result<ClusterDescription, Error> {
        let request = |_| MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
        let answer = self.ask(Target::Any, 1..=13, request).await?;
        check(ApiKey::Metadata, answer.error_code, None)?;
        Ok(ClusterDescription {
            id: answer.cluster_id,
            controller: Some(answer.controller_id).filter(|id| *id >= 0),
            brokers: answer.brokers.into_iter().map(BrokerDescription::from).collect(),
        })
    }

    /// The ids of the brokers that are in service.
    pub(super) async fn broker_ids(&self) -> Result<Vec<i32>, Error> {
        let cluster = self.cluster_from_metadata().await?;
        if cluster.brokers.is_empty() {
            return Err(Error::broker_code(ApiKey::Metadata, ErrorCode::LEADER_NOT_AVAILABLE));
        }
        Ok(cluster.brokers.into_iter().map(|broker| broker.id).collect())
    }
}

impl From<DescribeClusterBroker> for BrokerDescription {
    fn from(broker: DescribeClusterBroker) -> Self {
        let DescribeClusterBroker { broker_id: id, host, port, rack, is_fenced: fenced } = broker;
        Self { id, host, port, rack, fenced }
    }
}

impl From<MetadataResponseBroker> for BrokerDescription {
    fn from(broker: MetadataResponseBroker) -> Self {
        let MetadataResponseBroker { node_id: id, host, port, rack } = broker;
        Self { id, host, port, rack, fenced: false }
    }
}
