//! The broker that speaks for the group.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::{ErrorCode, Request};

use crate::call::Target;
use crate::client::Client;
use crate::error::Error;
use crate::network::Lane;

/// Finds the coordinator, remembers it, and asks it.
pub(super) struct Coordinator {
    pub(super) client: Client,
    pub(super) group: ByteString,
    known: Mutex<Option<i32>>,
    /// For what is answered at once: heartbeats and commits.
    quick: Lane,
    /// For what waits for other members: joins and syncs. Nothing else gets stuck behind them.
    waiting: Lane,
}

/// Which of the two connections a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Quick,
    Waiting,
}

impl Coordinator {
    pub(super) fn new(client: Client, group: ByteString) -> Self {
        let (quick, waiting) = (client.lane(), client.lane());
        Self { client, group, known: Mutex::default(), quick, waiting }
    }

    /// One answer of the coordinator. When it cannot be had, the coordinator is looked for anew next time. Cancellation safe.
    pub(super) async fn ask<R: Request>(
        &self,
        way: Way,
        versions: RangeInclusive<i16>,
        limit: Duration,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, Error> {
        let answer = Box::pin(self.attempt(way, versions, limit, request)).await;
        if answer.as_ref().is_err_and(Error::is_retriable) {
            self.forget();
        }
        answer
    }

    async fn attempt<R: Request>(
        &self,
        way: Way,
        versions: RangeInclusive<i16>,
        limit: Duration,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, Error> {
        let node = self.node().await?;
        let lane = match way {
            Way::Quick => &self.quick,
            Way::Waiting => &self.waiting,
        };
        let channel = lane.channel(&self.client.address(node).await?).await?;
        let version = channel.newest::<R>(versions)?;
        channel.submit(&request(version), version, limit)?.await
    }

    /// Looks at an error code of an answer: some say that another broker speaks for the group now.
    pub(super) fn note(&self, code: ErrorCode) {
        if matches!(code, ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE) {
            self.forget();
        }
    }

    fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn node(&self) -> Result<i32, Error> {
        if let Some(known) = *self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(known);
        }
        let Target::Node(found) = self.client.admin().coordinator(&self.group).await? else {
            return Err(Error::broker_code(crate::ApiKey::FindCoordinator, ErrorCode::COORDINATOR_NOT_AVAILABLE));
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(found)
    }
}
