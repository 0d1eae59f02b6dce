//! naru-client as the common scenarios use it.

use interop_driver::{
    Account, Membership, Outcome, PATIENCE, Producer, Reader, Received, Sample, Sending, text, wait_for,
};
use naru_client::admin::{NewTopic, OffsetSpec};
use naru_client::{Assignor, Client, Codec, Consumer, ConsumerBuilder, Header, Record, TopicPartition};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Naru(pub Client);

pub struct NaruProducer(naru_client::Producer);

pub struct NaruReader(Consumer);

/// Creates a topic, and waits until all its partitions answer.
pub async fn create_topic(client: &Client, topic: NewTopic, partitions: i32) -> Outcome {
    let (admin, name) = (client.admin(), topic.name().clone());
    admin.create_topic(topic.partitions(partitions)).await?;
    wait_for("all partitions of the topic answer", async || {
        let asked = (0..partitions).map(|number| (TopicPartition::new(name.clone(), number), OffsetSpec::Latest));
        admin.list_offsets(asked).await.is_ok_and(|each| each.iter().all(|(_, found)| found.is_ok()))
    })
    .await
}

impl Naru {
    fn consumer(&self, group: &str, topic: &str) -> ConsumerBuilder {
        // A member may own a partition before it has looked up where to begin.
        self.0.consumer().group(group).topics([topic.to_owned()]).set("auto.offset.reset", "earliest")
    }
}

impl interop_driver::Client for Naru {
    type Producer = NaruProducer;
    type Reader = NaruReader;

    async fn create_topic(&self, name: &str, partitions: i32) -> Outcome {
        create_topic(&self.0, NewTopic::new(name), partitions).await
    }

    async fn producer(&self, sending: Sending) -> Outcome<NaruProducer> {
        let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
        let codec = codecs.into_iter().find(|codec| codec.name() == sending.codec).ok_or("no such codec")?;
        let producer = self.0.producer().compression(codec).linger(sending.linger);
        Ok(NaruProducer(producer.batch_size(sending.batch_bytes).build()?))
    }

    async fn reader(&self, group: &str, topic: &str) -> Outcome<NaruReader> {
        Ok(NaruReader(self.consumer(group, topic).auto_commit(None).build().await?))
    }

    async fn join(
        &self,
        membership: Membership<'_>,
        account: Account,
        mut stop: oneshot::Receiver<()>,
    ) -> Outcome<JoinHandle<Outcome>> {
        let numbers = |partitions: Vec<TopicPartition>| partitions.into_iter().map(|partition| partition.partition);
        let (on_assigned, on_revoked, on_lost) = (account.clone(), account.clone(), account.clone());
        let mut consumer = self
            .consumer(membership.topic, membership.topic)
            .assignors([if membership.cooperative { Assignor::CooperativeSticky } else { Assignor::Range }])
            .set("heartbeat.interval.ms", "500")
            .set("auto.commit.interval.ms", "500")
            .on_assigned(move |_, partitions| {
                on_assigned.assigned(numbers(partitions));
                async {}
            })
            .on_revoked(move |_, partitions| {
                on_revoked.revoked(numbers(partitions));
                async {}
            })
            .on_lost(move |_, partitions| {
                on_lost.revoked(numbers(partitions));
                async {}
            });
        if let Some(instance) = membership.instance {
            consumer = consumer.instance_id(instance);
        }
        let mut consumer = consumer.build().await?;
        Ok(tokio::spawn(async move {
            loop {
                tokio::select! {
                    record = consumer.recv() => account.read(text(record?.value.as_deref())),
                    _ = &mut stop => return Ok(consumer.close(PATIENCE).await?),
                }
            }
        }))
    }
}

impl Producer for NaruProducer {
    async fn send(&self, topic: &str, records: &[(i32, Sample)]) -> Outcome {
        let mut deliveries = Vec::new();
        for (partition, sample) in records {
            let mut record = Record::to(topic).partition(*partition);
            record.key = sample.key.clone().map(Into::into);
            record.value = sample.value.clone().map(Into::into);
            for (key, value) in &sample.headers {
                record.headers.push(Header { key: key.clone().into(), value: value.clone().map(Into::into) });
            }
            deliveries.push(self.0.enqueue(record).await?);
        }
        for delivery in deliveries {
            delivery.await?;
        }
        Ok(())
    }
}

impl Reader for NaruReader {
    async fn next(&mut self) -> Outcome<Received> {
        let record = self.0.recv().await?;
        let headers =
            record.headers.iter().map(|header| (text(Some(&header.key)), header.value.as_deref().map(Into::into)));
        let sample = Sample {
            key: record.key.as_deref().map(Into::into),
            value: record.value.as_deref().map(Into::into),
            headers: headers.collect(),
        };
        Ok(Received { partition: record.partition, sample })
    }

    async fn commit(&mut self) -> Outcome {
        Ok(self.0.handle().commit().await?)
    }

    async fn close(self) -> Outcome {
        Ok(self.0.close(PATIENCE).await?)
    }
}
