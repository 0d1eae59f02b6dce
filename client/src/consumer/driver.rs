//! The consumer's housekeeping: it follows the metadata, gets every partition an offset, and has every leader fetched from.

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use tokio::time::{Instant, sleep_until};

use super::SeekTo;
use super::commits;
use super::config::OffsetReset;
use super::fetcher::Fetcher;
use super::lookup;
use super::shared::Shared;
use crate::deadline::Deadline;
use crate::metadata::Cluster;

/// Runs until the consumer is closed.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut metadata = shared.client.metadata().watch();
    let mut backoff = shared.client.backoff();
    let mut refresh_at = Instant::now();
    let mut asked = HashSet::new();
    loop {
        let cluster = Arc::clone(&metadata.borrow_and_update());
        follow(&shared, &cluster, &mut asked);
        start_fetchers(&shared);
        commits::start_lookup(&shared);
        lookup::start_seeks(&shared);
        lookup::start_validations(&shared);
        let mut due = shared.state().due();
        if shared.state().lacks_leader() {
            if refresh_at <= Instant::now() {
                shared.client.metadata().stale();
                refresh_at = Instant::now() + backoff.next();
            }
            due = Some(due.map_or(refresh_at, |due| due.min(refresh_at)));
        } else {
            backoff.reset();
        }
        tokio::select! {
            () = shared.changed.notified() => {}
            changed = metadata.changed() => if changed.is_err() { return },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
    }
}

/// Takes over what the metadata says about the topics. `asked` are those that somebody found out about once.
fn follow(shared: &Arc<Shared>, cluster: &Cluster, asked: &mut HashSet<ByteString>) {
    let topics: HashSet<ByteString> = shared.state().topics();
    asked.retain(|topic| topics.contains(topic));
    for name in topics {
        shared.client.metadata().interested(&name);
        match cluster.topic(&name) {
            Ok(topic) => {
                asked.insert(name);
                let mut state = shared.state();
                for partition in state.adopt(&topic) {
                    made_again(shared, &mut state, &partition);
                }
            }
            Err(_) if asked.insert(name.clone()) => {
                let owned = Arc::clone(shared);
                shared.spawn(async move { ask_for(&owned, name).await });
            }
            // Those who refresh the metadata see it when it is there again; to ask for it by name could make it.
            Err(error) if cluster.version > 0 && cluster.refuses(&name) => {
                shared.state().topic_is_missing(&name, &error);
            }
            Err(_) => {}
        }
    }
}

/// A topic of this name was deleted and another one made: all its records are new, whatever the reset policy.
fn made_again(shared: &Shared, state: &mut super::state::State, partition: &crate::TopicPartition) {
    let Some(found) = state.partitions.get(partition) else { return };
    if shared.config.offset_reset == OffsetReset::Fail {
        let cursor = Arc::clone(&found.cursor);
        let why = format!("the topic of {partition} was deleted and made again: offsets mean other records now");
        return shared.reset(state, &cursor, &why);
    }
    let _ = state.seek(partition, SeekTo::Beginning);
}

async fn ask_for(shared: &Shared, topic: ByteString) {
    let limit = Deadline::after(shared.client.config().api_timeout);
    if let Err(error) = shared.client.metadata().topic(&topic, limit).await {
        shared.state().topic_is_missing(&topic, &error);
    }
    shared.changed.notify_one();
}

fn start_fetchers(shared: &Arc<Shared>) {
    let leaders = shared.state().leaders();
    for leader in leaders {
        let known = shared.state().fetchers.get(&leader).cloned();
        let fetcher = known.unwrap_or_else(|| {
            let fetcher = Fetcher::start(shared, leader);
            shared.state().fetchers.insert(leader, Arc::clone(&fetcher));
            fetcher
        });
        fetcher.wake();
    }
}
