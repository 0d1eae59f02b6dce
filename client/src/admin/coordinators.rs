//! Which broker speaks for a group.

use std::collections::{BTreeMap, HashMap};

use bytestring::ByteString;
use naru_protocol::ApiKey;
use naru_protocol::messages::find_coordinator::FindCoordinatorRequest;

use super::Admin;
use super::call::{check, in_order};
use crate::call::Target;
use crate::error::Error;

/// The first version that takes several groups (KIP-699).
const SEVERAL: i16 = 4;

/// Groups by coordinator, and those that have none, with the reason.
#[derive(Default)]
pub(super) struct Coordinators {
    pub(super) by_broker: BTreeMap<i32, Vec<ByteString>>,
    pub(super) without: HashMap<ByteString, Error>,
}

impl Admin {
    /// The coordinator of a group, asked for anew.
    pub(crate) async fn coordinator(&self, group: &ByteString) -> Result<Target, Error> {
        let found = self.find(std::slice::from_ref(group)).await?.pop();
        found.unwrap_or_else(|| Ok(-1)).map(Target::Node)
    }

    /// The coordinators of groups, asked for anew.
    pub(super) async fn coordinators(&self, groups: &[ByteString]) -> Result<Coordinators, Error> {
        let found = self.find(groups).await?;
        let mut coordinators = Coordinators::default();
        for (group, found) in groups.iter().cloned().zip(found) {
            match found {
                Ok(broker) => coordinators.by_broker.entry(broker).or_default().push(group),
                Err(error) => drop(coordinators.without.insert(group, error)),
            }
        }
        Ok(coordinators)
    }

    async fn find(&self, groups: &[ByteString]) -> Result<Vec<Result<i32, Error>>, Error> {
        let api = ApiKey::FindCoordinator;
        let channel = self.client.target(Target::Any).await?;
        let limit = self.client.config().request_timeout;
        let version = channel.newest::<FindCoordinatorRequest>(0..=6)?;
        if version >= SEVERAL {
            let request = FindCoordinatorRequest { coordinator_keys: groups.to_vec(), ..Default::default() };
            let answer = channel.submit(&request, version, limit)?.await?;
            let answers = answer.coordinators.into_iter().map(|found| {
                let checked = check(api, found.error_code, found.error_message.as_deref());
                (found.key, checked.map(|()| found.node_id))
            });
            return Ok(in_order(api, groups, &answers.collect()));
        }
        let mut found = Vec::with_capacity(groups.len());
        for group in groups {
            let request = FindCoordinatorRequest { key: group.clone(), ..Default::default() };
            let answer = channel.submit(&request, version, limit)?.await?;
            let checked = check(api, answer.error_code, answer.error_message.as_deref());
            found.push(checked.map(|()| answer.node_id));
        }
        Ok(found)
    }
}
