//! `LeaveGroup`: members go, or are sent away by instance id.

use super::group::{ClassicGroup, Step};
use crate::group::ErrorCode;
use crate::group::requests::{LeavingMember, LeftMember};

impl ClassicGroup {
    /// Removes the members that exist; the others are answered why not.
    pub fn leave(&mut self, leaving: &[LeavingMember], step: &mut Step) -> Vec<LeftMember> {
        let mut left = Vec::with_capacity(leaving.len());
        for member in leaving {
            let error = self.leave_one(member, step).err().unwrap_or(ErrorCode::NONE);
            left.push(LeftMember {
                member_id: member.member_id.clone(),
                instance_id: member.instance_id.clone(),
                error,
            });
        }
        if left.iter().any(|member| member.error == ErrorCode::NONE) && !self.is_empty() {
            self.membership_changed(step);
        }
        left
    }

    fn leave_one(&mut self, leaving: &LeavingMember, step: &mut Step) -> Result<(), ErrorCode> {
        let id = match &leaving.instance_id {
            Some(instance) if leaving.member_id.is_empty() => {
                self.members.static_member(instance).cloned().ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?
            }
            _ if self.pending.remove(&leaving.member_id).is_some() => return Ok(()),
            instance => {
                self.check_member(&leaving.member_id, instance.as_ref())?;
                leaving.member_id.clone()
            }
        };
        self.remove_member(&id, ErrorCode::UNKNOWN_MEMBER_ID, step);
        Ok(())
    }
}
