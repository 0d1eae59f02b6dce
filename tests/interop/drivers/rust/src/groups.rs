//! Scenarios of consumer groups.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Client, Outcome, PARTITIONS, Producer as _, Sample, Sending, check, numbers, wait_for};

/// Which member of which group; the group is named like its topic.
#[derive(Clone, Copy)]
pub struct Membership<'a> {
    pub topic: &'a str,
    /// With the cooperative-sticky assignor, otherwise with the range assignor.
    pub cooperative: bool,
    /// `group.instance.id`
    pub instance: Option<&'a str>,
}

/// What a member owns and has read. Its client keeps it.
#[derive(Clone, Default)]
pub struct Account(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    owned: BTreeSet<i32>,
    revoked: BTreeSet<i32>,
    seen: Vec<String>,
    changes: usize,
}

impl Account {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Partitions came on top of those that the member owns.
    pub fn assigned(&self, partitions: impl IntoIterator<Item = i32>) {
        let mut entries = self.entries();
        for partition in partitions {
            entries.owned.insert(partition);
            entries.changes += 1;
        }
    }

    /// Partitions were revoked or lost.
    pub fn revoked(&self, partitions: impl IntoIterator<Item = i32>) {
        let mut entries = self.entries();
        for partition in partitions {
            entries.owned.remove(&partition);
            entries.revoked.insert(partition);
            entries.changes += 1;
        }
    }

    /// The member read a record with this value.
    pub fn read(&self, value: String) {
        self.entries().seen.push(value);
    }
}

/// A member of a group that reads in the background.
pub struct Member {
    account: Account,
    stop: oneshot::Sender<()>,
    reading: JoinHandle<Outcome>,
}

impl Member {
    pub async fn join(client: &impl Client, membership: Membership<'_>) -> Outcome<Self> {
        let (account, (stop, stopped)) = (Account::default(), oneshot::channel());
        let reading = client.join(membership, account.clone(), stopped).await?;
        Ok(Self { account, stop, reading })
    }

    /// Leaves the group, and says what it has read.
    pub async fn leave(self) -> Outcome<Vec<String>> {
        // Its task has ended already if nobody hears this, and its outcome says why.
        let _ = self.stop.send(());
        self.reading.await??;
        let seen = std::mem::take(&mut self.account.entries().seen);
        Ok(seen)
    }

    pub fn seen(&self) -> Vec<String> {
        self.account.entries().seen.clone()
    }

    fn owned(&self) -> BTreeSet<i32> {
        self.account.entries().owned.clone()
    }
}

fn seen_by(members: &[&Member]) -> BTreeSet<String> {
    members.iter().flat_map(|member| member.seen()).collect()
}

/// Every member has something, and every partition one owner.
async fn wait_for_balance(what: &str, members: &[&Member]) -> Outcome {
    let owned = || members.iter().map(|member| member.owned()).collect::<Vec<_>>();
    let is_balanced = async || {
        let owned = owned();
        let mut all: Vec<i32> = owned.iter().flatten().copied().collect();
        all.sort_unstable();
        all.into_iter().eq(0..PARTITIONS) && owned.iter().all(|owned| !owned.is_empty())
    };
    let waited = wait_for(&format!("{what}: every partition owned once"), is_balanced).await;
    waited.map_err(|late| format!("{late}, but {:?}", owned()).into())
}

/// Two members, a third joins, one leaves, while records are sent.
pub async fn group(client: &impl Client, topic: &str, cooperative: bool) -> Outcome {
    client.create_topic(topic, PARTITIONS).await?;
    let producer = client.producer(Sending::default()).await?;
    let (sent, rebalancing) = (Cell::new(0), Cell::new(true));
    let stream = async {
        while rebalancing.get() {
            let number: i32 = sent.get();
            producer.send(topic, &[(number % PARTITIONS, Sample::value(&number.to_string()))]).await?;
            sent.set(number + 1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Outcome::Ok(())
    };
    let members = async {
        let members = rebalance(client, Membership { topic, cooperative, instance: None }).await?;
        rebalancing.set(false);
        Outcome::Ok(members)
    };
    let ((), (first, third, of_second)) = tokio::try_join!(stream, members)?;
    wait_for("every record is read by a member", async || {
        let mut seen = seen_by(&[&first, &third]);
        seen.extend(of_second.iter().cloned());
        (0..sent.get()).all(|number| seen.contains(&number.to_string()))
    })
    .await?;
    first.leave().await?;
    third.leave().await?;
    Ok(())
}

/// Returns the two members that stay, and what the one that left has read.
async fn rebalance(client: &impl Client, membership: Membership<'_>) -> Outcome<(Member, Member, Vec<String>)> {
    let join = async || Member::join(client, membership).await;
    let (first, second) = (join().await?, join().await?);
    wait_for_balance("two members", &[&first, &second]).await?;
    for member in [&first, &second] {
        member.account.entries().revoked.clear();
    }
    let third = join().await?;
    wait_for_balance("a third joins", &[&first, &second, &third]).await?;
    if membership.cooperative {
        for member in [&first, &second] {
            let entries = member.account.entries();
            let kept: Vec<_> = entries.owned.intersection(&entries.revoked).collect();
            check!(kept.is_empty(), "{kept:?} stay and must not be revoked on the way");
        }
    }
    let of_second = second.leave().await?;
    wait_for_balance("one leaves", &[&first, &third]).await?;
    Ok((first, third, of_second))
}

/// A static member leaves and returns.
pub async fn group_static(client: &impl Client, topic: &str) -> Outcome {
    client.create_topic(topic, PARTITIONS).await?;
    let join =
        async |instance| Member::join(client, Membership { topic, cooperative: false, instance: Some(instance) }).await;
    let (first, second) = (join("one").await?, join("two").await?);
    wait_for_balance("two static members", &[&first, &second]).await?;
    let (before, changes) = (second.owned(), first.account.entries().changes);
    second.leave().await?;
    let second = join("two").await?;
    wait_for("the returning static member owns what it owned", async || second.owned() == before).await?;
    let records: Vec<_> =
        (0..PARTITIONS).cycle().zip(numbers(0..60).iter().map(|value| Sample::value(value))).collect();
    client.producer(Sending::default()).await?.send(topic, &records).await?;
    wait_for("all records are read", async || seen_by(&[&first, &second]).len() == 60).await.map_err(|late| {
        let read = [&first, &second].map(|member| (member.owned(), member.seen().len()));
        format!("{late}; owned and number of records read: {read:?}")
    })?;
    check!(first.account.entries().changes == changes, "the return of a static member must not rebalance the group");
    first.leave().await?;
    second.leave().await?;
    Ok(())
}
