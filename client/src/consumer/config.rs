//! The settings of a consumer.

use std::time::Duration;

use bytestring::ByteString;

use crate::config::{Properties, Setting};
use crate::error::{Error, ErrorKind};
use crate::group::{Assignor, GroupConfig};

/// Where to begin in a partition for which no offset was committed, and where to go on when the log no longer has the offset
/// (`auto.offset.reset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffsetReset {
    /// With the first record there is: nothing is left out. The default here; that of Kafka's own clients is `latest`.
    #[default]
    Earliest,
    /// With what is written from now on.
    Latest,
    /// Nowhere: [`Consumer::recv`](super::Consumer::recv) fails with [`ErrorKind::NoOffset`], and a seek says where.
    Fail,
    /// With the first record that is not older than this (KIP-1106).
    Within(Duration),
}

impl OffsetReset {
    fn parse(setting: Setting<'_>) -> Result<Self, Error> {
        let value = setting.value.trim().to_ascii_lowercase();
        match value.as_str() {
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            "none" => return Ok(Self::Fail),
            _ => {}
        }
        let within = value.strip_prefix("by_duration:").and_then(iso_8601_duration);
        within.map(Self::Within).ok_or_else(|| {
            setting
                .invalid("earliest, latest, none, or by_duration: with a duration of ISO 8601, as by_duration:PT1H30M")
        })
    }
}

/// `P1DT2H3M4.5S`, lower case: days and what is smaller.
fn iso_8601_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('p')?;
    let (days, time) = text.split_once('t').map_or((text, None), |(days, time)| (days, Some(time)));
    let mut seconds = 0.0;
    let mut parts = 0;
    for (mut rest, units) in
        [(days, &[('d', 86_400.0)][..]), (time.unwrap_or_default(), &[('h', 3600.0), ('m', 60.0), ('s', 1.0)][..])]
    {
        for (unit, length) in units {
            if let Some((number, behind)) = rest.split_once(*unit) {
                seconds +=
                    number.parse::<f64>().ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit()))? * length;
                rest = behind;
                parts += 1;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    if parts == 0 || time == Some("") {
        return None;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Whether records of open and aborted transactions are seen (`isolation.level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    /// All records up to the high watermark.
    #[default]
    ReadUncommitted = 0,
    /// Records of committed transactions and those outside of transactions, up to the last stable offset.
    ReadCommitted = 1,
}

/// How records are fetched and offsets kept.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerConfig {
    /// `group.id`.
    pub(crate) group_id: Option<ByteString>,
    /// `enable.auto.commit`.
    pub(crate) auto_commit: bool,
    /// `auto.commit.interval.ms`.
    pub(crate) auto_commit_interval: Duration,
    /// `auto.offset.reset`.
    pub(crate) offset_reset: OffsetReset,
    /// `isolation.level`.
    pub(crate) isolation: IsolationLevel,
    /// `fetch.max.wait.ms`.
    pub(crate) fetch_max_wait: Duration,
    /// `fetch.min.bytes`.
    pub(crate) fetch_min_bytes: i32,
    /// `fetch.max.bytes`: of one answer.
    pub(crate) fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes`: of one partition in one answer.
    pub(crate) max_partition_fetch_bytes: i32,
    /// `queued.max.messages.kbytes` (librdkafka's name), in bytes: what may wait for the application.
    pub(crate) prefetch_bytes: usize,
    /// `check.crcs`.
    pub(crate) check_crcs: bool,
    /// `max.poll.interval.ms`.
    pub(crate) max_poll_interval: Duration,
    /// `session.timeout.ms`.
    pub(crate) session_timeout: Duration,
    /// `heartbeat.interval.ms`.
    pub(crate) heartbeat_interval: Duration,
    /// `group.instance.id`.
    pub(crate) instance_id: Option<ByteString>,
    /// `partition.assignment.strategy`.
    pub(crate) assignors: Vec<Assignor>,
    /// `exclude.internal.topics`: from subscriptions by pattern.
    pub(crate) exclude_internal_topics: bool,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            group_id: None,
            auto_commit: true,
            auto_commit_interval: Duration::from_secs(5),
            offset_reset: OffsetReset::default(),
            isolation: IsolationLevel::default(),
            fetch_max_wait: Duration::from_millis(500),
            fetch_min_bytes: 1,
            fetch_max_bytes: 50 << 20,
            max_partition_fetch_bytes: 1 << 20,
            prefetch_bytes: 64 << 20,
            check_crcs: true,
            max_poll_interval: Duration::from_mins(5),
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            instance_id: None,
            assignors: vec![Assignor::CooperativeSticky],
            exclude_internal_topics: true,
        }
    }
}

impl ConsumerConfig {
    /// The properties that these settings are.
    pub(crate) const NAMES: &[&str] = &[
        "group.id",
        "enable.auto.commit",
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "isolation.level",
        "fetch.max.wait.ms",
        "fetch.min.bytes",
        "fetch.max.bytes",
        "max.partition.fetch.bytes",
        "queued.max.messages.kbytes",
        "check.crcs",
        "max.poll.interval.ms",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "group.instance.id",
        "partition.assignment.strategy",
        "exclude.internal.topics",
    ];

