//! A broker inside the test's process, on a free port and a directory of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_broker::{Broker, RunningBroker};
use tempfile::TempDir;

use crate::client::Client;

/// Longer than anything here takes; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Milliseconds since 1970 that records of tests carry, unless their age matters.
pub const LONG_AGO: i64 = 1_700_000_000_000;

pub struct TestBroker {
    running: RunningBroker,
    data: Arc<TempDir>,
    settings: String,
}

impl TestBroker {
    /// Starts a broker. The settings are `name=value`, between blanks.
    pub async fn start(settings: &str) -> Self {
        Self::start_in(Arc::new(TempDir::new().expect("a directory")), settings).await
    }

    /// Starts a broker whose files are in memory, where making thousands of them takes no time.
    pub async fn start_in_memory(settings: &str) -> Self {
        let data = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        Self::start_in(Arc::new(data.expect("a directory")), settings).await
    }

    async fn start_in(data: Arc<TempDir>, settings: &str) -> Self {
        let usual =
            format!("listeners=127.0.0.1:0 group.initial.rebalance.delay.ms=0 log.dirs={}", data.path().display());
        let all = usual.split_whitespace().chain(settings.split_whitespace()).map(|setting| {
            let (name, value) = setting.split_once('=').expect("a setting is name=value");
            Setting { name: name.to_owned(), value: value.to_owned(), source: SettingSource::Override }
        });
        let config = BrokerConfig::from_sources(all).expect("good settings");
        let running = Broker::start(config).await.expect("the broker starts");
        Self { running, data, settings: settings.to_owned() }
    }

    /// Stops in order and starts again on the same data.
    pub async fn restart(self) -> Self {
        let Self { running, data, settings } = self;
        running.shutdown().await.expect("a clean stop");
        Self::start_in(data, &settings).await
    }

    pub fn running(&self) -> &RunningBroker {
        &self.running
    }

    pub fn address(&self) -> String {
        self.running.listeners()[0].bound[0].to_string()
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.address()).await
    }

    /// The names of a partition's files that end in `suffix`, sorted.
    pub fn files(&self, topic: &str, partition: i32, suffix: &str) -> Vec<String> {
        let directory = self.data.path().join(format!("{topic}-{partition}"));
        let entries = std::fs::read_dir(directory).expect("a partition directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort();
        names
    }
}

/// Waits until a condition holds that is looked at with `look`.
pub async fn wait_until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !look().await {
        assert!(begun.elapsed() < PATIENCE, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The wall clock, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64
}
