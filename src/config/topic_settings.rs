//! Every topic setting of Kafka 4.4, sorted by name.

use super::def::ConfigDef;
use super::reasons::{
    FOR_TESTS, NO_COMPACTION, NO_SHARE_GROUPS, NO_TIERING, ONE_LEVEL, ONE_NODE, OWN_DECOMPRESSION_LIMIT,
};

/// The topic settings, sorted by name, which is the order in which they are reported.
pub const TOPIC_SETTINGS: &[ConfigDef] = &[
    ConfigDef::list("cleanup.policy", Some("delete"))
        .one_of(&["compact", "delete"])
        .synonyms(&["log.cleanup.policy"])
        .doc("`delete` drops old segments by age and size. `compact` demands keys and keeps every record: nothing is dropped, not even with `delete` beside it, and there is no compaction yet."),
    ConfigDef::int("compression.gzip.level", Some("-1"))
        .between_or(1, 9, -1)
        .synonyms(&["compression.gzip.level"])
        .doc("Gzip level when `compression.type` is gzip."),
    ConfigDef::int("compression.lz4.level", Some("9"))
        .between(1, 17)
        .synonyms(&["compression.lz4.level"])
        .accepted(ONE_LEVEL)
        .doc("LZ4 level when `compression.type` is lz4."),
    ConfigDef::text("compression.type", Some("producer"))
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .synonyms(&["compression.type"])
        .doc("Codec of stored batches. `producer` keeps what the producer chose."),
    ConfigDef::int("compression.zstd.level", Some("3"))
        .between(-131_072, 22)
        .synonyms(&["compression.zstd.level"])
        .doc("Zstandard level when `compression.type` is zstd."),
    ConfigDef::long("delete.retention.ms", Some("86400000"))
        .at_least(0)
        .synonyms(&["log.cleaner.delete.retention.ms"])
        .accepted(NO_COMPACTION)
        .doc("How long tombstones and transaction markers of a compacted topic stay readable."),
    ConfigDef::boolean("errors.deadletterqueue.group.enable", Some("false"))
        .accepted(NO_SHARE_GROUPS)
        .doc("Share groups may write undeliverable records to this topic."),
    ConfigDef::long("file.delete.delay.ms", Some("60000"))
        .at_least(0)
        .synonyms(&["log.segment.delete.delay.ms"])
        .doc("Delay between taking a segment out of the log and unlinking its file."),
    ConfigDef::long("flush.messages", Some("9223372036854775807"))
        .at_least(1)
        .synonyms(&["log.flush.interval.messages"])
        .doc("Records after which a flush starts; 1 acknowledges nothing before it is durable."),
    ConfigDef::long("flush.ms", Some("9223372036854775807"))
        .at_least(0)
        .synonyms(&["log.flush.interval.ms", "log.flush.scheduler.interval.ms"])
        .doc("Age of unflushed data after which a flush starts."),
    ConfigDef::list("follower.replication.throttled.replicas", Some(""))
        .throttled_replicas()
        .accepted(ONE_NODE)
        .doc("Follower replicas whose replication traffic is throttled."),
    ConfigDef::int("index.interval.bytes", Some("4096"))
        .at_least(0)
        .synonyms(&["log.index.interval.bytes"])
        .doc("Bytes of log between two entries of the offset index."),
    ConfigDef::int("internal.segment.bytes", None)
        .internal()
        .accepted(FOR_TESTS)
        .doc("Segment size in tests of Kafka itself."),
    ConfigDef::list("leader.replication.throttled.replicas", Some(""))
        .throttled_replicas()
        .accepted(ONE_NODE)
        .doc("Leader replicas whose replication traffic is throttled."),
    ConfigDef::long("local.retention.bytes", Some("-2"))
        .at_least(-2)
        .synonyms(&["log.local.retention.bytes"])
        .accepted(NO_TIERING)
        .doc("Bytes kept on local disks of a tiered topic; -2 follows `retention.bytes`."),
    ConfigDef::long("local.retention.ms", Some("-2"))
        .at_least(-2)
        .synonyms(&["log.local.retention.ms"])
        .accepted(NO_TIERING)
        .doc("Age kept on local disks of a tiered topic; -2 follows `retention.ms`."),
    ConfigDef::long("max.compaction.lag.ms", Some("9223372036854775807"))
        .at_least(1)
        .synonyms(&["log.cleaner.max.compaction.lag.ms"])
        .accepted(NO_COMPACTION)
        .doc("Longest time a record may wait for compaction."),
    ConfigDef::int("max.decompressed.message.bytes", Some("2147483639"))
        .between(1, 2_147_483_639)
        .synonyms(&["max.decompressed.message.bytes"])
        .accepted(OWN_DECOMPRESSION_LIMIT)
        .doc("Largest size of a batch after decompression."),
    ConfigDef::int("max.message.bytes", Some("1048588"))
        .at_least(0)
        .synonyms(&["message.max.bytes"])
        .doc("Largest record batch that is accepted, as it arrives (compressed)."),
    ConfigDef::long("message.timestamp.after.max.ms", Some("3600000"))
        .at_least(0)
        .synonyms(&["log.message.timestamp.after.max.ms"])
        .doc("How far a record's time stamp may lie in the future."),
    ConfigDef::long("message.timestamp.before.max.ms", Some("9223372036854775807"))
        .at_least(0)
        .synonyms(&["log.message.timestamp.before.max.ms"])
        .doc("How far a record's time stamp may lie in the past."),
    ConfigDef::text("message.timestamp.type", Some("CreateTime"))
        .one_of(&["CreateTime", "LogAppendTime"])
        .synonyms(&["log.message.timestamp.type"])
        .doc("Whose clock time stamps show: the producer's (CreateTime) or the broker's (LogAppendTime)."),
    ConfigDef::double("min.cleanable.dirty.ratio", Some("0.5"))
        .between(0, 1)
        .synonyms(&["log.cleaner.min.cleanable.ratio"])
        .accepted(NO_COMPACTION)
        .doc("Share of uncompacted bytes at which a log is compacted."),
    ConfigDef::long("min.compaction.lag.ms", Some("0"))
        .at_least(0)
        .synonyms(&["log.cleaner.min.compaction.lag.ms"])
        .accepted(NO_COMPACTION)
        .doc("Shortest time a record stays uncompacted."),
    ConfigDef::int("min.insync.replicas", Some("1"))
        .at_least(1)
        .synonyms(&["min.insync.replicas"])
        .accepted(ONE_NODE)
        .doc("Replicas that must hold a record before acks=all is answered."),
    ConfigDef::boolean("preallocate", Some("false"))
        .synonyms(&["log.preallocate"])
        .doc("Reserve the whole segment file when it is created."),
    ConfigDef::long("remote.copy.lag.bytes", Some("-1"))
        .at_least(-1)
        .synonyms(&["log.remote.copy.lag.bytes"])
        .accepted(NO_TIERING)
        .doc("Bytes of a log that wait before they are copied to remote storage."),
    ConfigDef::long("remote.copy.lag.ms", Some("0"))
        .at_least(-1)
        .synonyms(&["log.remote.copy.lag.ms"])
        .accepted(NO_TIERING)
        .doc("Time a segment waits before it is copied to remote storage."),
    ConfigDef::boolean("remote.log.copy.disable", Some("false"))
        .accepted(NO_TIERING)
        .doc("Stop copying segments of a tiered topic to remote storage."),
    ConfigDef::boolean("remote.log.delete.on.disable", Some("false"))
        .accepted(NO_TIERING)
        .doc("Delete remote segments when tiering of the topic ends."),
    ConfigDef::boolean("remote.storage.enable", Some("false"))
        .accepted(NO_TIERING)
        .doc("Keep old segments of this topic in remote storage."),
    ConfigDef::long("retention.bytes", Some("-1"))
        .synonyms(&["log.retention.bytes"])
        .doc("Bytes a partition keeps before its oldest segments are deleted; -1 means no limit."),
    ConfigDef::long("retention.ms", Some("604800000"))
        .at_least(-1)
        .synonyms(&["log.retention.ms", "log.retention.minutes", "log.retention.hours"])
        .doc("Age at which a segment is deleted; -1 means never."),
    ConfigDef::int("segment.bytes", Some("1073741824"))
        .at_least(1_048_576)
        .synonyms(&["log.segment.bytes"])
        .doc("Size at which a new segment begins."),
    ConfigDef::int("segment.index.bytes", Some("10485760"))
        .at_least(4)
        .synonyms(&["log.index.size.max.bytes"])
        .doc("Largest size of an index file."),
    ConfigDef::long("segment.jitter.ms", Some("0"))
        .at_least(0)
        .synonyms(&["log.roll.jitter.ms", "log.roll.jitter.hours"])
        .doc("Random time taken off `segment.ms`, so that logs do not roll together."),
    ConfigDef::long("segment.ms", Some("604800000"))
        .at_least(1)
        .synonyms(&["log.roll.ms", "log.roll.hours"])
        .doc("Age at which a new segment begins even if the old one is not full."),
    ConfigDef::boolean("unclean.leader.election.enable", Some("false"))
        .synonyms(&["unclean.leader.election.enable"])
        .accepted(ONE_NODE)
        .doc("Let a replica that lacks acknowledged records become leader."),
];
