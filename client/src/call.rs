//! Sending a request to whom it concerns, again if that is safe.

use std::ops::RangeInclusive;
use std::sync::Arc;

use naru_protocol::Request;

use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::network::{Backoff, Channel};

/// Which broker a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// Whichever is at hand.
    Any,
    /// The cluster's controller.
    Controller,
    /// The broker with this id.
    Node(i32),
}

impl Client {
    /// The answer to a request, in the newest version that both sides speak. Tries again until the deadline when no
    /// connection could be made, or when one broke and asking twice does no harm. An error code within the answer is the
    /// caller's business. Cancellation safe, though the broker may have done what was asked.
    pub(crate) async fn call<R: Request>(
        &self,
        to: Target,
        request: &R,
        deadline: Deadline,
    ) -> Result<R::Response, Error> {
        self.call_within(to, request, R::VERSIONS, deadline).await
    }

    /// As [`Client::call`], in one of these versions.
    pub(crate) async fn call_within<R: Request>(
        &self,
        to: Target,
        request: &R,
        versions: RangeInclusive<i16>,
        deadline: Deadline,
    ) -> Result<R::Response, Error> {
        let mut backoff = self.backoff();
        loop {
            let attempt = deadline.bound(R::KEY.name(), self.attempt(to, request, versions.clone())).await;
            match attempt {
                Err(error) if error.is_retriable() && !error.may_have_been_written() && !deadline.passed() => {
                    self.metadata().stale();
                    deadline.sleep(backoff.next()).await;
                    if deadline.passed() {
                        return Err(error);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<R: Request>(
        &self,
        to: Target,
        request: &R,
        versions: RangeInclusive<i16>,
    ) -> Result<R::Response, Error> {
        let channel = self.target(to).await?;
        let version = channel.newest::<R>(versions)?;
        channel.submit(request, version, self.config().request_timeout)?.await
    }

    /// A connection to whom the request is for.
    pub(crate) async fn target(&self, to: Target) -> Result<Arc<Channel>, Error> {
        match to {
            Target::Any => self.metadata().any_channel().await,
            Target::Controller => match self.metadata().known().await?.controller {
                // A broker that does not say who the controller is forwards what is meant for it.
                ..0 => self.metadata().any_channel().await,
                node => self.channel(node).await,
            },
            Target::Node(node) => self.channel(node).await,
        }
    }

    /// The shared connection to a broker.
    pub(crate) async fn channel(&self, node: i32) -> Result<Arc<Channel>, Error> {
        self.pool().channel(&self.address(node).await?).await
    }

    /// Where a broker is, as the cluster tells it.
    pub(crate) async fn address(&self, node: i32) -> Result<String, Error> {
        self.metadata().known().await?;
        self.metadata().address(node).ok_or_else(|| {
            self.metadata().stale();
            Error::new(ErrorKind::Connect, format!("the cluster does not name a broker {node} at the moment"))
        })
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.config().retry_backoff, self.config().retry_backoff_max)
    }
}
