//! Which APIs and versions this broker speaks.

use std::ops::RangeInclusive;
use std::sync::Arc;

use naru_protocol::ApiKey;

use crate::broker::Broker;

use super::{Answer, Call, Encoded, RequestContext, serve};
use super::{
    add_raft_voter, alter_client_quotas, alter_configs, alter_partition_reassignments, alter_replica_log_dirs,
    alter_user_scram_credentials, api_versions, create_acls, create_partitions, create_topics, delegation_tokens,
    delete_acls, delete_groups, delete_records, delete_topics, describe_acls, describe_client_quotas, describe_cluster,
    describe_configs, describe_groups, describe_log_dirs, describe_producers, describe_quorum,
    describe_topic_partitions, describe_user_scram_credentials, elect_leaders, fetch, find_coordinator, heartbeat,
    incremental_alter_configs, init_producer_id, join_group, leave_group, list_config_resources, list_groups,
    list_offsets, list_partition_reassignments, metadata, offset_commit, offset_delete, offset_fetch,
    offset_for_leader_epoch, produce, remove_raft_voter, sasl_authenticate, sasl_handshake, sync_group,
    unregister_broker, unregister_controller, update_features,
};

/// One API of this broker.
pub struct Api {
    /// Which API.
    pub key: ApiKey,
    /// The versions that are served.
    pub versions: RangeInclusive<i16>,
    /// The lowest version that ApiVersions names. Below the served ones where clients take a missing version for a
    /// missing feature.
    pub advertised_min: i16,
    pub(super) handler: fn(Arc<Broker>, RequestContext, Call) -> Answer<Encoded>,
}

/// A row: the API, its versions, the function that handles its request.
macro_rules! api {
    ($key:ident, $min:literal..=$max:literal, $handler:path) => {
        api!($key, $min..=$max, $handler, advertised from $min)
    };
    ($key:ident, $min:literal..=$max:literal, $handler:path, advertised from $advertised:literal) => {
        Api {
            key: ApiKey::$key,
            versions: $min..=$max,
            advertised_min: $advertised,
            handler: |broker, context, call| serve(broker, context, call, $handler),
        }
    };
}

/// Every API that is served, by ascending key.
pub static TABLE: &[Api] = &[
    api!(Produce, 3..=11, produce::handle, advertised from 0),
    api!(Fetch, 4..=18, fetch::handle),
    api!(ListOffsets, 1..=11, list_offsets::handle),
    api!(Metadata, 0..=13, metadata::handle),
    api!(OffsetCommit, 2..=10, offset_commit::handle),
    api!(OffsetFetch, 1..=10, offset_fetch::handle),
    api!(FindCoordinator, 0..=6, find_coordinator::handle),
    api!(JoinGroup, 0..=9, join_group::handle),
    api!(Heartbeat, 0..=4, heartbeat::handle),
    api!(LeaveGroup, 0..=5, leave_group::handle),
    api!(SyncGroup, 0..=5, sync_group::handle),
    api!(DescribeGroups, 0..=6, describe_groups::handle),
    api!(ListGroups, 0..=5, list_groups::handle),
    api!(SaslHandshake, 0..=1, sasl_handshake::handle),
    api!(ApiVersions, 0..=5, api_versions::handle),
    api!(CreateTopics, 2..=7, create_topics::handle),
    api!(DeleteTopics, 1..=6, delete_topics::handle),
    api!(DeleteRecords, 0..=2, delete_records::handle),
    api!(InitProducerId, 0..=5, init_producer_id::handle),
    api!(OffsetForLeaderEpoch, 2..=4, offset_for_leader_epoch::handle),
    api!(DescribeAcls, 1..=3, describe_acls::handle),
    api!(CreateAcls, 1..=3, create_acls::handle),
    api!(DeleteAcls, 1..=3, delete_acls::handle),
    api!(DescribeConfigs, 1..=4, describe_configs::handle),
    api!(AlterConfigs, 0..=2, alter_configs::handle),
    api!(AlterReplicaLogDirs, 1..=2, alter_replica_log_dirs::handle),
    api!(DescribeLogDirs, 1..=5, describe_log_dirs::handle),
    api!(SaslAuthenticate, 0..=2, sasl_authenticate::handle),
    api!(CreatePartitions, 0..=3, create_partitions::handle),
    api!(CreateDelegationToken, 1..=3, delegation_tokens::create),
    api!(RenewDelegationToken, 1..=2, delegation_tokens::renew),
    api!(ExpireDelegationToken, 1..=2, delegation_tokens::expire),
    api!(DescribeDelegationToken, 1..=3, delegation_tokens::describe),
    api!(DeleteGroups, 0..=3, delete_groups::handle),
    api!(ElectLeaders, 0..=2, elect_leaders::handle),
    api!(IncrementalAlterConfigs, 0..=1, incremental_alter_configs::handle),
    api!(AlterPartitionReassignments, 0..=1, alter_partition_reassignments::handle),
    api!(ListPartitionReassignments, 0..=0, list_partition_reassignments::handle),
    api!(OffsetDelete, 0..=0, offset_delete::handle),
    api!(DescribeClientQuotas, 0..=1, describe_client_quotas::handle),
    api!(AlterClientQuotas, 0..=1, alter_client_quotas::handle),
    api!(DescribeUserScramCredentials, 0..=0, describe_user_scram_credentials::handle),
    api!(AlterUserScramCredentials, 0..=0, alter_user_scram_credentials::handle),
    api!(DescribeQuorum, 0..=2, describe_quorum::handle),
    api!(UpdateFeatures, 0..=2, update_features::handle),
    api!(DescribeCluster, 0..=2, describe_cluster::handle),
    api!(DescribeProducers, 0..=0, describe_producers::handle),
    api!(UnregisterBroker, 0..=0, unregister_broker::handle),
    api!(ListConfigResources, 0..=1, list_config_resources::handle),
    api!(DescribeTopicPartitions, 0..=0, describe_topic_partitions::handle),
    api!(AddRaftVoter, 0..=1, add_raft_voter::handle),
    api!(RemoveRaftVoter, 0..=0, remove_raft_voter::handle),
    api!(UnregisterController, 0..=0, unregister_controller::handle),
];

/// The API with this key, if this version of it is served.
pub(super) fn find(key: i16, version: i16) -> Option<&'static Api> {
    let at = TABLE.binary_search_by_key(&key, |api| api.key as i16).ok()?;
    TABLE.get(at).filter(|api| api.versions.contains(&version))
}
