//! The member's signs of life, and what the group says to them.

use std::sync::Arc;

use naru_protocol::messages::heartbeat::HeartbeatRequest;
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::coordinator::Way;
use super::membership::{Identity, Shared};
use super::trouble::Trouble;

/// The heartbeats of one generation. They end when dropped.
pub(super) struct Heartbeats {
    trouble: watch::Receiver<Option<Trouble>>,
    task: AbortHandle,
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heartbeats {
    pub(super) fn start(shared: Arc<Shared>) -> Self {
        let (found, trouble) = watch::channel(None);
        Self { trouble, task: tokio::spawn(beat(shared, found)).abort_handle() }
    }

    /// Waits until the group is not content; at once if it is not already. Cancellation safe.
    pub(super) fn trouble(&self) -> impl Future<Output = Trouble> + Send + use<> {
        let mut trouble = self.trouble.clone();
        async move {
            let found = trouble.wait_for(Option::is_some).await;
            found.ok().and_then(|found| found.clone()).unwrap_or(Trouble::Rebalance)
        }
    }
}

/// Goes on until the group has no place for the member any more. A coordinator that is away knows its members when it comes
/// back, so not being answered is no trouble.
async fn beat(shared: Arc<Shared>, found: watch::Sender<Option<Trouble>>) {
    let identity = shared.identity();
    let mut backoff = shared.client.backoff();
    loop {
        sleep(shared.config.heartbeat_interval).await;
        while let Err(trouble) = once(&shared, &identity).await {
            match trouble {
                Trouble::Passing(_) => sleep(backoff.next().min(shared.config.heartbeat_interval)).await,
                // The member lives on while it gives back what it has, which may take longer than a session.
                Trouble::Rebalance => {
                    found.send_replace(Some(Trouble::Rebalance));
                    break;
                }
                trouble => return drop(found.send_replace(Some(trouble))),
            }
        }
        backoff.reset();
    }
}

async fn once(shared: &Shared, identity: &Identity) -> Result<(), Trouble> {
    let Shared { config, coordinator, client, .. } = shared;
    let request = HeartbeatRequest {
        group_id: config.group_id.clone(),
        generation_id: identity.generation,
        member_id: identity.member_id.clone(),
        group_instance_id: config.instance_id.clone(),
    };
    let limit = config.session_timeout.min(client.config().request_timeout);
    let answer = coordinator.ask(Way::Quick, 1..=4, limit, |_| request).await?;
    if answer.error_code == ErrorCode::NONE {
        return Ok(());
    }
    coordinator.note(answer.error_code);
    Err(Trouble::of(ApiKey::Heartbeat, answer.error_code))
}
