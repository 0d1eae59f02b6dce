//! The client against a broker that works: what a user of the library sees.
//!
//! `NARU_TEST_BROKERS=host:port` runs the same tests against brokers that are running already, Apache Kafka for one
//! (`tests/interop/client-on-kafka`). Without it each test has a broker of its own. What needs a broker that can be killed, or a
//! bad network, is in `faults`.

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod cancellation;
mod churn;
mod commits;
mod groups;
mod handlers;
mod partitions;
mod positions;
mod produce;
mod reading;
mod rebalances;
mod sessions;
