//! Broker settings of the data directory and the logs in it.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_COMPACTION, OWN_THREADS};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::text("compressed.records.validation", Some("full"))
        .one_of(&["full", "header"])
        .read_only()
        .doc("How far compressed batches are checked: `full` reads every record, `header` trusts them."),
    ConfigDef::text("durability", Some("fsync"))
        .one_of(&["fsync", "os"])
        .read_only()
        .importance(Importance::High)
        .doc("A record counts as stored after a flush (`fsync`) or when the page cache has it (`os`)."),
    ConfigDef::long("log.cleaner.backoff.ms", Some("15000"))
        .at_least(0)
        .accepted(NO_COMPACTION)
        .doc("Pause of the compactor when there is nothing to do."),
    ConfigDef::long("log.cleaner.dedupe.buffer.size", Some("134217728"))
        .accepted(NO_COMPACTION)
        .doc("Memory for the keys of one compaction pass."),
    ConfigDef::boolean("log.cleaner.enable", Some("true"))
        .read_only()
        .accepted(NO_COMPACTION)
        .doc("Run the compactor."),
    ConfigDef::int("log.cleaner.threads", Some("1")).at_least(0).accepted(OWN_THREADS).doc("Threads of the compactor."),
    ConfigDef::list("log.dir", Some("naru-data"))
        .read_only()
        .importance(Importance::High)
        .doc("The same as `log.dirs`."),
    ConfigDef::list("log.dirs", None)
        .synonyms(&["log.dir"])
        .read_only()
        .importance(Importance::High)
        .doc("The data directory (one)."),
    ConfigDef::int("log.flush.offset.checkpoint.interval.ms", Some("60000"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted("Recovery points are written every second, so that a start after a crash scans little.")
        .doc("Time between two writes of the recovery points."),
    ConfigDef::long("log.retention.check.interval.ms", Some("300000"))
        .at_least(1)
        .read_only()
        .doc("Time between two looks for segments that are due for deletion."),
    ConfigDef::int("num.recovery.threads.per.data.dir", Some("2"))
        .at_least(1)
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Logs opened side by side at start."),
];
