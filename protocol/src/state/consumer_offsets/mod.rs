//! The records of `__consumer_offsets`: committed offsets, and groups of every kind with their members and assignments.
//! One file a type.

pub mod consumer_group_current_member_assignment;
pub mod consumer_group_member_metadata;
pub mod consumer_group_metadata;
pub mod consumer_group_partition_metadata;
pub mod consumer_group_regular_expression;
pub mod consumer_group_target_assignment_member;
pub mod consumer_group_target_assignment_metadata;
pub mod group_metadata;
pub mod legacy_offset_commit;
pub mod offset_commit;
pub mod share_group_current_member_assignment;
pub mod share_group_member_metadata;
pub mod share_group_metadata;
pub mod share_group_state_partition_metadata;
pub mod share_group_target_assignment_member;
pub mod share_group_target_assignment_metadata;
pub mod streams_group_current_member_assignment;
pub mod streams_group_member_metadata;
pub mod streams_group_metadata;
pub mod streams_group_target_assignment_member;
pub mod streams_group_target_assignment_metadata;
pub mod streams_group_topology;

use bytes::Bytes;

use self::consumer_group_current_member_assignment::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
};
use self::consumer_group_member_metadata::{ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue};
use self::consumer_group_metadata::{ConsumerGroupMetadataKey, ConsumerGroupMetadataValue};
use self::consumer_group_partition_metadata::{ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue};
use self::consumer_group_regular_expression::{ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue};
use self::consumer_group_target_assignment_member::{
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
};
use self::consumer_group_target_assignment_metadata::{
    ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
};
use self::group_metadata::{GroupMetadataKey, GroupMetadataValue};
use self::legacy_offset_commit::{LegacyOffsetCommitKey, LegacyOffsetCommitValue};
use self::offset_commit::{OffsetCommitKey, OffsetCommitValue};
use self::share_group_current_member_assignment::{
    ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue,
};
use self::share_group_member_metadata::{ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue};
use self::share_group_metadata::{ShareGroupMetadataKey, ShareGroupMetadataValue};
use self::share_group_state_partition_metadata::{
    ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue,
};
use self::share_group_target_assignment_member::{
    ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue,
};
use self::share_group_target_assignment_metadata::{
    ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue,
};
use self::streams_group_current_member_assignment::{
    StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue,
};
use self::streams_group_member_metadata::{StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue};
use self::streams_group_metadata::{StreamsGroupMetadataKey, StreamsGroupMetadataValue};
use self::streams_group_target_assignment_member::{
    StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue,
};
use self::streams_group_target_assignment_metadata::{
    StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue,
};
use self::streams_group_topology::{StreamsGroupTopologyKey, StreamsGroupTopologyValue};
use super::{CoordinatorKey, coordinator_records};
use crate::versioned;
use crate::wire::{DecodeError, Message, Reader, Wire};

coordinator_records! {
    "__consumer_offsets":
    LegacyOffsetCommit = (LegacyOffsetCommitKey, LegacyOffsetCommitValue);
    OffsetCommit = (OffsetCommitKey, OffsetCommitValue);
    GroupMetadata = (GroupMetadataKey, GroupMetadataValue);
    ConsumerGroupMetadata = (ConsumerGroupMetadataKey, ConsumerGroupMetadataValue);
    ConsumerGroupPartitionMetadata = (ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue);
    ConsumerGroupMemberMetadata = (ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue);
    ConsumerGroupTargetAssignmentMetadata = (ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue);
    ConsumerGroupTargetAssignmentMember = (ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue);
    ConsumerGroupCurrentMemberAssignment = (ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue);
    ShareGroupMemberMetadata = (ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue);
    ShareGroupMetadata = (ShareGroupMetadataKey, ShareGroupMetadataValue);
    ShareGroupTargetAssignmentMetadata = (ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue);
    ShareGroupTargetAssignmentMember = (ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue);
    ShareGroupCurrentMemberAssignment = (ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue);
    ShareGroupStatePartitionMetadata = (ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue);
    ConsumerGroupRegularExpression = (ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue);
    StreamsGroupMetadata = (StreamsGroupMetadataKey, StreamsGroupMetadataValue);
    StreamsGroupMemberMetadata = (StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue);
    StreamsGroupTargetAssignmentMetadata = (StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue);
    StreamsGroupTargetAssignmentMember = (StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue);
    StreamsGroupCurrentMemberAssignment = (StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue);
    StreamsGroupTopology = (StreamsGroupTopologyKey, StreamsGroupTopologyValue);
}
