//! `ListGroups` and `DescribeGroups`: how a group looks from outside.

use bytestring::ByteString;

use super::group::{ClassicGroup, GroupState};
use crate::group::ErrorCode;
use crate::group::requests::{DescribedGroup, DescribedMember, GroupListing};

impl ClassicGroup {
    /// The group's line in the list.
    pub fn listing(&self) -> GroupListing {
        GroupListing {
            group: self.id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            state: self.state(),
        }
    }

    /// How many members it has.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// The group in detail. Protocol and metadata are meaningful, and shown, while it is stable.
    pub fn describe(&self) -> DescribedGroup {
        let protocol = self.protocol.as_ref().filter(|_| self.state() == GroupState::Stable);
        let members = self.members.iter().map(|member| DescribedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata_for(protocol),
            assignment: member.assignment.clone(),
        });
        DescribedGroup {
            error: ErrorCode::NONE,
            group: self.id.clone(),
            state: self.state(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: protocol.cloned().unwrap_or_default(),
            members: members.collect(),
        }
    }
}

impl DescribedGroup {
    /// A group that does not exist.
    pub fn dead(group: ByteString) -> Self {
        Self {
            error: ErrorCode::GROUP_ID_NOT_FOUND,
            group,
            state: GroupState::Dead,
            protocol_type: ByteString::new(),
            protocol: ByteString::new(),
            members: Vec::new(),
        }
    }
}
