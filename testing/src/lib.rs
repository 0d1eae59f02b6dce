//! A real Naru broker inside a test's process, and a proxy that makes its network fail.
//!
//! [`TestBroker`] is the broker itself, not a double: its own threads, a free port, a temporary directory. It is ready in
//! milliseconds, can be killed and started again on its data, and is gone when it is dropped. Every Kafka client can talk to it.
//!
//! ```
//! use naru_client::Record;
//! use naru_testing::TestBroker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), naru_client::Error> {
//! let broker = TestBroker::start().await;
//! let client = broker.client(); // or any Kafka client, with broker.address() as its bootstrap.servers
//!
//! let producer = client.producer().build()?;
//! producer.send(Record::to("orders").value("a boat")).await?;
//!
//! broker.kill().await;
//! broker.restart().await;
//!
//! let mut consumer = client.consumer().topics(["orders"]).build().await?;
//! assert_eq!(consumer.recv().await?.value.as_deref(), Some(&b"a boat"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! [`FaultProxy`] stands between a client and the broker. It delays, stalls, refuses and cuts, and can lose exactly the answer
//! of a request that the broker has applied.
//!
//! Everything here runs on threads of its own. A test may use any runtime, with one thread or many, with paused time, or none
//! while it blocks: broker and proxy go on.
#![forbid(unsafe_code)]

mod broker;
mod instance;
mod port;
mod proxy;

pub use broker::{TestBroker, TestBrokerBuilder};
pub use naru_protocol::ApiKey;
pub use proxy::{Fault, FaultProxy, Hold};

/// The Rust of the README is compiled, and run where it can be.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
