//! A broker for one script.

use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_broker::{Broker, RunningBroker};

use crate::script::Script;

pub struct ScriptBroker {
    running: RunningBroker,
    _directory: tempfile::TempDir,
}

/// Starts a broker with the script's settings on a free port.
pub async fn start(script: &Script) -> ScriptBroker {
    let directory = tempfile::tempdir().unwrap();
    let data = [format!("log.dirs={}", directory.path().display()), "listeners=127.0.0.1:0".to_owned()];
    let settings = script.settings.iter().chain(&data).map(|setting| {
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
