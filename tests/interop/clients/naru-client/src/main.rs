//! naru-client: driver BOOTSTRAP SCENARIO PREFIX RECORDS

mod client;

use std::process::ExitCode;

use interop_driver::{
    Arguments, Client as _, Member, Membership, Outcome, answer, check, codecs, group, group_static, idempotent,
    locked, restart, wait_for,
};
use naru_client::admin::{ConfigChange, ConfigEntry, ConfigResource, GroupFilter, NewTopic, OffsetSpec};
use naru_client::{Client, ErrorCode, Record, TopicPartition};

use client::{Naru, create_topic};

struct Run {
    arguments: Arguments,
    naru: Naru,
}

impl Run {
    fn topic(&self) -> &str {
        &self.arguments.prefix
    }

    fn client(&self) -> &Client {
        &self.naru.0
    }

    fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(self.topic(), number)
    }

    async fn config(&self, name: &str) -> Outcome<ConfigEntry> {
        let entries = self.client().admin().describe_config(ConfigResource::topic(self.topic())).await?;
        entries.into_iter().find(|entry| entry.name == name).ok_or_else(|| format!("no config {name}").into())
    }

    async fn admin(&self) -> Outcome {
        let admin = self.client().admin();
        let topic = NewTopic::new(self.topic()).config("retention.ms", "123456").config("cleanup.policy", "delete");
        create_topic(self.client(), topic, 2).await?;
        let retention = self.config("retention.ms").await?;
        check!(retention.value.as_deref() == Some("123456") && !retention.is_default(), "{retention:?}");
        let changes = [
            ConfigChange::unset("retention.ms"),
            ConfigChange::append("cleanup.policy", "compact"),
            ConfigChange::set("max.message.bytes", "2000000"),
        ];
        admin.alter_config(ConfigResource::topic(self.topic()), changes).await?;
        wait_for("the altered config is seen", async || {
            self.config("max.message.bytes").await.is_ok_and(|entry| entry.value.as_deref() == Some("2000000"))
        })
        .await?;
        check!(self.config("retention.ms").await?.value.as_deref() != Some("123456"), "the default is back");
        let policy = self.config("cleanup.policy").await?.value;
        check!(policy.as_deref() == Some("delete,compact"), "cleanup.policy is {policy:?}");

        admin.grow_topic(self.topic(), 4).await?;
        wait_for("four partitions", async || {
            admin.describe_topic(self.topic()).await.is_ok_and(|topic| topic.partitions.len() == 4)
        })
        .await?;
        let cluster = admin.describe_cluster().await?;
        check!(cluster.id.is_some() && cluster.controller.is_some() && cluster.brokers.len() == 1, "{cluster:?}");

        self.offsets().await?;
        self.groups().await?;

        admin.delete_topic(self.topic()).await?;
        wait_for("the topic is gone", async || {
            let topics = admin.list_topics().await;
            topics.is_ok_and(|topics| topics.iter().all(|topic| topic.name != self.topic()))
        })
        .await
    }

    async fn offsets(&self) -> Outcome {
        let (admin, last) = (self.client().admin(), self.partition(3));
        wait_for("the new partition answers", async || {
            admin.list_offset(last.clone(), OffsetSpec::Latest).await.is_ok()
        })
        .await?;
        let producer = self.client().producer().build()?;
        for seconds in [1000, 2000, 3000] {
            let record = Record::to(self.topic()).partition(3).key("k").value("x").timestamp(seconds * 1000);
            producer.send(record).await?;
        }
        for (spec, expected) in [
            (OffsetSpec::Earliest, 0),
            (OffsetSpec::Latest, 3),
            (OffsetSpec::At(1_500_000), 1),
            (OffsetSpec::MaxTimestamp, 2),
        ] {
            let found = admin.list_offset(last.clone(), spec).await?.offset;
            check!(found == Some(expected), "{spec:?}: {found:?}, not {expected}");
        }
        Ok(())
    }

    async fn groups(&self) -> Outcome {
        let (admin, group) = (self.client().admin(), self.topic());
        let member = Member::join(&self.naru, Membership { topic: group, cooperative: false, instance: None }).await?;
        wait_for("three records are read", async || member.seen().len() == 3).await?;
        let is_listed = async || {
            let groups = admin.list_groups(GroupFilter::default()).await;
            groups.is_ok_and(|groups| groups.iter().any(|listed| listed.id == self.topic()))
        };
        check!(is_listed().await, "the group is not listed");
        let described = admin.describe_group(group).await?;
        check!(described.state.name() == "Stable" && described.members.len() == 1, "{described:?}");
        check!(described.members[0].assignment.len() == 4, "{described:?}");
        member.leave().await?;
        wait_for("the group is empty", async || {
            admin.describe_group(group).await.is_ok_and(|described| described.state.name() == "Empty")
        })
        .await?;
        let committed =
            async || admin.committed_offsets(group).await.map(|all| all.get(&self.partition(3)).map(|at| at.offset));
        check!(committed().await? == Some(3), "committed {:?}", committed().await);
        for (_, altered) in admin.alter_offsets(group, [(self.partition(3), 1)]).await? {
            altered?;
        }
        check!(committed().await? == Some(1), "committed {:?}", committed().await);
        admin.delete_group(group).await?;
        wait_for("the group is gone", async || !is_listed().await).await
    }

    async fn unknown_topic(&self) -> Outcome {
        let client = Client::builder().bootstrap(&self.arguments.bootstrap).build()?;
        let refused = client.producer().build()?.send(Record::to(self.topic()).value("x")).await;
        let code = refused.as_ref().err().and_then(naru_client::Error::code);
        check!(
            code == Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            "expected UNKNOWN_TOPIC_OR_PARTITION, got {refused:?}"
        );
        let topics = client.admin().list_topics().await?;
        check!(topics.iter().all(|topic| topic.name != self.topic()), "the topic must not be created");
        Ok(())
    }

    async fn too_large(&self) -> Outcome {
        self.naru.create_topic(self.topic(), 1).await?;
        let producer = self.client().producer().set("max.request.size", "10000000").build()?;
        let refused = producer.send(Record::to(self.topic()).value(vec![0; 2_000_000])).await;
        let code = refused.as_ref().err().and_then(naru_client::Error::code);
        check!(code == Some(ErrorCode::MESSAGE_TOO_LARGE), "expected MESSAGE_TOO_LARGE, got {refused:?}");
        producer.send(Record::to(self.topic()).value("small")).await?;
        Ok(())
    }
}

async fn scenario() -> Outcome<String> {
    let arguments = Arguments::read()?;
    let client = Client::builder().bootstrap(&arguments.bootstrap).client_id("a-client").build()?;
    let run = Run { arguments, naru: Naru(client) };
    match run.arguments.scenario.as_str() {
        "codecs" => codecs(&run.naru, &run.arguments).await,
        "idempotent" => idempotent(&run.naru, &run.arguments).await,
        "group" => group(&run.naru, run.topic(), false).await,
        "group-cooperative" => group(&run.naru, run.topic(), true).await,
        "group-static" => group_static(&run.naru, run.topic()).await,
        "restart" => restart(&run.naru, &run.arguments).await,
        "admin" => run.admin().await,
        "unknown-topic" => run.unknown_topic().await,
        "too-large" => run.too_large().await,
        other => Err(format!("no scenario {other}").into()),
    }?;
    Ok(String::new())
}

#[tokio::main]
async fn main() -> ExitCode {
    answer(locked(include_str!("../Cargo.lock"), "naru-client"), scenario().await)
}
