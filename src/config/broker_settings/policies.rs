//! Broker settings of plugins, metrics and the sizes of internal queues.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_COMPACTION, NO_PLUGINS, NO_PURGATORY, NO_TELEMETRY, OWN_CHECKPOINTS, OWN_METRICS};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::class("alter.config.policy.class.name", None)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_PLUGINS)
        .doc("Class that may refuse changes of settings."),
    ConfigDef::class("client.quota.callback.class", None)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_PLUGINS)
        .doc("Class that computes quotas."),
    ConfigDef::list("config.providers", Some(""))
        .importance(Importance::Low)
        .unavailable(NO_PLUGINS)
        .doc("Providers of values that are written elsewhere."),
    ConfigDef::class("create.topic.policy.class.name", None)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_PLUGINS)
        .doc("Class that may refuse new topics."),
    ConfigDef::int("delete.records.purgatory.purge.interval.requests", Some("1"))
        .read_only()
        .accepted(NO_PURGATORY)
        .doc("Requests after which finished waits of DeleteRecords are cleared away."),
    ConfigDef::int("fetch.purgatory.purge.interval.requests", Some("1000"))
        .read_only()
        .accepted(NO_PURGATORY)
        .doc("Requests after which finished waits of Fetch are cleared away."),
    ConfigDef::int("kafka.metrics.polling.interval.secs", Some("10"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(OWN_METRICS)
        .doc("How often Yammer reporters are polled."),
    ConfigDef::list("kafka.metrics.reporters", Some(""))
        .read_only()
        .importance(Importance::Low)
        .accepted(OWN_METRICS)
        .doc("Classes that report Yammer metrics."),
    ConfigDef::double("log.cleaner.io.buffer.load.factor", Some("0.9"))
        .accepted(NO_COMPACTION)
        .doc("How full the cleaner's table of keys may be."),
    ConfigDef::int("log.cleaner.io.buffer.size", Some("524288"))
        .at_least(0)
        .accepted(NO_COMPACTION)
        .doc("Bytes of the cleaner's buffers."),
    ConfigDef::double("log.cleaner.io.max.bytes.per.second", Some("1.7976931348623157E308"))
        .accepted(NO_COMPACTION)
        .doc("Most bytes the cleaner reads and writes in a second."),
    ConfigDef::int("log.flush.start.offset.checkpoint.interval.ms", Some("60000"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_CHECKPOINTS)
        .doc("How often log start offsets are written to disk."),
    ConfigDef::list("metric.reporters", Some("org.apache.kafka.common.metrics.JmxReporter"))
        .importance(Importance::Low)
        .accepted(OWN_METRICS)
        .doc("Classes that report metrics."),
    ConfigDef::int("metrics.num.samples", Some("2"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(OWN_METRICS)
        .doc("Samples kept for a metric."),
    ConfigDef::text("metrics.recording.level", Some("INFO"))
        .read_only()
        .importance(Importance::Low)
        .accepted(OWN_METRICS)
        .doc("How many metrics are recorded."),
    ConfigDef::long("metrics.sample.window.ms", Some("30000"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(OWN_METRICS)
        .doc("Time one sample of a metric spans."),
    ConfigDef::int("producer.purgatory.purge.interval.requests", Some("1000"))
        .read_only()
        .accepted(NO_PURGATORY)
        .doc("Requests after which finished waits of Produce are cleared away."),
    ConfigDef::int("telemetry.max.bytes", Some("1048576"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(NO_TELEMETRY)
        .doc("Largest push of client metrics."),
];
