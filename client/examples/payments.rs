//! The first of two services that talk through topics: takes the payment for each order, `orders` → `payments`.
//!
//! `cargo run -p naru-client --example payments -- [BROKER]`, and beside it `confirmations`.

use naru_client::{Client, ConsumerRecord, Error, Record};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = std::env::args().nth(1).unwrap_or_else(|| "localhost:9092".to_owned());
    let client = Client::connect(&broker).await?;
    let producer = client.producer().build()?;
    let service = client.group("payments").topic("orders").concurrency(16).ordered_by_key();
    // When this process is killed, others take over after so many milliseconds.
    let service = service.set("session.timeout.ms", "6000");
    let pay = move |order: ConsumerRecord| {
        let producer = producer.clone();
        async move {
            let paid = Record::to("payments").key(order.key.unwrap_or_default()).value(order.value.unwrap_or_default());
            // The order counts as done when its payment is durable: a crash before that makes it be paid again, never lost.
            producer.send(paid).await.map(drop)
        }
    };
    service.run(pay, async { drop(tokio::signal::ctrl_c().await) }).await
}
