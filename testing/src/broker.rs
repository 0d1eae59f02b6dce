//! The broker, as a test holds it.

use std::path::Path;

use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_client::Client;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::instance::{Ending, Instance};
use crate::port::Port;
use crate::proxy::FaultProxy;

/// What the test broker decides itself.
const OWN_SETTINGS: &[&str] = &["listeners", "advertised.listeners", "log.dirs", "log.dir"];

/// What is different from a broker in production unless a test says otherwise: groups of tests do not wait for members that
/// never come.
const DEFAULTS: &[(&str, &str)] = &[("group.initial.rebalance.delay.ms", "0")];

/// A real broker, in this process, with a temporary directory and a port of its own.
///
/// ```
/// use naru_testing::TestBroker;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let broker = TestBroker::builder().set("num.partitions", "3").start().await;
///
/// // … the code under test talks to `broker.address()` …
///
/// broker.kill().await; // as SIGKILL would: nobody is answered, nothing is closed in order
/// broker.restart().await; // same port, same data
/// # }
/// ```
///
/// All settings are those of a broker in production, durability too; only `group.initial.rebalance.delay.ms` is 0 unless it
/// is set. A test that writes a lot and never looks at power cuts is faster with `.set("durability", "os")`.
///
/// **Dropping** it kills the broker and removes the directory. That needs nothing of the caller's runtime and takes
/// milliseconds; a disk that hangs is waited for one second at most.
///
/// **Killing.** Page cache survives the death of a process, so everything that was acknowledged is there after a
/// [`restart`](Self::restart), with any durability. What was not answered may be there or not.
#[derive(Debug)]
pub struct TestBroker {
    // Fields drop in this order: the broker ends before its directory goes.
    running: Mutex<Option<Instance>>,
    proxy: Option<FaultProxy>,
    port: Port,
    address: String,
    settings: Vec<(String, String)>,
    data: TempDir,
}

/// Settings of a [`TestBroker`] before its start.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs before start"]
pub struct TestBrokerBuilder {
    settings: Vec<(String, String)>,
    through_proxy: bool,
}

impl TestBrokerBuilder {
    /// A broker setting by Kafka's name. Of two values for one setting the later one counts.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Puts a [`FaultProxy`] before the broker, and makes the broker tell its clients the proxy's address.
    pub fn through_proxy(mut self) -> Self {
        self.through_proxy = true;
        self
    }

    /// Starts the broker; when this returns, it listens.
    ///
    /// # Panics
    /// When it cannot start: a setting does not exist or makes no sense, or is one that the test broker decides itself
    /// (listeners and directory); or the machine has no port, thread or disk space left.
    pub async fn start(self) -> TestBroker {
        if let Some((name, _)) = self.settings.iter().find(|(name, _)| OWN_SETTINGS.contains(&name.as_str())) {
            panic!("{name} cannot be set: a test broker has a port and a directory of its own");
        }
        let port = Port::reserve().expect("a free port on 127.0.0.1");
        let direct = port.address().to_string();
        let proxy = if self.through_proxy { Some(FaultProxy::start(&direct).await) } else { None };
        let broker = TestBroker {
            running: Mutex::new(None),
            address: proxy.as_ref().map_or(direct, |proxy| proxy.address().to_owned()),
            proxy,
            port,
            settings: self.settings,
            data: tempfile::Builder::new().prefix("naru-test-").tempdir().expect("a temporary directory"),
        };
        broker.restart().await;
        broker
    }
}

impl TestBroker {
    /// Starts a broker with the usual settings.
    ///
    /// # Panics
    /// See [`TestBrokerBuilder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings first, then [`TestBrokerBuilder::start`].
    pub fn builder() -> TestBrokerBuilder {
        TestBrokerBuilder::default()
    }

    /// `host:port` for clients, the same over every restart: the broker's own, or the proxy's if it has one.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `host:port` of the broker itself, past its proxy if it has one. A client learns the proxy's address from the broker, so
    /// this is for raw connections, and to look at the broker while the proxy lets nothing through.
    pub fn direct_address(&self) -> String {
        self.port.address().to_string()
    }

    /// A new client of this broker with the usual settings.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let broker = naru_testing::TestBroker::start().await;
    /// let client = broker.client();
    /// # }
    /// ```
    pub fn client(&self) -> Client {
        Client::builder().bootstrap(&self.address).build().expect("the usual settings")
    }

    /// The data directory, removed when the broker is dropped. Look at it while the broker is stopped; while it runs, it is the
    /// broker's.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The proxy in front of the broker.
    ///
    /// # Panics
    /// Without [`TestBrokerBuilder::through_proxy`] there is none.
    pub fn proxy(&self) -> &FaultProxy {
        self.proxy.as_ref().expect("this broker has no proxy: start it with TestBroker::builder().through_proxy()")
    }

    /// Kills the broker, as SIGKILL would: connections close, nobody is answered, nothing more is flushed or written, and the
    /// data directory stays as it is. Returns when no thread of the broker is left. One that does not run stays so.
    ///
    /// Cancellation safe: the broker dies all the same.
    pub async fn kill(&self) {
        self.end(Ending::Kill).await;
    }

    /// Stops the broker in order: what is in flight is answered, members of groups are told, logs are closed. One that does
    /// not run stays so.
    ///
    /// Cancellation safe: the broker stops all the same.
    ///
    /// # Panics
    /// When the data directory was not left in order.
    pub async fn stop(&self) {
        self.end(Ending::Orderly).await;
    }

    async fn end(&self, how: Ending) {
        if let Some(instance) = self.running.lock().await.take() {
            instance.end(how).await.expect("an end that leaves the data directory in order");
        }
    }

    /// Starts the broker on its data and its port; stops it first, in order, if it runs.
    ///
    /// If the caller stops waiting, the broker does not run.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&self) {
        let mut running = self.running.lock().await;
        if let Some(instance) = running.take() {
            instance.end(Ending::Orderly).await.expect("an end that leaves the data directory in order");
        }
        match Instance::start(self.config()).await {
            Ok(instance) => *running = Some(instance),
            Err(error) => panic!("the broker does not start: {error}"),
        }
    }

    fn config(&self) -> BrokerConfig {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let place = [
            ("listeners".to_owned(), self.port.address().to_string()),
            ("advertised.listeners".to_owned(), self.address.clone()),
            ("log.dirs".to_owned(), self.data.path().to_string_lossy().into_owned()),
        ];
        let settings = DEFAULTS.iter().map(own).chain(self.settings.iter().cloned()).chain(place);
        let settings = settings.map(|(name, value)| Setting { name, value, source: SettingSource::Override });
        BrokerConfig::from_sources(settings).unwrap_or_else(|error| panic!("the broker's settings: {error}"))
    }
}
