//! A broker for one script.

use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_broker::metadata::{CONSUMER_OFFSETS, TRANSACTION_STATE, TopicSpec};
use naru_broker::{Broker, RunningBroker};

pub struct ScriptBroker {
    running: RunningBroker,
    _directory: tempfile::TempDir,
}

/// The settings that Kafka had when the script was recorded.
fn recorded_with(folder: &str, name: &str) -> &'static str {
    match (folder, name) {
        ("groups", _) => "num.partitions=3 group.initial.rebalance.delay.ms=0 group.min.session.timeout.ms=1000",
        ("metadata", "static_synonyms") => {
            "log.retention.hours=24 log.retention.minutes=100 log.roll.ms=100000 compression.type=gzip"
        }
        ("metadata", _) => "num.partitions=1",
        // With acks=0 and 1, Kafka shows records before they are flushed.
        _ => "num.partitions=3 group.initial.rebalance.delay.ms=0 durability=os",
    }
}

/// Starts a broker on a free port. `header` names the settings of the script, `name=value`, between blanks.
pub async fn start(folder: &str, name: &str, header: Option<&str>) -> ScriptBroker {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("log.dirs={} listeners=127.0.0.1:0", directory.path().display());
    let settings = [recorded_with(folder, name), header.unwrap_or_default(), &data];
    let settings = settings.iter().flat_map(|part| part.split_whitespace()).map(|setting| {
        let (name, value) = setting.split_once('=').expect("a setting is name=value");
        Setting { name: name.to_owned(), value: value.to_owned(), source: SettingSource::Override }
    });
    let running = Broker::start(BrokerConfig::from_sources(settings).unwrap()).await.unwrap();
    if folder == "groups" {
        // The scripts of this folder were recorded one after the other; the first one made the topic of all.
        let topic = TopicSpec { partitions: 3, ..TopicSpec::with_defaults("groups-t") };
        running.broker().metadata().create_topics(vec![topic], false).await.unwrap();
    }
    if name == "internal_topics" {
        // Kafka makes them when somebody looks for a coordinator, Naru when something is written.
        for topic in [CONSUMER_OFFSETS, TRANSACTION_STATE] {
            running.broker().metadata().ensure_topic(topic).await.unwrap();
        }
    }
    ScriptBroker { running, _directory: directory }
}

impl ScriptBroker {
    pub fn address(&self) -> String {
        self.running.listeners()[0].bound[0].to_string()
    }

    pub async fn stop(self) {
        self.running.shutdown().await.unwrap();
    }
}