    /// Takes the values of those properties that are here.
    pub(crate) fn apply(&mut self, properties: &Properties) -> Result<(), Error> {
        for (name, value) in properties {
            let setting = Setting { name, value };
            match name.as_str() {
                "group.id" => self.group_id = Some(value.as_str().into()),
                "enable.auto.commit" => self.auto_commit = setting.boolean()?,
                "auto.commit.interval.ms" => self.auto_commit_interval = setting.milliseconds()?,
                "auto.offset.reset" => self.offset_reset = OffsetReset::parse(setting)?,
                "isolation.level" => {
                    self.isolation = setting.one_of(&[
                        ("read_uncommitted", IsolationLevel::ReadUncommitted),
                        ("read_committed", IsolationLevel::ReadCommitted),
                    ])?;
                }
                "fetch.max.wait.ms" => self.fetch_max_wait = setting.milliseconds()?,
                "fetch.min.bytes" => self.fetch_min_bytes = bytes(setting)?,
                "fetch.max.bytes" => self.fetch_max_bytes = bytes(setting)?,
                "max.partition.fetch.bytes" => self.max_partition_fetch_bytes = bytes(setting)?,
                "queued.max.messages.kbytes" => {
                    self.prefetch_bytes = setting.number::<u32>()? as usize * 1024;
                }
                "check.crcs" => self.check_crcs = setting.boolean()?,
                "max.poll.interval.ms" => self.max_poll_interval = setting.milliseconds()?,
                "session.timeout.ms" => self.session_timeout = setting.milliseconds()?,
                "heartbeat.interval.ms" => self.heartbeat_interval = setting.milliseconds()?,
                "group.instance.id" => {
                    self.instance_id = Some(value.as_str().into()).filter(|id: &ByteString| !id.is_empty());
                }
                "partition.assignment.strategy" => self.assignors = assignors(setting)?,
                "exclude.internal.topics" => self.exclude_internal_topics = setting.boolean()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.group_id.as_ref().is_some_and(|group| group.is_empty()) {
            return Err(Error::new(ErrorKind::Config, "the name of a group cannot be empty"));
        }
        if self.assignors.is_empty() {
            return Err(Error::new(ErrorKind::Config, "a member of a group needs at least one assignor"));
        }
        if self.heartbeat_interval >= self.session_timeout {
            let message = "heartbeat.interval.ms must be lower than session.timeout.ms, a third of it as a rule";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(())
    }

    /// What concerns the group, if there is one.
    pub(crate) fn group(&self) -> Option<GroupConfig> {
        Some(GroupConfig {
            group_id: self.group_id.clone()?,
            instance_id: self.instance_id.clone(),
            session_timeout: self.session_timeout,
            heartbeat_interval: self.heartbeat_interval,
            max_poll_interval: self.max_poll_interval,
            assignors: self.assignors.clone(),
            rack: None,
        })
    }
}

fn assignors(setting: Setting<'_>) -> Result<Vec<Assignor>, Error> {
    let names = setting.list();
    let assignors: Option<Vec<Assignor>> = names.iter().map(|name| Assignor::from_name(name)).collect();
    assignors.ok_or_else(|| {
        setting.invalid("some of range, roundrobin, sticky, cooperative-sticky, the preferred one first")
    })
}

fn bytes(setting: Setting<'_>) -> Result<i32, Error> {
    setting.number().ok().filter(|bytes| *bytes >= 0).ok_or_else(|| setting.invalid("bytes, 0 or more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(value: &str) -> Result<OffsetReset, Error> {
        OffsetReset::parse(Setting { name: "auto.offset.reset", value })
    }

    #[test]
    fn reset_policies_are_read_as_kafka_reads_them() {
        assert_eq!(reset("latest").unwrap(), OffsetReset::Latest);
        assert_eq!(reset("EARLIEST").unwrap(), OffsetReset::Earliest);
        assert_eq!(reset("none").unwrap(), OffsetReset::Fail);
        for (value, seconds) in [("PT1H30M", 5400), ("P1D", 86_400), ("P2DT3S", 172_803), ("PT0S", 0)] {
            let expected = OffsetReset::Within(Duration::from_secs(seconds));
            assert_eq!(reset(&format!("by_duration:{value}")).unwrap(), expected, "{value}");
        }
        for wrong in
            ["", "newest", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:-PT1H", "by_duration:PT1X"]
        {
            assert_eq!(reset(wrong).unwrap_err().kind(), ErrorKind::Config, "{wrong}");
        }
    }

    #[test]
    fn properties_become_settings() {
        let mut config = ConsumerConfig::default();
        let properties =
            [("group.id", "billing"), ("queued.max.messages.kbytes", "16"), ("isolation.level", "read_committed")];
        config.apply(&properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap();
        assert_eq!(config.group_id.as_deref(), Some("billing"));
        assert_eq!((config.prefetch_bytes, config.isolation), (16 << 10, IsolationLevel::ReadCommitted));
    }
}
