//! Broker settings of consumer, share and streams groups and of the share coordinator.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_CONSUMER_GROUPS, NO_PURGATORY, NO_SHARE_GROUPS, NO_STREAMS_GROUPS, OWN_THREADS};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::boolean("errors.deadletterqueue.auto.create.topics.enable", Some("false"))
        .accepted(NO_SHARE_GROUPS)
        .doc("Make the dead-letter topics of share groups when they are needed."),
    ConfigDef::text("errors.deadletterqueue.topic.name.prefix", Some("dlq."))
        .accepted(NO_SHARE_GROUPS)
        .doc("How names of dead-letter topics that the broker makes begin."),
    ConfigDef::int("group.consumer.assignment.interval.ms", Some("1000"))
        .at_least(0)
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Least time between two assignments of a consumer group."),
    ConfigDef::boolean("group.consumer.assignor.offload.enable", Some("true"))
        .internal()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Compute assignments of consumer groups on a thread of their own."),
    ConfigDef::int("group.consumer.max.assignment.interval.ms", Some("15000"))
        .at_least(0)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Longest assignment interval a consumer group may set."),
    ConfigDef::int("group.consumer.min.assignment.interval.ms", Some("0"))
        .at_least(0)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Shortest assignment interval a consumer group may set."),
    ConfigDef::int("group.coordinator.append.linger.ms", Some("-1"))
        .at_least(-1)
        .read_only()
        .accepted(OWN_THREADS)
        .doc("Time the group coordinator gathers records before it writes them; -1 lets it choose."),
    ConfigDef::int("group.coordinator.background.threads", Some("2"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Threads that compute assignments."),
    ConfigDef::int("group.coordinator.cached.buffer.max.bytes", Some("1048588"))
        .at_least(524_288)
        .accepted(OWN_THREADS)
        .doc("Largest write buffer the group coordinator keeps for later."),
    ConfigDef::int("group.share.assignment.interval.ms", Some("1000"))
        .at_least(0)
        .accepted(NO_SHARE_GROUPS)
        .doc("Least time between two assignments of a share group."),
    ConfigDef::boolean("group.share.assignor.offload.enable", Some("true"))
        .internal()
        .accepted(NO_SHARE_GROUPS)
        .doc("Compute assignments of share groups on a thread of their own."),
    ConfigDef::list("group.share.assignors", Some("simple"))
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Server-side assignors of share groups."),
    ConfigDef::int("group.share.max.assignment.interval.ms", Some("15000"))
        .at_least(0)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Longest assignment interval a share group may set."),
    ConfigDef::int("group.share.max.delivery.count.limit", Some("10"))
        .between(5, 25)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Most deliveries of a record a share group may set."),
    ConfigDef::int("group.share.max.partition.max.record.locks", Some("4000"))
        .between(2000, 10000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Most locked records of a partition a share group may set."),
    ConfigDef::int("group.share.max.share.sessions", Some("2000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Share sessions the broker keeps."),
    ConfigDef::int("group.share.min.assignment.interval.ms", Some("0"))
        .at_least(0)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Shortest assignment interval a share group may set."),
    ConfigDef::int("group.share.min.delivery.count.limit", Some("2"))
        .between(2, 5)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Fewest deliveries of a record a share group may set."),
    ConfigDef::int("group.share.min.partition.max.record.locks", Some("100"))
        .between(100, 2000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Fewest locked records of a partition a share group may set."),
    ConfigDef::long("group.streams.acceptable.recovery.lag", Some("10000"))
        .at_least(0)
        .internal()
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Lag up to which a task of a streams group counts as caught up."),
    ConfigDef::int("group.streams.assignment.interval.ms", Some("1000"))
        .at_least(0)
        .accepted(NO_STREAMS_GROUPS)
        .doc("Least time between two assignments of a streams group."),
    ConfigDef::boolean("group.streams.assignor.offload.enable", Some("true"))
        .internal()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Compute assignments of streams groups on a thread of their own."),
    ConfigDef::list("group.streams.assignors", Some("sticky"))
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Server-side assignors of streams groups; the first is the default."),
    ConfigDef::int("group.streams.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Heartbeat interval given to members of streams groups."),
    ConfigDef::int("group.streams.initial.rebalance.delay.ms", Some("3000"))
        .at_least(0)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Wait for more members before the first assignment of a streams group."),
    ConfigDef::int("group.streams.max.assignment.interval.ms", Some("15000"))
        .at_least(0)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Longest assignment interval a streams group may set."),
    ConfigDef::int("group.streams.max.heartbeat.interval.ms", Some("15000"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Longest heartbeat interval a streams group may set."),
    ConfigDef::int("group.streams.max.session.timeout.ms", Some("60000"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Longest session timeout a streams group may set."),
    ConfigDef::int("group.streams.max.size", Some("2147483647"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Members a streams group may have."),
    ConfigDef::int("group.streams.max.standby.replicas", Some("2"))
        .at_least(0)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Most standby replicas of a task a streams group may set."),
    ConfigDef::int("group.streams.max.warmup.replicas", Some("20"))
        .at_least(0)
        .internal()
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Most replicas that warm up at a time a streams group may set."),
    ConfigDef::int("group.streams.min.assignment.interval.ms", Some("0"))
        .at_least(0)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Shortest assignment interval a streams group may set."),
    ConfigDef::int("group.streams.min.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Shortest heartbeat interval a streams group may set."),
    ConfigDef::int("group.streams.min.session.timeout.ms", Some("45000"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Shortest session timeout a streams group may set."),
    ConfigDef::int("group.streams.min.task.offset.interval.ms", Some("15000"))
        .at_least(1)
        .internal()
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Shortest interval of reports of task offsets a streams group may set."),
    ConfigDef::int("group.streams.num.standby.replicas", Some("0"))
        .at_least(0)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Standby replicas of each task."),
    ConfigDef::int("group.streams.num.warmup.replicas", Some("2"))
        .at_least(0)
        .internal()
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Replicas of a streams group that warm up at a time."),
    ConfigDef::list("group.streams.rack.aware.assignment.tags", Some(""))
        .read_only()
        .importance(Importance::Low)
        .accepted(NO_STREAMS_GROUPS)
        .doc("Client tags by which standby replicas are spread."),
    ConfigDef::int("group.streams.session.timeout.ms", Some("45000"))
        .at_least(1)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Silence after which a member of a streams group is removed."),
    ConfigDef::int("group.streams.task.offset.interval.ms", Some("60000"))
        .at_least(1)
        .internal()
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("How often members of streams groups report the offsets of their tasks."),
    ConfigDef::class("group.streams.topology.description.plugin.class", None)
        .read_only()
        .accepted(NO_STREAMS_GROUPS)
        .doc("Class that keeps descriptions of topologies."),
    ConfigDef::int("share.coordinator.append.linger.ms", Some("-1"))
        .at_least(-1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Time the share coordinator gathers records before it writes them; -1 lets it choose."),
    ConfigDef::int("share.coordinator.cached.buffer.max.bytes", Some("1048588"))
        .at_least(524_288)
        .accepted(NO_SHARE_GROUPS)
        .doc("Largest write buffer the share coordinator keeps for later."),
    ConfigDef::int("share.coordinator.load.buffer.size", Some("5242880"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("Bytes read at a time when share state is loaded."),
    ConfigDef::int("share.coordinator.snapshot.update.records.per.snapshot", Some("500"))
        .between(0, 500)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Updates of share state between two snapshots."),
    ConfigDef::int("share.coordinator.state.topic.compression.codec", Some("0"))
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("Codec of the share state topic."),
    ConfigDef::short("share.coordinator.state.topic.min.isr", Some("2"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("In-sync replicas a write to the share state topic needs."),
    ConfigDef::int("share.coordinator.state.topic.num.partitions", Some("50"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("Partitions of the share state topic."),
    ConfigDef::short("share.coordinator.state.topic.replication.factor", Some("3"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("Replicas of the share state topic."),
    ConfigDef::int("share.coordinator.state.topic.segment.bytes", Some("104857600"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("Segment size of the share state topic."),
    ConfigDef::int("share.coordinator.threads", Some("1"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Threads of the share coordinator."),
    ConfigDef::int("share.coordinator.write.timeout.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_SHARE_GROUPS)
        .doc("Longest wait of the share coordinator for a write."),
    ConfigDef::int("share.fetch.purgatory.purge.interval.requests", Some("1000"))
        .read_only()
        .accepted(NO_PURGATORY)
        .doc("Requests after which finished waits of ShareFetch are cleared away."),
];
