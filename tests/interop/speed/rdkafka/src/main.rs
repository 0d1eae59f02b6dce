//! librdkafka by the crate rdkafka: `BaseProducer` with a delivery callback, `BaseConsumer::poll`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

static ACKNOWLEDGED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            panic!("{error}");
        }
        ACKNOWLEDGED.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, broker, topic, partitions, count, size] = &words[..] else { return Err("see README.md".into()) };
    let (partitions, count, size): (i32, usize, usize) = (partitions.parse()?, count.parse()?, size.parse()?);
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker);
    let mut begun = Instant::now();
    match what.as_str() {
        "produce" => {
            config.set("enable.idempotence", "true").set("queue.buffering.max.messages", "1000000");
            let producer: BaseProducer<Counting> = config.create_with_context(Counting)?;
            let values: Vec<Vec<u8>> = (0..64).map(|_| (0..size).map(|_| fastrand::u8(..)).collect()).collect();
            producer.send(BaseRecord::<(), [u8]>::to(topic).payload(b"first")).map_err(|(error, _)| error)?;
            producer.flush(Duration::from_secs(60))?;
            begun = Instant::now();
            for value in values.iter().cycle().take(count) {
                let mut record = BaseRecord::<(), [u8]>::to(topic).payload(value);
                while let Err((error, back)) = producer.send(record) {
                    if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                        return Err(error.into());
                    }
                    producer.poll(Duration::from_millis(10));
                    record = back;
                }
            }
            producer.flush(Duration::from_secs(60))?;
            assert_eq!(ACKNOWLEDGED.load(Ordering::Relaxed), count + 1);
        }
        "consume" => {
            config.set("group.id", "speed").set("enable.auto.commit", "false");
            let consumer: BaseConsumer = config.create()?;
            let mut all = TopicPartitionList::new();
            for partition in 0..partitions {
                all.add_partition_offset(topic, partition, Offset::Beginning)?;
            }
            consumer.assign(&all)?;
            let mut received = 0;
            while received <= count {
                let Some(message) = consumer.poll(Duration::from_secs(10)) else { return Err("nothing came".into()) };
                let message = message?;
                let length = message.payload().map_or(0, <[u8]>::len);
                assert!(length == size || message.payload() == Some(b"first"), "a value of {length} bytes");
                received += 1;
                if received == 1 {
                    begun = Instant::now();
                }
            }
        }
        _ => return Err("produce or consume".into()),
    }
    println!("{{\"records\": {count}, \"seconds\": {}}}", begun.elapsed().as_secs_f64());
    Ok(())
}
