//! What one record costs when it comes from one of many partitions: `many_partitions BROKER PID PARTITIONS RECORDS`.
//!
//! A consumer reads all partitions of a new topic. One of them gets a record, and the next one when that was received.
//! Prints one JSON line: processor time in µs for each record, of this process and of the broker with that process id.

use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{Client, Consumer, Producer, Record, TopicPartition};

/// Records before those that count.
const WARM_UP: u32 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [broker, pid, partitions, count] = &words[..] else { return Err("BROKER PID PARTITIONS RECORDS".into()) };
    let (partitions, count): (i32, u32) = (partitions.parse()?, count.parse()?);
    let client = Client::connect(broker).await?;
    let topic = format!("many-{}", std::process::id());
    client.admin().create_topic(NewTopic::new(&*topic).partitions(partitions).replication_factor(1)).await?;
    let all: Vec<_> = (0..partitions).map(|partition| TopicPartition::new(&*topic, partition)).collect();
    let mut consumer = client.consumer().assign(all.clone()).build().await?;
    while all.iter().any(|partition| consumer.position(partition).is_none()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let producer = client.producer().set("acks", "1").build()?;
    exchange(&producer, &mut consumer, &topic, WARM_UP).await?;
    let before = [processor_time("self")?, processor_time(pid)?];
    exchange(&producer, &mut consumer, &topic, count).await?;
    let after = [processor_time("self")?, processor_time(pid)?];
    let [own, of_broker] = [0, 1].map(|who| (after[who] - before[who]).as_secs_f64() * 1e6 / f64::from(count));
    consumer.close(Duration::from_secs(10)).await?;
    client.admin().delete_topic(&*topic).await?;
    println!("{{\"client\": {own:.1}, \"broker\": {of_broker:.1}}}");
    Ok(())
}

async fn exchange(
    producer: &Producer,
    consumer: &mut Consumer,
    topic: &str,
    count: u32,
) -> Result<(), naru_client::Error> {
    for _ in 0..count {
        producer.send(Record::to(topic).partition(0).value("news")).await?;
        consumer.recv().await?;
    }
    Ok(())
}

/// Of all threads of a process.
fn processor_time(pid: &str) -> std::io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let told = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += told.split(' ').next().and_then(|told| told.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}
