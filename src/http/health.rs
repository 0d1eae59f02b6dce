//! `/health/live` and `/health/ready`.
//!
//! Live says that restarting the process would not help: it is true during a long recovery and an orderly stop. (A broker whose
//! metadata log has failed ends by itself.)
//!
//! Ready says that clients can be served. A log of one topic that is offline does not make the broker unready: all other topics
//! work, and taking the only broker out of its service would stop them, too; the answer and `naru_partitions_offline` say so.
//! A log of the broker's own topics is another matter: without `__consumer_offsets` groups stand still.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::broker::Broker;

use super::Status;

/// Partitions that are named in an answer; it is read by people.
const MOST_NAMED: usize = 10;

pub(super) async fn live() -> &'static str {
    "live\n"
}

pub(super) async fn ready(State(status): State<Arc<Status>>) -> (StatusCode, String) {
    // Looking at every partition takes its time when there are many.
    match tokio::task::spawn_blocking(move || readiness(&status)).await {
        Ok(Ok(remark)) => (StatusCode::OK, remark),
        Ok(Err(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()),
    }
}

/// Why the broker is not ready, or what else there is to say.
pub(super) fn readiness(status: &Status) -> Result<String, String> {
    let Some(observed) = status.observed() else {
        return Err(format!("starting: {}\n", status.start().unwrap_or_default()));
    };
    if observed.broker.is_stopping() {
        return Err("stopping\n".to_owned());
    }
    let offline = offline(&observed.broker);
    if offline.is_empty() {
        return Ok("ready\n".to_owned());
    }
    let mut text = String::new();
    for log in offline.iter().take(MOST_NAMED) {
        let _ = writeln!(text, "offline: {}: {}", log.name, log.reason);
    }
    if offline.len() > MOST_NAMED {
        let _ = writeln!(text, "and {} more", offline.len() - MOST_NAMED);
    }
    if offline.iter().any(|log| log.is_internal) {
        Err(format!("not ready\n{text}"))
    } else {
        Ok(format!("ready\n{text}"))
    }
}

/// A partition that takes no records.
pub(super) struct Offline {
    name: String,
    is_internal: bool,
    reason: String,
}

/// All partitions that take no records, the broker's own first.
pub(super) fn offline(broker: &Broker) -> Vec<Offline> {
    let mut offline = Vec::new();
    for topic in broker.metadata().image().topics() {
        for index in 0..topic.partitions {
            let reason = match broker.partitions().get(&topic.id, index) {
                Some(partition) => partition.log().offline_reason(),
                None => Some("its log could not be opened, see the broker's log".to_owned()),
            };
            let name = format_args!("{}-{index}", topic.name);
            offline.extend(reason.map(|reason| Offline {
                name: name.to_string(),
                is_internal: topic.is_internal(),
                reason,
            }));
        }
    }
    offline.sort_by_key(|log| !log.is_internal);
    offline
}
