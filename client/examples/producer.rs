//! Sends orders, and says where each has come to lie.
//!
//! `cargo run -p naru-client --example producer -- [BROKER]`

use naru_client::{Client, Error, Record};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = std::env::args().nth(1).unwrap_or_else(|| "localhost:9092".to_owned());
    let producer = Client::connect(&broker).await?.producer().build()?;
    for number in 1..=10 {
        let order = Record::to("orders").key(format!("customer-{}", number % 3)).value(format!("order {number}"));
        let stored = producer.send(order).await?;
        println!("order {number} is in {}-{} at {}", stored.topic, stored.partition, stored.offset);
    }
    Ok(())
}
