//! naru-client: driver BOOTSTRAP SCENARIO PREFIX RECORDS

mod member;

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use naru_client::admin::{ConfigChange, ConfigEntry, ConfigResource, GroupFilter, NewTopic, OffsetSpec};
use naru_client::{Assignor, Client, Codec, Consumer, ConsumerRecord, ErrorCode, Header, Record, TopicPartition};
use tokio::io::AsyncBufReadExt as _;
use tokio::sync::watch;

use member::{Member, seen_by, wait_for_balance};

type Outcome = Result<(), Box<dyn Error>>;

const PARTITIONS: i32 = 6;
const PATIENCE: Duration = Duration::from_secs(40);

/// What every scenario gets.
struct Run {
    client: Client,
    bootstrap: String,
    prefix: String,
    records: String,
}

macro_rules! check {
    ($holds:expr, $($text:tt)*) => {
        if !$holds {
            return Err(format!($($text)*).into());
        }
    };
}

/// Waits until the condition holds.
async fn wait_for(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Outcome {
    let begun = Instant::now();
    while !condition().await {
        check!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn numbers(range: Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn text(record: &ConsumerRecord) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}

impl Run {
    fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(self.prefix.as_str(), number)
    }

    async fn create_topic(&self, topic: NewTopic, partitions: i32) -> Outcome {
        let (admin, name) = (self.client.admin(), topic.name().clone());
        admin.create_topic(topic.partitions(partitions)).await?;
        wait_for("all partitions of the topic answer", async || {
            let asked = (0..partitions).map(|number| (TopicPartition::new(name.clone(), number), OffsetSpec::Latest));
            admin.list_offsets(asked).await.is_ok_and(|each| each.iter().all(|(_, found)| found.is_ok()))
        })
        .await
    }

    async fn topic(&self, partitions: i32) -> Outcome {
        self.create_topic(NewTopic::new(self.prefix.as_str()), partitions).await
    }

    async fn produce(&self, values: &[String]) -> Outcome {
        let producer = self.client.producer().build()?;
        for value in values {
            producer.send(Record::to(self.prefix.as_str()).value(value.clone())).await?;
        }
        Ok(producer.close(PATIENCE).await?)
    }

    /// Reads exactly `count` records from the beginning of a topic.
    async fn read_from_start(&self, topic: &str, count: usize) -> Result<Vec<ConsumerRecord>, Box<dyn Error>> {
        let mut consumer = self.client.consumer().topics([topic.to_owned()]).build().await?;
        let records = read(&mut consumer, count).await?;
        consumer.close(PATIENCE).await?;
        Ok(records)
    }

    /// The records of the file.
    fn expected(&self) -> Result<Vec<Record>, Box<dyn Error>> {
        let unhex = |text: &str| -> Option<Bytes> {
            let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("the file has hex digits");
            (text != "-").then(|| (0..text.len()).step_by(2).map(byte).collect())
        };
        let mut records = Vec::new();
        for line in std::fs::read_to_string(&self.records)?.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let mut record = Record::to("");
            record.key = fields.next().and_then(unhex);
            record.value = fields.next().and_then(unhex);
            for header in fields.next().unwrap_or_default().split(',').filter_map(|header| header.split_once('=')) {
                record.headers.push(Header { key: unhex(header.0).unwrap_or_default(), value: unhex(header.1) });
            }
            records.push(record);
        }
        Ok(records)
    }

    async fn codecs(&self) -> Outcome {
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let topic = format!("{}-{}", self.prefix, codec.name());
            self.create_topic(NewTopic::new(topic.as_str()), 1).await?;
            let producer = self.client.producer().compression(codec).linger(Duration::from_millis(50)).build()?;
            let expected = self.expected()?;
            let mut deliveries = Vec::new();
            for record in &expected {
                let record = Record { topic: topic.as_str().into(), ..record.clone() };
                deliveries.push(producer.enqueue(record).await?);
            }
            for delivery in deliveries {
                delivery.await?;
            }
            for (sent, got) in expected.iter().zip(self.read_from_start(&topic, expected.len()).await?) {
                let same = (&sent.key, &sent.value, &sent.headers) == (&got.key, &got.value, &got.headers);
                check!(same, "{}: sent {sent:?}, received {got:?}", codec.name());
            }
        }
        Ok(())
    }

    async fn idempotent(&self) -> Outcome {
        self.topic(3).await?;
        let producer = self.client.producer().batch_size(2000).build()?;
        let mut deliveries = Vec::new();
        for (number, value) in numbers(0..3000).into_iter().enumerate() {
            let record = Record::to(self.prefix.as_str()).partition(number as i32 % 3).value(value);
            deliveries.push(producer.enqueue(record).await?);
        }
        for delivery in deliveries {
            delivery.await?;
        }
        let mut next = [0, 1, 2];
        for record in self.read_from_start(&self.prefix, 3000).await? {
            let due = &mut next[record.partition as usize];
            check!(text(&record) == due.to_string(), "lost, doubled or out of order: {record:?}, {due} was due");
            *due += 3;
        }
        Ok(())
    }

    async fn group(&self, cooperative: bool) -> Outcome {
        self.topic(PARTITIONS).await?;
        let assignor = if cooperative { Assignor::CooperativeSticky } else { Assignor::Range };
        let (stop, mut stopped) = watch::channel(false);
        let (producer, topic) = (self.client.producer().build()?, self.prefix.clone());
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while !*stopped.borrow_and_update() {
                let record = Record::to(topic.as_str()).partition(sent as i32 % PARTITIONS).value(sent.to_string());
                producer.send(record).await?;
                sent += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok::<usize, naru_client::Error>(sent)
        });
        let join = async || Member::join(&self.client, &self.prefix, assignor, None).await;
        let (first, second) = (join().await?, join().await?);
        wait_for_balance("two members", &[&first, &second]).await?;
        first.forget_revoked();
        second.forget_revoked();
        let third = join().await?;
        wait_for_balance("a third joins", &[&first, &second, &third]).await?;
        if cooperative {
            for member in [&first, &second] {
                let kept = member.owned_and_revoked();
                check!(kept.is_empty(), "{kept:?} stay and must not be revoked on the way");
            }
        }
        let of_second = second.leave().await?;
        wait_for_balance("one leaves", &[&first, &third]).await?;
        stop.send_replace(true);
        let sent = sending.await??;
        wait_for("every record is read by a member", async || {
            let mut seen = seen_by(&[&first, &third]);
            seen.extend(of_second.iter().cloned());
            (0..sent).all(|number| seen.contains(&number.to_string()))
        })
        .await?;
        first.leave().await?;
        third.leave().await?;
        Ok(())
    }

    async fn group_static(&self) -> Outcome {
        self.topic(PARTITIONS).await?;
        let join = async |id: &str| Member::join(&self.client, &self.prefix, Assignor::Range, Some(id)).await;
        let (first, second) = (join("one").await?, join("two").await?);
        wait_for_balance("two static members", &[&first, &second]).await?;
        let (before, changes) = (second.owned(), first.changes());
        second.leave().await?;
        let second = join("two").await?;
        wait_for("the returning static member owns what it owned", async || second.owned() == before).await?;
        self.produce(&numbers(0..60)).await?;
        wait_for("all records are read", async || seen_by(&[&first, &second]).len() == 60).await?;
        check!(first.changes() == changes, "the return of a static member must not rebalance the group");
        first.leave().await?;
        second.leave().await?;
        Ok(())
    }

    async fn reader(&self, group: &str) -> Result<Consumer, Box<dyn Error>> {
        let consumer = self.client.consumer().group(format!("{}-{group}", self.prefix)).topics([self.prefix.clone()]);
        Ok(consumer.auto_commit(None).build().await?)
    }

    async fn restart(&self) -> Outcome {
        self.topic(1).await?;
        let producer = self.client.producer().build()?;
        let produce = async |range| {
            for value in numbers(range) {
                producer.send(Record::to(self.prefix.as_str()).value(value)).await?;
            }
            Ok::<(), naru_client::Error>(())
        };
        produce(0..60).await?;
        let (mut staying, mut leaving) = (self.reader("staying").await?, self.reader("leaving").await?);
        read(&mut staying, 60).await?;
        staying.handle().commit().await?;
        read(&mut leaving, 25).await?;
        leaving.handle().commit().await?;
        leaving.close(PATIENCE).await?;
        println!("{{\"restart\": true}}");
        tokio::io::BufReader::new(tokio::io::stdin()).read_line(&mut String::new()).await?;
        produce(60..100).await?;
        let got: Vec<String> = read(&mut staying, 40).await?.iter().map(text).collect();
        check!(got == numbers(60..100), "the consumer that stayed expected 60..99, got {got:?}");
        let mut resumed = self.reader("leaving").await?;
        let got: Vec<String> = read(&mut resumed, 75).await?.iter().map(text).collect();
        check!(got == numbers(25..100), "the new consumer expected 25..99, got {got:?}");
        staying.close(PATIENCE).await?;
        resumed.close(PATIENCE).await?;
        Ok(())
    }

    async fn config(&self, name: &str) -> Result<ConfigEntry, Box<dyn Error>> {
        let entries = self.client.admin().describe_config(ConfigResource::topic(self.prefix.as_str())).await?;
        entries.into_iter().find(|entry| entry.name == name).ok_or_else(|| format!("no config {name}").into())
    }

    async fn admin(&self) -> Outcome {
        let admin = self.client.admin();
        let topic = NewTopic::new(self.prefix.as_str()).config("retention.ms", "123456").config("cleanup.policy", "delete");
        self.create_topic(topic, 2).await?;
        let retention = self.config("retention.ms").await?;
        check!(retention.value.as_deref() == Some("123456") && !retention.is_default(), "{retention:?}");
        let changes = [
            ConfigChange::unset("retention.ms"),
            ConfigChange::append("cleanup.policy", "compact"),
            ConfigChange::set("max.message.bytes", "2000000"),
        ];
        admin.alter_config(ConfigResource::topic(self.prefix.as_str()), changes).await?;
        wait_for("the altered config is seen", async || {
            self.config("max.message.bytes").await.is_ok_and(|entry| entry.value.as_deref() == Some("2000000"))
        })
        .await?;
        check!(self.config("retention.ms").await?.value.as_deref() != Some("123456"), "the default is back");
        let policy = self.config("cleanup.policy").await?.value;
        check!(policy.as_deref() == Some("delete,compact"), "cleanup.policy is {policy:?}");

        admin.grow_topic(self.prefix.as_str(), 4).await?;
        wait_for("four partitions", async || {
            admin.describe_topic(self.prefix.as_str()).await.is_ok_and(|topic| topic.partitions.len() == 4)
        })
        .await?;
        let cluster = admin.describe_cluster().await?;
        check!(cluster.id.is_some() && cluster.controller.is_some() && cluster.brokers.len() == 1, "{cluster:?}");

        self.offsets().await?;
        self.groups().await?;

        admin.delete_topic(self.prefix.as_str()).await?;
        wait_for("the topic is gone", async || {
            let topics = admin.list_topics().await;
            topics.is_ok_and(|topics| topics.iter().all(|topic| topic.name != self.prefix))
        })
        .await
    }

    async fn offsets(&self) -> Outcome {
        let (admin, last) = (self.client.admin(), self.partition(3));
        wait_for("the new partition answers", async || admin.list_offset(last.clone(), OffsetSpec::Latest).await.is_ok()).await?;
        let producer = self.client.producer().build()?;
        for seconds in [1000, 2000, 3000] {
            let record = Record::to(self.prefix.as_str()).partition(3).key("k").value("x").timestamp(seconds * 1000);
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
        let (admin, group) = (self.client.admin(), self.prefix.as_str());
        let member = Member::join(&self.client, group, Assignor::Range, None).await?;
        wait_for("three records are read", async || member.seen().len() == 3).await?;
        let is_listed = async || {
            let groups = admin.list_groups(GroupFilter::default()).await;
            groups.is_ok_and(|groups| groups.iter().any(|listed| listed.id == self.prefix))
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
        let committed = async || admin.committed_offsets(group).await.map(|all| all.get(&self.partition(3)).map(|at| at.offset));
        check!(committed().await? == Some(3), "committed {:?}", committed().await);
        for (_, altered) in admin.alter_offsets(group, [(self.partition(3), 1)]).await? {
            altered?;
        }
        check!(committed().await? == Some(1), "committed {:?}", committed().await);
        admin.delete_group(group).await?;
        wait_for("the group is gone", async || !is_listed().await).await
    }

    async fn unknown_topic(&self) -> Outcome {
        let client = Client::builder().bootstrap(&self.bootstrap).build()?;
        let refused = client.producer().build()?.send(Record::to(self.prefix.as_str()).value("x")).await;
        let code = refused.as_ref().err().and_then(naru_client::Error::code);
        check!(code == Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), "expected UNKNOWN_TOPIC_OR_PARTITION, got {refused:?}");
        let topics = client.admin().list_topics().await?;
        check!(topics.iter().all(|topic| topic.name != self.prefix), "the topic must not be created");
        Ok(())
    }

    async fn too_large(&self) -> Outcome {
        self.topic(1).await?;
        let producer = self.client.producer().set("max.request.size", "10000000").build()?;
        let refused = producer.send(Record::to(self.prefix.as_str()).value(vec![0; 2_000_000])).await;
        let code = refused.as_ref().err().and_then(naru_client::Error::code);
        check!(code == Some(ErrorCode::MESSAGE_TOO_LARGE), "expected MESSAGE_TOO_LARGE, got {refused:?}");
        producer.send(Record::to(self.prefix.as_str()).value("small")).await?;
        Ok(())
    }
}

