//! A broker for one script.

use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_broker::{Broker, RunningBroker};

pub struct ScriptBroker {
    running: RunningBroker,
    _directory: tempfile::TempDir,
}

/// The settings that Kafka had when the folder's scripts were recorded.
fn recorded_with(folder: &str) -> &'static str {
    match folder {
        "groups" => "num.partitions=3 group.initial.rebalance.delay.ms=0 group.min.session.timeout.ms=1000",
        _ => "num.partitions=3 group.initial.rebalance.delay.ms=0",
    }
}

/// Starts a broker on a free port. `header` names the settings of the script, `name=value`, between blanks.
pub async fn start(folder: &str, header: Option<&str>) -> ScriptBroker {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("log.dirs={} listeners=127.0.0.1:0", directory.path().display());
    let settings = [recorded_with(folder), header.unwrap_or_default(), &data];
    let settings = settings.iter().flat_map(|part| part.split_whitespace()).map(|setting| {
        let (name, value) = setting.split_once('=').expect("a setting is name=value");
        Setting { name: name.to_owned(), value: value.to_owned(), source: SettingSource::Override }
    });
    let running = Broker::start(BrokerConfig::from_sources(settings).unwrap()).await.unwrap();
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
