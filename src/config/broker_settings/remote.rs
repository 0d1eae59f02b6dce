//! Broker settings of tiered storage.

use crate::config::Validator;
use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::NO_TIERING;

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::boolean("follower.fetch.last.tiered.offset.enable", Some("false"))
        .accepted(NO_TIERING)
        .doc("Let an empty follower begin at the end of what is tiered."),
    ConfigDef::int("remote.fetch.max.wait.ms", Some("500"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Longest wait for records of remote storage."),
    ConfigDef::long("remote.list.offsets.request.timeout.ms", Some("30000"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Longest wait for an offset look-up in remote storage."),
    ConfigDef::long("remote.log.index.file.cache.total.size.bytes", Some("1073741824"))
        .at_least(1)
        .importance(Importance::Low)
        .accepted(NO_TIERING)
        .doc("Bytes of index files of remote segments kept on the local disk."),
    ConfigDef::int("remote.log.manager.copier.thread.pool.size", Some("10"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Threads that copy segments to remote storage."),
    ConfigDef::long("remote.log.manager.copy.max.bytes.per.second", Some("9223372036854775807"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Most bytes copied to remote storage in a second."),
    ConfigDef::int("remote.log.manager.copy.quota.window.num", Some("11"))
        .at_least(1)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Samples kept for the bound on copies to remote storage."),
    ConfigDef::int("remote.log.manager.copy.quota.window.size.seconds", Some("1"))
        .at_least(1)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Time one sample of copies to remote storage spans."),
    ConfigDef::int("remote.log.manager.expiration.thread.pool.size", Some("10"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Threads that delete expired remote segments."),
    ConfigDef::long("remote.log.manager.fetch.max.bytes.per.second", Some("9223372036854775807"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Most bytes read from remote storage in a second."),
    ConfigDef::int("remote.log.manager.fetch.quota.window.num", Some("11"))
        .at_least(1)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Samples kept for the bound on reads from remote storage."),
    ConfigDef::int("remote.log.manager.fetch.quota.window.size.seconds", Some("1"))
        .at_least(1)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Time one sample of reads from remote storage spans."),
    ConfigDef::int("remote.log.manager.follower.thread.pool.size", Some("2"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Threads that keep followers' remote metadata up to date."),
    ConfigDef::long("remote.log.manager.task.interval.ms", Some("30000"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(NO_TIERING)
        .doc("Pause between two runs of copying and expiring."),
    ConfigDef::int("remote.log.manager.thread.pool.size", Some("2"))
        .at_least(1)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Threads that schedule work on remote storage."),
    ConfigDef::int("remote.log.metadata.custom.metadata.max.bytes", Some("128"))
        .at_least(0)
        .read_only()
        .importance(Importance::Low)
        .accepted(NO_TIERING)
        .doc("Most bytes a storage plugin may add to a segment's metadata."),
    ConfigDef::text(
        "remote.log.metadata.manager.class.name",
        Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"),
    )
    .check(Validator::NotEmpty)
    .read_only()
    .accepted(NO_TIERING)
    .doc("Class that keeps the metadata of remote segments."),
    ConfigDef::text("remote.log.metadata.manager.class.path", None)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Class path of the metadata manager."),
    ConfigDef::text("remote.log.metadata.manager.impl.prefix", Some("rlmm.config."))
        .check(Validator::NotEmpty)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Prefix of the settings handed to the metadata manager."),
    ConfigDef::text("remote.log.metadata.manager.listener.name", None)
        .check(Validator::NotEmpty)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Listener the metadata manager connects to."),
    ConfigDef::int("remote.log.reader.max.pending.tasks", Some("100"))
        .at_least(1)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Reads of remote storage that may wait for a thread."),
    ConfigDef::int("remote.log.reader.threads", Some("10"))
        .at_least(1)
        .accepted(NO_TIERING)
        .doc("Threads that read remote storage."),
    ConfigDef::text("remote.log.storage.manager.class.name", None)
        .check(Validator::NotEmpty)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Class that stores remote segments."),
    ConfigDef::text("remote.log.storage.manager.class.path", None)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Class path of the storage manager."),
    ConfigDef::text("remote.log.storage.manager.impl.prefix", Some("rsm.config."))
        .check(Validator::NotEmpty)
        .read_only()
        .accepted(NO_TIERING)
        .doc("Prefix of the settings handed to the storage manager."),
    ConfigDef::boolean("remote.log.storage.system.enable", Some("false"))
        .read_only()
        .unavailable(NO_TIERING)
        .doc("Turn tiered storage on for the broker."),
];
