//! A member of a group that reads in the background, and keeps account of what it owns and has read.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard};

use naru_client::{Assignor, Client};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Outcome, PARTITIONS, PATIENCE, text, wait_for};

pub struct Member {
    account: Arc<Mutex<Account>>,
    stop: oneshot::Sender<()>,
    reading: JoinHandle<Result<(), naru_client::Error>>,
}

#[derive(Default)]
struct Account {
    owned: BTreeSet<i32>,
    revoked: BTreeSet<i32>,
    seen: Vec<String>,
    changes: usize,
}

fn locked(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().expect("nobody panics with it")
}

impl Member {
    /// Joins the group that is named like its topic.
    pub async fn join(client: &Client, name: &str, assignor: Assignor, instance: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let account: Arc<Mutex<Account>> = Arc::default();
        let (on_assigned, on_revoked, on_lost) = (Arc::clone(&account), Arc::clone(&account), Arc::clone(&account));
        let forget = |account: &Mutex<Account>, partitions: Vec<naru_client::TopicPartition>| {
            let mut account = locked(account);
            for partition in partitions {
                account.owned.remove(&partition.partition);
                account.revoked.insert(partition.partition);
                account.changes += 1;
            }
        };
        let mut consumer = client
            .consumer()
            .group(name)
            .topics([name.to_owned()])
            .assignors([assignor])
            // A member may own a partition before it has looked up where to begin.
            .set("auto.offset.reset", "earliest")
            .set("heartbeat.interval.ms", "500")
            .set("auto.commit.interval.ms", "500")
            .on_assigned(move |_, partitions| {
                let mut account = locked(&on_assigned);
                account.changes += partitions.len();
                account.owned.extend(partitions.iter().map(|partition| partition.partition));
                async {}
            })
            .on_revoked(move |_, partitions| {
                forget(&on_revoked, partitions);
                async {}
            })
            .on_lost(move |_, partitions| {
                forget(&on_lost, partitions);
                async {}
            });
        if let Some(id) = instance {
            consumer = consumer.instance_id(id);
        }
        let mut consumer = consumer.build().await?;
        let (stop, mut stopped) = oneshot::channel();
        let reads = Arc::clone(&account);
        let reading = tokio::spawn(async move {
            loop {
                tokio::select! {
                    record = consumer.recv() => locked(&reads).seen.push(text(&record?)),
                    _ = &mut stopped => return consumer.close(PATIENCE).await,
                }
            }
        });
        Ok(Self { account, stop, reading })
    }

    /// Leaves the group, and says what it has read.
    pub async fn leave(self) -> Result<Vec<String>, Box<dyn Error>> {
        let Self { account, stop, reading } = self;
        let _ = stop.send(());
        reading.await??;
        let seen = std::mem::take(&mut locked(&account).seen);
        Ok(seen)
    }

    pub fn owned(&self) -> BTreeSet<i32> {
        locked(&self.account).owned.clone()
    }

    pub fn seen(&self) -> Vec<String> {
        locked(&self.account).seen.clone()
    }

    pub fn changes(&self) -> usize {
        locked(&self.account).changes
    }

    pub fn forget_revoked(&self) {
        locked(&self.account).revoked.clear();
    }

    pub fn owned_and_revoked(&self) -> Vec<i32> {
        let account = locked(&self.account);
        account.owned.intersection(&account.revoked).copied().collect()
    }
}

pub fn seen_by(members: &[&Member]) -> BTreeSet<String> {
    members.iter().flat_map(|member| member.seen()).collect()
}

/// Every member has something, and every partition one owner.
pub async fn wait_for_balance(what: &str, members: &[&Member]) -> Outcome {
    wait_for(&format!("{what}: every partition owned once"), async || {
        let owned: Vec<_> = members.iter().map(|member| member.owned()).collect();
        let mut all: Vec<i32> = owned.iter().flatten().copied().collect();
        all.sort_unstable();
        all.into_iter().eq(0..PARTITIONS) && owned.iter().all(|owned| !owned.is_empty())
    })
    .await
}
