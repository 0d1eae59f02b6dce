//! The second of two services that talk through topics: confirms each payment, `payments` → `confirmations`.
//!
//! `cargo run -p naru-client --example confirmations -- [BROKER]`, and beside it `payments`.

use naru_client::{Client, ConsumerRecord, Error, Record};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = std::env::args().nth(1).unwrap_or_else(|| "localhost:9092".to_owned());
    let client = Client::connect(&broker).await?;
    let producer = client.producer().build()?;
    let service = client.group("confirmations").topic("payments").concurrency(16).ordered_by_key();
    // When this process is killed, others take over after so many milliseconds.
    let service = service.set("session.timeout.ms", "6000");
    let confirm = move |payment: ConsumerRecord| {
        let producer = producer.clone();
        async move {
            let customer = payment.key.unwrap_or_default();
            let order = String::from_utf8_lossy(payment.value.as_deref().unwrap_or_default()).into_owned();
            println!("{order} is confirmed");
            producer.send(Record::to("confirmations").key(customer).value(order)).await.map(drop)
        }
    };
    service.run(confirm, async { drop(tokio::signal::ctrl_c().await) }).await
}
