//! naru-client: `enqueue` and `flush`, `recv_batch`.

use std::time::Instant;

use bytes::Bytes;
use naru_client::{Client, Record, TopicPartition};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, broker, topic, partitions, count, size] = &words[..] else { return Err("see README.md".into()) };
    let (partitions, count, size): (i32, usize, usize) = (partitions.parse()?, count.parse()?, size.parse()?);
    let client = Client::connect(broker).await?;
    let begun;
    match what.as_str() {
        "produce" => {
            let producer = client.producer().build()?;
            let values: Vec<Bytes> = (0..64).map(|_| (0..size).map(|_| fastrand::u8(..)).collect()).collect();
            producer.send(Record::to(topic.as_str()).value("first")).await?;
            begun = Instant::now();
            // Deliveries are looked at in the order of the records, a window behind.
            let mut window = std::collections::VecDeque::with_capacity(WINDOW);
            for value in values.iter().cycle().take(count) {
                if window.len() == WINDOW {
                    for delivery in window.drain(..WINDOW / 2) {
                        delivery.await?;
                    }
                }
                window.push_back(producer.enqueue(Record::to(topic.as_str()).value(value.clone())).await?);
            }
            producer.flush().await;
            for delivery in window {
                delivery.await?;
            }
        }
        "consume" => {
            let all = (0..partitions).map(|partition| TopicPartition::new(topic.as_str(), partition));
            let mut consumer = client.consumer().assign(all).build().await?;
            consumer.recv().await?;
            begun = Instant::now();
            let mut received = 0;
            while received < count {
                for record in consumer.recv_batch(1000).await? {
                    check(record.value.as_deref(), size);
                    received += 1;
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