async fn read(consumer: &mut Consumer, count: usize) -> Result<Vec<ConsumerRecord>, Box<dyn Error>> {
    let mut records = Vec::new();
    while records.len() < count {
        records.push(tokio::time::timeout(PATIENCE, consumer.recv()).await??);
    }
    Ok(records)
}

async fn scenario(words: &[String]) -> Outcome {
    let [bootstrap, scenario, prefix, records] = words else { return Err("four arguments".into()) };
    let client = Client::builder().bootstrap(bootstrap).client_id("a-client").build()?;
    let run = Arc::new(Run {
        client,
        bootstrap: bootstrap.clone(),
        prefix: prefix.clone(),
        records: records.clone(),
    });
    match scenario.as_str() {
        "codecs" => run.codecs().await,
        "idempotent" => run.idempotent().await,
        "group" => run.group(false).await,
        "group-cooperative" => run.group(true).await,
        "group-static" => run.group_static().await,
        "restart" => run.restart().await,
        "admin" => run.admin().await,
        "unknown-topic" => run.unknown_topic().await,
        "too-large" => run.too_large().await,
        other => Err(format!("no scenario {other}").into()),
    }
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = scenario(&words).await;
    let mut answer = BTreeMap::from([("ok", outcome.is_ok().into()), ("version", env!("CARGO_PKG_VERSION").into())]);
    if let Err(error) = &outcome {
        answer.insert("error", serde_json::Value::from(error.to_string()));
    }
    println!("{}", serde_json::json!(answer));
    std::process::ExitCode::from(u8::from(outcome.is_err()))
}
