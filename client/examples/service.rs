//! Handles orders, up to eight at once, those of one customer in order. Ctrl-C ends it when what it has begun is done.
//!
//! `cargo run -p naru-client --example service -- [BROKER]`

use std::convert::Infallible;
use std::time::Duration;

use naru_client::{Client, ConsumerRecord, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = std::env::args().nth(1).unwrap_or_else(|| "localhost:9092".to_owned());
    let service = Client::connect(&broker).await?.group("packing").topic("orders").concurrency(8).ordered_by_key();
    service.run(pack, async { drop(tokio::signal::ctrl_c().await) }).await
}

async fn pack(order: ConsumerRecord) -> Result<(), Infallible> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!("packed {}", String::from_utf8_lossy(order.value.as_deref().unwrap_or_default()));
    Ok(())
}
