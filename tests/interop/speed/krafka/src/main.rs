//! krafka: `enqueue` and `flush`, `poll`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use krafka::consumer::AutoOffsetReset;
use krafka::{Kafka, Record};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, broker, topic, partitions, count, size] = &words[..] else { return Err("see README.md".into()) };
    let (partitions, count, size): (i32, usize, usize) = (partitions.parse()?, count.parse()?, size.parse()?);
    let kafka = Kafka::builder(broker.as_str()).connect().await?;
    let mut begun = Instant::now();
    match what.as_str() {
        "produce" => {
            let producer = kafka.producer().idempotent(true).build().await?;
            let values: Vec<Bytes> = (0..64).map(|_| (0..size).map(|_| fastrand::u8(..)).collect()).collect();
            producer.send(Record::new(topic.as_str(), "first")).await?;
            begun = Instant::now();
            let mut window = std::collections::VecDeque::with_capacity(WINDOW);
            for value in values.iter().cycle().take(count) {
                if window.len() == WINDOW {
                    for delivery in window.drain(..WINDOW / 2) {
                        let _written = delivery.await?;
                    }
                }
                window.push_back(producer.enqueue(Record::new(topic.as_str(), value.clone())).await?);
            }
            producer.flush().await?;
            for delivery in window {
                let _written = delivery.await?;
            }
        }
        "consume" => {
            let consumer = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest).build().await?;
            consumer.assign(topic, (0..partitions).map(Into::into).collect()).await?;
            let mut received = 0;
            while received <= count {
                for record in consumer.poll(Duration::from_secs(10)).await? {
                    check(record.value.as_deref(), size);
                    received += 1;
                    if received == 1 {
                        begun = Instant::now();
                    }
                }
            }
        }
        _ => return Err("produce or consume".into()),
    }
    println!("{{\"records\": {count}, \"seconds\": {}}}", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Deliveries that are kept.
const WINDOW: usize = 200_000;

/// Looks at a value: it is the first, or has the size of the run.
fn check(value: Option<&[u8]>, size: usize) {
    let length = value.map_or(0, <[u8]>::len);
    assert!(length == size || value == Some(b"first"), "a value of {length} bytes");
}
