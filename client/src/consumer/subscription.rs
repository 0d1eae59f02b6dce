//! Which topics a consumer reads, and which partitions that is without a group.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytestring::ByteString;
use regex_lite::Regex;
use tokio::sync::watch;
use tokio::time::sleep;

use super::SeekTo;
use super::partition::Phase;
use super::shared::Shared;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(super) enum Subscription {
    #[default]
    Nothing,
    /// These topics.
    Topics(Vec<ByteString>),
    /// Topics whose whole name matches.
    Pattern(String),
    /// These partitions, and no group's choice.
    Partitions(Vec<TopicPartition>),
}

/// A pattern, ready to be used.
pub(super) fn compile(pattern: &str) -> Result<Regex, Error> {
    Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|error| Error::new(ErrorKind::Config, format!("{pattern:?} is not a pattern for topics: {error}")))
}

/// The topics that match a pattern, kept up to date as often as the metadata (`metadata.max.age.ms`).
pub(super) fn follow_pattern(shared: &Arc<Shared>, pattern: Regex) -> watch::Receiver<Vec<ByteString>> {
    let (topics, receiver) = watch::channel(Vec::new());
    let owned = Arc::clone(shared);
    shared.spawn(async move {
        let mut backoff = owned.client.backoff();
        loop {
            match owned.client.metadata().all_topics().await {
                Ok(all) => {
                    backoff.reset();
                    let excluded = |internal: bool| internal && owned.config.exclude_internal_topics;
                    let matching = all.into_iter().filter(|topic| !excluded(topic.internal));
                    let matching = matching.map(|topic| topic.name).filter(|name| pattern.is_match(name));
                    let names: BTreeSet<ByteString> = matching.collect();
                    topics.send_if_modified(|known| {
                        let changed = !known.iter().eq(&names);
                        *known = names.into_iter().collect();
                        changed
                    });
                    sleep(owned.client.config().metadata_max_age).await;
                }
                Err(error) => {
                    if !error.is_retriable() {
                        owned.state().tell(error.context("looking for topics that match the pattern"));
                    }
                    sleep(backoff.next()).await;
                }
            }
        }
    });
    receiver
}

/// Without a group: assigns all partitions of the topics, and those that come later.
pub(super) fn assign_all(shared: &Arc<Shared>, mut topics: watch::Receiver<Vec<ByteString>>) {
    let owned = Arc::clone(shared);
    shared.spawn(async move {
        let mut metadata = owned.client.metadata().watch();
        let mut sender_lives = true;
        loop {
            let names = topics.borrow_and_update().clone();
            let cluster = Arc::clone(&metadata.borrow_and_update());
            for name in &names {
                let known = cluster.topics.get(name).map(|topic| topic.partitions.len());
                assign(&owned, name, known.unwrap_or(1));
                if let Some(count) = known {
                    owned.state().unassign_from(name, count);
                }
            }
            let gone = owned.state().topics().into_iter().filter(|topic| !names.contains(topic));
            let gone: Vec<ByteString> = gone.collect();
            owned.state().unassign_topics(&gone);
            tokio::select! {
                changed = topics.changed(), if sender_lives => sender_lives = changed.is_ok(),
                changed = metadata.changed() => if changed.is_err() { return },
            }
        }
    });
}

/// Partitions of a topic that was assigned before are new: all their records are, too.
fn assign(shared: &Shared, topic: &ByteString, partitions: usize) {
    let all = (0..partitions).filter_map(|partition| i32::try_from(partition).ok());
    let all = all.map(|partition| TopicPartition::new(topic.clone(), partition));
    let (known, new): (Vec<_>, Vec<_>) = {
        let state = shared.state();
        all.partition(|partition| state.partitions.contains_key(partition))
    };
    if new.is_empty() {
        return;
    }
    // The first partition stands for a topic that is not known yet: the others come with it.
    let first_sight = known.len() <= 1 && !shared.state().has_position(&known);
    shared.assign(&new, if first_sight { Phase::Unplaced } else { Phase::Seeking(SeekTo::Beginning) });
}
