//! A member of a classic group.

use bytes::Bytes;
use naru_protocol::ErrorCode;
use naru_protocol::messages::heartbeat::HeartbeatRequest;
use naru_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use naru_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use naru_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};

use crate::client::Client;

pub struct Member {
    pub client: Client,
    pub group: String,
    pub id: String,
    pub instance: Option<String>,
    pub generation: i32,
    /// What it tells the leader.
    pub metadata: Bytes,
    pub protocol: &'static str,
}

impl Member {
    pub fn new(client: Client, group: &str) -> Self {
        let group = group.to_owned();
        let metadata = Bytes::from_static(b"subscription");
        Self { client, group, id: String::new(), instance: None, generation: -1, metadata, protocol: "range" }
    }

    pub fn join_request(&self) -> JoinGroupRequest {
        JoinGroupRequest {
            group_id: self.group.as_str().into(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.as_deref().map(Into::into),
            protocol_type: "consumer".into(),
            protocols: vec![JoinGroupRequestProtocol { name: self.protocol.into(), metadata: self.metadata.clone() }],
            ..Default::default()
        }
    }

    /// Joins once, whatever the answer.
    pub async fn try_join(&mut self) -> JoinGroupResponse {
        let request = self.join_request();
        self.client.send(&request, 7).await.expect("an answer")
    }

    /// Joins, for a member id first if it has none, and waits until the others have too.
    pub async fn join(&mut self) -> JoinGroupResponse {
        let mut answer = self.try_join().await;
        if answer.error_code == ErrorCode::MEMBER_ID_REQUIRED {
            self.id = answer.member_id.to_string();
            answer = self.try_join().await;
        }
        if answer.error_code == ErrorCode::NONE {
            self.id = answer.member_id.to_string();
            self.generation = answer.generation_id;
        }
        answer
    }

    /// Syncs; the leader gives each member the bytes that `assign` says.
    pub async fn sync(&mut self, joined: &JoinGroupResponse, assign: impl Fn(&str) -> Bytes) -> SyncGroupResponse {
        let members = joined.members.iter().map(|member| SyncGroupRequestAssignment {
            member_id: member.member_id.clone(),
            assignment: assign(&member.member_id),
        });
        let request = SyncGroupRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.as_deref().map(Into::into),
            assignments: members.collect(),
            ..Default::default()
        };
        self.client.send(&request, 3).await.expect("an answer")
    }

    pub async fn heartbeat(&mut self) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.as_deref().map(Into::into),
        };
        self.client.send(&request, 3).await.expect("an answer").error_code
    }

    pub async fn leave(&mut self) -> ErrorCode {
        let member = MemberIdentity {
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.as_deref().map(Into::into),
            ..Default::default()
        };
        let request =
            LeaveGroupRequest { group_id: self.group.as_str().into(), members: vec![member], ..Default::default() };
        let answer = self.client.send(&request, 3).await.expect("an answer");
        assert_eq!(answer.error_code, ErrorCode::NONE);
        answer.members[0].error_code
    }

    pub async fn commit(&mut self, topic: &str, offset: i64) -> ErrorCode {
        let Self { client, group, id, generation, .. } = self;
        client.commit(group, (id, *generation), topic, offset).await
    }
}
