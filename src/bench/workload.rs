//! What is asked of a broker.

use std::time::Duration;

use naru_client::{Acks, Codec};

/// The load of a run. Every part of it stands in the report, so that a figure can be made again.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Brokers to begin with, `host:port` between commas.
    pub brokers: String,
    /// The topic; without one, a topic is made for the run and deleted after it.
    pub topic: Option<String>,
    /// Partitions of a topic that is made.
    pub partitions: i32,
    /// Bytes of a record's value.
    pub record_size: usize,
    /// How many replicas must have a record before it is acknowledged.
    pub acks: Acks,
    /// How batches are compressed.
    pub codec: Codec,
    /// Producers or consumers, each with connections of its own.
    pub clients: usize,
    /// Records a second of all clients together; as many as go through without one.
    pub rate: Option<f64>,
    /// What comes before the measurement.
    pub warm_up: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// Other properties of the clients, by Kafka's names.
    pub properties: Vec<(String, String)>,
    /// The broker's process on this machine, to tell what it used.
    pub broker_pid: Option<u32>,
}

/// Kafka's way to write it.
pub(super) fn acks_property(acks: Acks) -> &'static str {
    match acks {
        Acks::None => "0",
        Acks::Leader => "1",
        Acks::All => "all",
    }
}

impl Default for Workload {
    /// A load as services make it: small records, durable, uncompressed.
    fn default() -> Self {
        Self {
            brokers: "localhost:9092".to_owned(),
            topic: None,
            partitions: 6,
            record_size: 100,
            acks: Acks::All,
            codec: Codec::None,
            clients: 1,
            rate: None,
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            properties: Vec::new(),
            broker_pid: None,
        }
    }
}
