//! The load generator behind `naru bench`: a [`Workload`] goes in, a [`Report`] comes out.
//!
//! It is an ordinary program on `naru-client` and measures any broker that speaks Kafka's protocol. One rule is above all
//! others: a figure that the client itself limits says so. Each way to measure is a file: [`produce`], [`consume`],
//! [`latency`]; what they share are the [`pace`] of an open loop, the distribution of [`latencies`], and what the processes
//! used ([`measure`]).

pub mod consume;
pub mod latencies;
pub mod latency;
mod measure;
pub mod own_broker;
pub mod pace;
pub mod produce;
pub mod report;
mod topic;
pub mod workload;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use naru_client::{Client, Error};

pub use report::Report;
pub use workload::Workload;

/// Why a run gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The broker or the client refused.
    #[error(transparent)]
    Client(#[from] Error),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The system refused.
    #[error("{0}")]
    System(String),
}

/// What a run has counted so far, for whoever shows the progress.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
}

impl Progress {
    /// Records that were acknowledged or received since the run began, warm-up included.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    fn add(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
    }
}

/// The phases of a run, as durations since its start.
#[derive(Clone, Copy, Debug)]
struct Phases {
    warm_up: Duration,
    end: Duration,
}

impl Phases {
    fn of(workload: &Workload) -> Self {
        Self { warm_up: workload.warm_up, end: workload.warm_up + workload.duration }
    }

    /// Whether something that happened then counts.
    fn measures(self, at: Duration) -> bool {
        (self.warm_up..self.end).contains(&at)
    }
}

/// A client for one of the run's producers or consumers.
fn client(workload: &Workload, index: usize) -> Result<Client, Error> {
    let mut builder = Client::builder().bootstrap(&workload.brokers).client_id(format!("naru-bench-{index}"));
    for (name, value) in &workload.properties {
        builder = builder.set(name.as_str(), value.as_str());
    }
    builder.build()
}

/// Bytes that hardly compress, the same in every run.
fn noise(length: usize, seed: u64) -> bytes::Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}
