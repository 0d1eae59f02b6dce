//! Broker settings that stand in when a topic does not set its own.

use crate::config::Validator;
use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_COMPACTION, NO_TIERING, ONE_LEVEL, ONE_NODE, OWN_DECOMPRESSION_LIMIT};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::int("compression.gzip.level", Some("-1"))
        .between_or(1, 9, -1)
        .doc("Default of the topic setting `compression.gzip.level`."),
    ConfigDef::int("compression.lz4.level", Some("9"))
        .between(1, 17)
        .accepted(ONE_LEVEL)
        .doc("Default of the topic setting `compression.lz4.level`."),
    ConfigDef::text("compression.type", Some("producer"))
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .importance(Importance::High)
        .doc("Default of the topic setting `compression.type`."),
    ConfigDef::int("compression.zstd.level", Some("3"))
        .between(-131_072, 22)
        .doc("Default of the topic setting `compression.zstd.level`."),
    ConfigDef::long("log.cleaner.delete.retention.ms", Some("86400000"))
        .at_least(0)
        .accepted(NO_COMPACTION)
        .doc("Default of the topic setting `delete.retention.ms`."),
    ConfigDef::long("log.cleaner.max.compaction.lag.ms", Some("9223372036854775807"))
        .at_least(1)
        .accepted(NO_COMPACTION)
        .doc("Default of the topic setting `max.compaction.lag.ms`."),
    ConfigDef::double("log.cleaner.min.cleanable.ratio", Some("0.5"))
        .between(0, 1)
        .accepted(NO_COMPACTION)
        .doc("Default of the topic setting `min.cleanable.dirty.ratio`."),
    ConfigDef::long("log.cleaner.min.compaction.lag.ms", Some("0"))
        .at_least(0)
        .accepted(NO_COMPACTION)
        .doc("Default of the topic setting `min.compaction.lag.ms`."),
    ConfigDef::list("log.cleanup.policy", Some("delete"))
        .one_of(&["compact", "delete"])
        .doc("Default of the topic setting `cleanup.policy`."),
    ConfigDef::long("log.flush.interval.messages", Some("9223372036854775807"))
        .at_least(1)
        .importance(Importance::High)
        .doc("Default of the topic setting `flush.messages`."),
    ConfigDef::long("log.flush.interval.ms", None)
        .synonyms(&["log.flush.scheduler.interval.ms"])
        .importance(Importance::High)
        .doc("Default of the topic setting `flush.ms`."),
    ConfigDef::long("log.flush.scheduler.interval.ms", Some("9223372036854775807"))
        .read_only()
        .importance(Importance::High)
        .doc("Default of `log.flush.interval.ms`."),
    ConfigDef::int("log.index.interval.bytes", Some("4096"))
        .at_least(0)
        .doc("Default of the topic setting `index.interval.bytes`."),
    ConfigDef::int("log.index.size.max.bytes", Some("10485760"))
        .at_least(4)
        .doc("Default of the topic setting `segment.index.bytes`."),
    ConfigDef::long("log.local.retention.bytes", Some("-2"))
        .at_least(-2)
        .accepted(NO_TIERING)
        .doc("Default of the topic setting `local.retention.bytes`."),
    ConfigDef::long("log.local.retention.ms", Some("-2"))
        .at_least(-2)
        .accepted(NO_TIERING)
        .doc("Default of the topic setting `local.retention.ms`."),
    ConfigDef::long("log.message.timestamp.after.max.ms", Some("3600000"))
        .at_least(0)
        .doc("Default of the topic setting `message.timestamp.after.max.ms`."),
    ConfigDef::long("log.message.timestamp.before.max.ms", Some("9223372036854775807"))
        .at_least(0)
        .doc("Default of the topic setting `message.timestamp.before.max.ms`."),
    ConfigDef::text("log.message.timestamp.type", Some("CreateTime"))
        .one_of(&["CreateTime", "LogAppendTime"])
        .doc("Default of the topic setting `message.timestamp.type`."),
    ConfigDef::boolean("log.preallocate", Some("false")).doc("Default of the topic setting `preallocate`."),
    ConfigDef::long("log.remote.copy.lag.bytes", Some("-1"))
        .at_least(-1)
        .accepted(NO_TIERING)
        .doc("Default of the topic setting `remote.copy.lag.bytes`."),
    ConfigDef::long("log.remote.copy.lag.ms", Some("0"))
        .at_least(-1)
        .accepted(NO_TIERING)
        .doc("Default of the topic setting `remote.copy.lag.ms`."),
    ConfigDef::long("log.retention.bytes", Some("-1"))
        .importance(Importance::High)
        .doc("Default of the topic setting `retention.bytes`."),
    ConfigDef::int("log.retention.hours", Some("168"))
        .check(Validator::NotZero)
        .read_only()
        .importance(Importance::High)
        .doc("Default of `log.retention.minutes`, in hours."),
    ConfigDef::int("log.retention.minutes", None)
        .check(Validator::NotZero)
        .synonyms(&["log.retention.hours"])
        .read_only()
        .importance(Importance::High)
        .doc("Default of `log.retention.ms`, in minutes."),
    ConfigDef::long("log.retention.ms", None)
        .check(Validator::NotZero)
        .synonyms(&["log.retention.minutes", "log.retention.hours"])
        .importance(Importance::High)
        .doc("Default of the topic setting `retention.ms`."),
    ConfigDef::int("log.roll.hours", Some("168"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .doc("Default of `log.roll.ms`, in hours."),
    ConfigDef::int("log.roll.jitter.hours", Some("0"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .doc("Default of `log.roll.jitter.ms`, in hours."),
    ConfigDef::long("log.roll.jitter.ms", None)
        .at_least(0)
        .synonyms(&["log.roll.jitter.hours"])
        .importance(Importance::High)
        .doc("Default of the topic setting `segment.jitter.ms`."),
    ConfigDef::long("log.roll.ms", None)
        .at_least(1)
        .synonyms(&["log.roll.hours"])
        .importance(Importance::High)
        .doc("Default of the topic setting `segment.ms`."),
    ConfigDef::int("log.segment.bytes", Some("1073741824"))
        .at_least(1_048_576)
        .importance(Importance::High)
        .doc("Default of the topic setting `segment.bytes`."),
    ConfigDef::long("log.segment.delete.delay.ms", Some("60000"))
        .at_least(0)
        .importance(Importance::High)
        .doc("Default of the topic setting `file.delete.delay.ms`."),
    ConfigDef::int("max.decompressed.message.bytes", Some("2147483639"))
        .between(1, 2_147_483_639)
        .accepted(OWN_DECOMPRESSION_LIMIT)
        .doc("Default of the topic setting `max.decompressed.message.bytes`."),
    ConfigDef::int("message.max.bytes", Some("1048588"))
        .at_least(0)
        .importance(Importance::High)
        .doc("Default of the topic setting `max.message.bytes`."),
    ConfigDef::int("min.insync.replicas", Some("1"))
        .at_least(1)
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Default of the topic setting `min.insync.replicas`."),
    ConfigDef::boolean("unclean.leader.election.enable", Some("false"))
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Default of the topic setting `unclean.leader.election.enable`."),
];
