//! Which APIs there are, and what their headers look like.

use std::ops::RangeInclusive;

use crate::messages;
use crate::wire::{DecodeError, Message};

/// One row an API: name, key, and its request.
macro_rules! apis {
    ($($name:ident = $key:literal, $module:ident::$request:ident;)*) => {
        /// An API that Kafka offers on a client listener.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!("Messages in [`messages::", stringify!($module), "`].")]
                $name = $key,
            )*
        }

        impl ApiKey {
            /// Every API, by ascending key.
            pub const ALL: &[ApiKey] = &[$(ApiKey::$name),*];

            /// Kafka's name of the API.
            pub fn name(self) -> &'static str {
                match self {
                    $(ApiKey::$name => stringify!($name),)*
                }
            }

            /// The versions of the messages that Kafka 4.4 knows. A broker may offer fewer.
            pub fn versions(self) -> RangeInclusive<i16> {
                match self {
                    $(ApiKey::$name => messages::$module::$request::VERSIONS,)*
                }
            }

            fn flexible_from(self) -> Option<i16> {
                match self {
                    $(ApiKey::$name => messages::$module::$request::FLEXIBLE_FROM,)*
                }
            }

            /// The JSON form of the API's messages.
            #[cfg(feature = "json")]
            pub fn json(self) -> crate::json::ApiJson {
                match self {
                    $(ApiKey::$name => crate::json::ApiJson::of::<messages::$module::$request>(),)*
                }
            }
        }

        impl TryFrom<i16> for ApiKey {
            type Error = DecodeError;

            fn try_from(key: i16) -> Result<ApiKey, DecodeError> {
                match key {
                    $($key => Ok(ApiKey::$name),)*
                    _ => Err(DecodeError::UnknownApi { key }),
                }
            }
        }
    };
}

