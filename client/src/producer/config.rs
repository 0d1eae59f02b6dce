//! The settings of a producer.

use std::time::Duration;

use naru_protocol::records::Codec;

use crate::config::{Properties, Setting};
use crate::error::{Error, ErrorKind};

/// Who must have a record before it counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Nobody: records are sent and forgotten. The broker says nothing, offsets are not known.
    None,
    /// The leader has it. It may be lost with the leader.
    Leader,
    /// It is as safe as the cluster makes it: on all replicas in sync, and, with Naru, on stable storage.
    All,
}

#[derive(Clone, Debug)]
pub(crate) struct ProducerConfig {
    pub(super) acks: Acks,
    pub(super) idempotence: bool,
    /// `linger.ms`; none is the library's own rule: at once when the broker is idle, else up to 5 ms.
    pub(super) linger: Option<Duration>,
    pub(super) batch_size: usize,
    pub(super) codec: Codec,
    pub(super) buffer_memory: usize,
    pub(super) max_block: Duration,
    pub(super) delivery_timeout: Duration,
    /// How often a batch is sent again, within that time.
    pub(super) retries: u32,
    pub(super) max_in_flight: usize,
    pub(super) max_request_size: usize,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotence: true,
            linger: None,
            batch_size: 128 << 10,
            codec: Codec::None,
            buffer_memory: 32 << 20,
            max_block: Duration::from_mins(1),
            delivery_timeout: Duration::from_mins(2),
            retries: u32::MAX,
            max_in_flight: 5,
            max_request_size: 1 << 20,
        }
    }
}

impl ProducerConfig {
    /// The properties that these settings are: Kafka's names, then librdkafka's for the same where they differ.
    pub(crate) const NAMES: &[&str] = &[
        "acks",
        "enable.idempotence",
        "linger.ms",
        "batch.size",
        "compression.type",
        "buffer.memory",
        "max.block.ms",
        "delivery.timeout.ms",
        "retries",
        "max.in.flight.requests.per.connection",
        "max.request.size",
        "request.required.acks",
        "queue.buffering.max.ms",
        "compression.codec",
        "queue.buffering.max.kbytes",
        "message.timeout.ms",
        "message.send.max.retries",
        "max.in.flight",
        "message.max.bytes",
    ];

    /// Takes the values of those properties that are here.
    pub(super) fn apply(&mut self, properties: &Properties) -> Result<(), Error> {
        for (name, value) in properties {
            let setting = Setting { name, value };
            match name.as_str() {
                "acks" | "request.required.acks" => {
                    let words = [("all", Acks::All), ("-1", Acks::All), ("1", Acks::Leader), ("0", Acks::None)];
                    self.acks = setting.one_of(&words)?;
                }
                "enable.idempotence" => self.idempotence = setting.boolean()?,
                "linger.ms" | "queue.buffering.max.ms" => self.linger = Some(setting.milliseconds()?),
                "batch.size" => self.batch_size = setting.number()?,
                "compression.type" | "compression.codec" => {
                    let codec = Codec::from_name(value.trim());
                    self.codec = codec.ok_or_else(|| setting.invalid("one of none, gzip, snappy, lz4, zstd"))?;
                }
                "buffer.memory" => self.buffer_memory = setting.number()?,
                "queue.buffering.max.kbytes" => self.buffer_memory = setting.number::<usize>()?.saturating_mul(1 << 10),
                "max.block.ms" => self.max_block = setting.milliseconds()?,
                "delivery.timeout.ms" | "message.timeout.ms" => self.delivery_timeout = setting.milliseconds()?,
                "retries" | "message.send.max.retries" => self.retries = setting.number()?,
                "max.in.flight.requests.per.connection" | "max.in.flight" => self.max_in_flight = setting.number()?,
                "max.request.size" | "message.max.bytes" => self.max_request_size = setting.number()?,
                _ => {}
            }
        }
        // As in Kafka's own client: settings that rule idempotence out turn it off, unless it was asked for.
        let possible = self.acks == Acks::All && self.max_in_flight <= 5 && self.retries > 0;
        if !possible && self.idempotence {
            if properties.contains_key("enable.idempotence") {
                let message = "enable.idempotence needs acks=all, retries above 0 and max.in.flight.requests.per.connection of at most 5";
                return Err(Error::new(ErrorKind::Config, message));
            }
            self.idempotence = false;
        }
        if self.max_in_flight == 0 || self.buffer_memory == 0 || self.max_request_size == 0 {
            let message = "max.in.flight.requests.per.connection, buffer.memory and max.request.size must be above 0";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> Result<ProducerConfig, Error> {
        let mut config = ProducerConfig::default();
        let owned = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        config.apply(&owned.collect())?;
        Ok(config)
    }

    #[test]
    fn librdkafkas_names_mean_the_same() {
        let pairs = [
            [("acks", "1"), ("request.required.acks", "1")],
            [("linger.ms", "7"), ("queue.buffering.max.ms", "7")],
            [("compression.type", "zstd"), ("compression.codec", "zstd")],
            [("buffer.memory", "2048"), ("queue.buffering.max.kbytes", "2")],
            [("delivery.timeout.ms", "900"), ("message.timeout.ms", "900")],
            [("retries", "3"), ("message.send.max.retries", "3")],
            [("max.in.flight.requests.per.connection", "2"), ("max.in.flight", "2")],
            [("max.request.size", "5000"), ("message.max.bytes", "5000")],
        ];
        for [kafka, librdkafka] in pairs {
            let one = format!("{:?}", with(&[kafka]).unwrap());
            assert_eq!(one, format!("{:?}", with(&[librdkafka]).unwrap()));
            assert_ne!(one, format!("{:?}", with(&[]).unwrap()), "{kafka:?} changes something");
            assert!(ProducerConfig::NAMES.contains(&kafka.0) && ProducerConfig::NAMES.contains(&librdkafka.0));
        }
    }

    #[test]
    fn what_rules_idempotence_out_turns_it_off_unless_it_was_asked_for() {
        assert!(with(&[]).unwrap().idempotence);
        for setting in [("acks", "0"), ("acks", "1"), ("retries", "0"), ("max.in.flight", "6")] {
            assert!(!with(&[setting]).unwrap().idempotence, "{setting:?}");
            let error = with(&[setting, ("enable.idempotence", "true")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            with(&[setting, ("enable.idempotence", "false")]).unwrap();
        }
    }
}
