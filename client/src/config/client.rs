//! The settings that hold for a client as a whole.

use std::time::Duration;

use bytestring::ByteString;

use super::{Properties, Setting};
use crate::error::{Error, ErrorKind};

/// Where the brokers are, and how long to wait for them.
#[derive(Clone, Debug)]
pub(crate) struct ClientConfig {
    /// `bootstrap.servers`: `host:port` each, asked for the rest of the cluster.
    pub(crate) bootstrap: Vec<String>,
    /// `client.id`.
    pub(crate) client_id: Option<ByteString>,
    /// `request.timeout.ms`: how long one answer may take.
    pub(crate) request_timeout: Duration,
    /// `default.api.timeout.ms`: how long a call may take, with all its tries.
    pub(crate) api_timeout: Duration,
    /// `socket.connection.setup.timeout.ms`.
    pub(crate) connect_timeout: Duration,
    /// `reconnect.backoff.ms`.
    pub(crate) reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`.
    pub(crate) reconnect_backoff_max: Duration,
    /// `retry.backoff.ms`.
    pub(crate) retry_backoff: Duration,
    /// `retry.backoff.max.ms`.
    pub(crate) retry_backoff_max: Duration,
    /// `metadata.max.age.ms`.
    pub(crate) metadata_max_age: Duration,
    /// `allow.auto.create.topics`: whether asking for a topic may make it, where the broker allows that too.
    pub(crate) allow_auto_create_topics: bool,
    /// `receive.message.max.bytes` (librdkafka's name): the largest answer that is accepted.
    pub(crate) max_response_bytes: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bootstrap: vec!["localhost:9092".to_owned()],
            client_id: Some("naru-client".into()),
            request_timeout: Duration::from_secs(30),
            api_timeout: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(10),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            metadata_max_age: Duration::from_mins(5),
            allow_auto_create_topics: true,
            max_response_bytes: 256 << 20,
        }
    }
}

impl ClientConfig {
    /// The properties that these settings are.
    pub(crate) const NAMES: &[&str] = &[
        "bootstrap.servers",
        "client.id",
        "request.timeout.ms",
        "default.api.timeout.ms",
        "socket.connection.setup.timeout.ms",
        "reconnect.backoff.ms",
        "reconnect.backoff.max.ms",
        "retry.backoff.ms",
        "retry.backoff.max.ms",
        "metadata.max.age.ms",
        "allow.auto.create.topics",
        "receive.message.max.bytes",
    ];

    /// Takes the values of those properties that are here.
    pub(crate) fn apply(&mut self, properties: &Properties) -> Result<(), Error> {
        for (name, value) in properties {
            let setting = Setting { name, value };
            match name.as_str() {
                "bootstrap.servers" => self.bootstrap = setting.list(),
                "client.id" => self.client_id = Some(value.as_str().into()),
                "request.timeout.ms" => self.request_timeout = setting.milliseconds()?,
                "default.api.timeout.ms" => self.api_timeout = setting.milliseconds()?,
                "socket.connection.setup.timeout.ms" => self.connect_timeout = setting.milliseconds()?,
                "reconnect.backoff.ms" => self.reconnect_backoff = setting.milliseconds()?,
                "reconnect.backoff.max.ms" => self.reconnect_backoff_max = setting.milliseconds()?,
                "retry.backoff.ms" => self.retry_backoff = setting.milliseconds()?,
                "retry.backoff.max.ms" => self.retry_backoff_max = setting.milliseconds()?,
                "metadata.max.age.ms" => self.metadata_max_age = setting.milliseconds()?,
                "allow.auto.create.topics" => self.allow_auto_create_topics = setting.boolean()?,
                "receive.message.max.bytes" => self.max_response_bytes = setting.number()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Completes addresses without a port with Kafka's, and refuses those that cannot be any.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        if self.bootstrap.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no broker is named; give at least one host:port"));
        }
        for address in &mut self.bootstrap {
            *address = with_port(address)?;
        }
        Ok(())
    }
}

fn with_port(address: &str) -> Result<String, Error> {
    let unbracketed = address.rsplit(']').next().unwrap_or(address);
    let complete = match unbracketed.rsplit_once(':') {
        // An IPv6 address without brackets.
        Some((host, _)) if host.contains(':') && !address.contains('[') => format!("[{address}]:9092"),
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port != 0) => address.to_owned(),
        Some(_) => String::new(),
        None => format!("{address}:9092"),
    };
    if complete.is_empty() || complete.starts_with(':') || complete.contains(char::is_whitespace) {
        let message = format!("{address:?} is not the address of a broker; write host:port, as in localhost:9092");
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_a_port() {
        for (given, expected) in [
            ("broker", "broker:9092"),
            ("broker:19092", "broker:19092"),
            ("::1", "[::1]:9092"),
            ("[::1]:1234", "[::1]:1234"),
            ("[::1]", "[::1]:9092"),
        ] {
            assert_eq!(with_port(given).unwrap(), expected);
        }
        for wrong in ["", ":9092", "broker:", "broker:port", "broker:0", "broker:99999", "a b:1"] {
            assert_eq!(with_port(wrong).map_err(|error| error.kind()), Err(ErrorKind::Config), "{wrong}");
        }
    }

    #[test]
    fn properties_become_settings() {
        let mut config = ClientConfig::default();
        let properties = [("bootstrap.servers", "a:1, b"), ("request.timeout.ms", "1500"), ("acks", "all")];
        config.apply(&properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap();
        config.check().unwrap();
        assert_eq!(config.bootstrap, ["a:1", "b:9092"]);
        assert_eq!(config.request_timeout, Duration::from_millis(1500));
    }
}