apis! {
    Produce = 0, produce::ProduceRequest;
    Fetch = 1, fetch::FetchRequest;
    ListOffsets = 2, list_offsets::ListOffsetsRequest;
    Metadata = 3, metadata::MetadataRequest;
    OffsetCommit = 8, offset_commit::OffsetCommitRequest;
    OffsetFetch = 9, offset_fetch::OffsetFetchRequest;
    FindCoordinator = 10, find_coordinator::FindCoordinatorRequest;
    JoinGroup = 11, join_group::JoinGroupRequest;
    Heartbeat = 12, heartbeat::HeartbeatRequest;
    LeaveGroup = 13, leave_group::LeaveGroupRequest;
    SyncGroup = 14, sync_group::SyncGroupRequest;
    DescribeGroups = 15, describe_groups::DescribeGroupsRequest;
    ListGroups = 16, list_groups::ListGroupsRequest;
    SaslHandshake = 17, sasl_handshake::SaslHandshakeRequest;
    ApiVersions = 18, api_versions::ApiVersionsRequest;
    CreateTopics = 19, create_topics::CreateTopicsRequest;
    DeleteTopics = 20, delete_topics::DeleteTopicsRequest;
    DeleteRecords = 21, delete_records::DeleteRecordsRequest;
    InitProducerId = 22, init_producer_id::InitProducerIdRequest;
    OffsetForLeaderEpoch = 23, offset_for_leader_epoch::OffsetForLeaderEpochRequest;
    AddPartitionsToTxn = 24, add_partitions_to_txn::AddPartitionsToTxnRequest;
    AddOffsetsToTxn = 25, add_offsets_to_txn::AddOffsetsToTxnRequest;
    EndTxn = 26, end_txn::EndTxnRequest;
    WriteTxnMarkers = 27, write_txn_markers::WriteTxnMarkersRequest;
    TxnOffsetCommit = 28, txn_offset_commit::TxnOffsetCommitRequest;
    DescribeAcls = 29, describe_acls::DescribeAclsRequest;
    CreateAcls = 30, create_acls::CreateAclsRequest;
    DeleteAcls = 31, delete_acls::DeleteAclsRequest;
    DescribeConfigs = 32, describe_configs::DescribeConfigsRequest;
    AlterConfigs = 33, alter_configs::AlterConfigsRequest;
    AlterReplicaLogDirs = 34, alter_replica_log_dirs::AlterReplicaLogDirsRequest;
    DescribeLogDirs = 35, describe_log_dirs::DescribeLogDirsRequest;
    SaslAuthenticate = 36, sasl_authenticate::SaslAuthenticateRequest;
    CreatePartitions = 37, create_partitions::CreatePartitionsRequest;
    CreateDelegationToken = 38, create_delegation_token::CreateDelegationTokenRequest;
    RenewDelegationToken = 39, renew_delegation_token::RenewDelegationTokenRequest;
    ExpireDelegationToken = 40, expire_delegation_token::ExpireDelegationTokenRequest;
    DescribeDelegationToken = 41, describe_delegation_token::DescribeDelegationTokenRequest;
    DeleteGroups = 42, delete_groups::DeleteGroupsRequest;
    ElectLeaders = 43, elect_leaders::ElectLeadersRequest;
    IncrementalAlterConfigs = 44, incremental_alter_configs::IncrementalAlterConfigsRequest;
    AlterPartitionReassignments = 45, alter_partition_reassignments::AlterPartitionReassignmentsRequest;
    ListPartitionReassignments = 46, list_partition_reassignments::ListPartitionReassignmentsRequest;
    OffsetDelete = 47, offset_delete::OffsetDeleteRequest;
    DescribeClientQuotas = 48, describe_client_quotas::DescribeClientQuotasRequest;
    AlterClientQuotas = 49, alter_client_quotas::AlterClientQuotasRequest;
    DescribeUserScramCredentials = 50, describe_user_scram_credentials::DescribeUserScramCredentialsRequest;
    AlterUserScramCredentials = 51, alter_user_scram_credentials::AlterUserScramCredentialsRequest;
    DescribeQuorum = 55, describe_quorum::DescribeQuorumRequest;
    UpdateFeatures = 57, update_features::UpdateFeaturesRequest;
    DescribeCluster = 60, describe_cluster::DescribeClusterRequest;
    DescribeProducers = 61, describe_producers::DescribeProducersRequest;
    UnregisterBroker = 64, unregister_broker::UnregisterBrokerRequest;
    DescribeTransactions = 65, describe_transactions::DescribeTransactionsRequest;
    ListTransactions = 66, list_transactions::ListTransactionsRequest;
    ConsumerGroupHeartbeat = 68, consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
    ConsumerGroupDescribe = 69, consumer_group_describe::ConsumerGroupDescribeRequest;
    GetTelemetrySubscriptions = 71, get_telemetry_subscriptions::GetTelemetrySubscriptionsRequest;
    PushTelemetry = 72, push_telemetry::PushTelemetryRequest;
    ListConfigResources = 74, list_config_resources::ListConfigResourcesRequest;
    DescribeTopicPartitions = 75, describe_topic_partitions::DescribeTopicPartitionsRequest;
    ShareGroupHeartbeat = 76, share_group_heartbeat::ShareGroupHeartbeatRequest;
    ShareGroupDescribe = 77, share_group_describe::ShareGroupDescribeRequest;
    ShareFetch = 78, share_fetch::ShareFetchRequest;
    ShareAcknowledge = 79, share_acknowledge::ShareAcknowledgeRequest;
    AddRaftVoter = 80, add_raft_voter::AddRaftVoterRequest;
    RemoveRaftVoter = 81, remove_raft_voter::RemoveRaftVoterRequest;
    InitializeShareGroupState = 83, initialize_share_group_state::InitializeShareGroupStateRequest;
    ReadShareGroupState = 84, read_share_group_state::ReadShareGroupStateRequest;
    WriteShareGroupState = 85, write_share_group_state::WriteShareGroupStateRequest;
    DeleteShareGroupState = 86, delete_share_group_state::DeleteShareGroupStateRequest;
    ReadShareGroupStateSummary = 87, read_share_group_state_summary::ReadShareGroupStateSummaryRequest;
    StreamsGroupHeartbeat = 88, streams_group_heartbeat::StreamsGroupHeartbeatRequest;
    StreamsGroupDescribe = 89, streams_group_describe::StreamsGroupDescribeRequest;
    DescribeShareGroupOffsets = 90, describe_share_group_offsets::DescribeShareGroupOffsetsRequest;
    AlterShareGroupOffsets = 91, alter_share_group_offsets::AlterShareGroupOffsetsRequest;
    DeleteShareGroupOffsets = 92, delete_share_group_offsets::DeleteShareGroupOffsetsRequest;
    StreamsGroupTopologyDescriptionUpdate = 93, streams_group_topology_description_update::StreamsGroupTopologyDescriptionUpdateRequest;
    UnregisterController = 94, unregister_controller::UnregisterControllerRequest;
}

impl ApiKey {
    /// Whether `version` has compact lengths and tagged fields. Defined for versions that do not exist, too: the header of
    /// an `ApiVersions` request from the future must be read to be refused.
    pub fn is_flexible(self, version: i16) -> bool {
        self.flexible_from().is_some_and(|first| version >= first)
    }

    /// The version of the request header: 2 has tagged fields, 1 has none.
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the response header: 1 has tagged fields, 0 has none.
    ///
    /// `ApiVersions` is always answered with version 0: the client does not know yet what the broker understands.
    pub fn response_header_version(self, version: i16) -> i16 {
        i16::from(self.is_flexible(version) && self != ApiKey::ApiVersions)
    }
}
