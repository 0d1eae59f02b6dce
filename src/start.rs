//! From a configuration to a broker that serves, and back.

use std::path::Path;
use std::sync::Arc;

use crate::api::Listener;
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::server::{BindError, Limits, Server};

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// What went wrong while a broker stopped. Everything acknowledged is safe all the same; the next start recovers.
#[derive(Debug, thiserror::Error)]
pub enum StopError {}

/// A broker that serves. Dropping it without [`RunningBroker::shutdown`] is like a crash.
pub struct RunningBroker {
    broker: Arc<Broker>,
    server: Server,
}

impl Broker {
    /// Starts a broker inside this process, on the current runtime.
    pub async fn start(config: BrokerConfig) -> Result<RunningBroker, StartError> {
        let limits = Limits::from(&config.connections);
        let listeners = config.listeners.clone();
        let broker = Arc::new(Broker::new(config, "4L6g3nShT-eMCtK--X86sw".to_owned()));
        let server = Server::start(&listeners, limits, Arc::clone(&broker)).await?;
        Ok(RunningBroker { broker, server })
    }
}

impl RunningBroker {
    /// What the APIs reach.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The open listeners, in the order of the configuration.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        self.server.listeners()
    }

    /// The directory of everything that lasts.
    pub fn data_dir(&self) -> &Path {
        &self.broker.config().data_dir
    }

    /// Answers what is in flight, closes every connection, and leaves a clean data directory.
    pub async fn shutdown(self) -> Result<(), StopError> {
        self.server.shutdown().await;
        Ok(())
    }
}
