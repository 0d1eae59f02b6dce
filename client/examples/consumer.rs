//! Prints orders as a member of the group `readers`; start it twice to see the partitions shared. Ctrl-C ends it.
//!
//! `cargo run -p naru-client --example consumer -- [BROKER]`

use std::time::Duration;

use naru_client::{Client, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = std::env::args().nth(1).unwrap_or_else(|| "localhost:9092".to_owned());
    let client = Client::connect(&broker).await?;
    let mut consumer = client.consumer().group("readers").topics(["orders"]).build().await?;
    loop {
        tokio::select! {
            record = consumer.recv() => {
                let record = record?;
                let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
                println!("{}-{} at {}: {value}", record.topic, record.partition, record.offset);
            }
            _ = tokio::signal::ctrl_c() => return consumer.close(Duration::from_secs(5)).await,
        }
    }
}
