//! Broker settings of the group coordinator and of committed offsets.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_CONSUMER_GROUPS, NO_SHARE_GROUPS, ONE_NODE, OWN_THREADS};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::list("group.consumer.assignors", Some("uniform,range"))
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Server-side assignors of consumer groups, the first is the default."),
    ConfigDef::int("group.consumer.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Heartbeat interval given to members of consumer groups."),
    ConfigDef::int("group.consumer.max.heartbeat.interval.ms", Some("15000"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Longest heartbeat interval a consumer group may set."),
    ConfigDef::int("group.consumer.max.session.timeout.ms", Some("60000"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Longest session timeout a consumer group may set."),
    ConfigDef::int("group.consumer.max.size", Some("2147483647"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Members a consumer group may have."),
    ConfigDef::text("group.consumer.migration.policy", Some("bidirectional"))
        .one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"])
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Which ways a group may move between the classic and the consumer protocol."),
    ConfigDef::int("group.consumer.min.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Shortest heartbeat interval a consumer group may set."),
    ConfigDef::int("group.consumer.min.session.timeout.ms", Some("45000"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Shortest session timeout a consumer group may set."),
    ConfigDef::int("group.consumer.session.timeout.ms", Some("45000"))
        .at_least(1)
        .read_only()
        .accepted(NO_CONSUMER_GROUPS)
        .doc("Silence after which a member of a consumer group is removed."),
    ConfigDef::int("group.coordinator.max.groups.per.partition", Some("20000"))
        .at_least(1)
        .read_only()
        .doc("Groups in one partition of `__consumer_offsets`; a client that invents group ids is stopped here."),
    ConfigDef::int("group.coordinator.max.pending.members", Some("10000"))
        .at_least(1)
        .read_only()
        .doc("Member ids of a group that were given out and are not used yet."),
    ConfigDef::list("group.coordinator.rebalance.protocols", Some("classic"))
        .one_of(&["consumer", "classic", "share", "streams"])
        .read_only()
        .accepted("The classic protocol is the one that is served, whatever else is named.")
        .doc("Group protocols this broker serves."),
    ConfigDef::int("group.coordinator.threads", Some("4"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Threads of the group coordinator."),
    ConfigDef::int("group.initial.rebalance.delay.ms", Some("3000"))
        .read_only()
        .doc("How long an empty classic group waits for more members before its first rebalance."),
    ConfigDef::int("group.max.session.timeout.ms", Some("1800000"))
        .read_only()
        .doc("Longest session timeout of a classic member."),
    ConfigDef::int("group.max.size", Some("2147483647"))
        .at_least(1)
        .read_only()
        .doc("Members a classic group may have."),
    ConfigDef::int("group.min.session.timeout.ms", Some("6000"))
        .read_only()
        .doc("Shortest session timeout of a classic member."),
    ConfigDef::int("group.share.delivery.count.limit", Some("5"))
        .between(2, 10)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Deliveries of a record to a share group before it is given up."),
    ConfigDef::int("group.share.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Heartbeat interval given to members of share groups."),
    ConfigDef::int("group.share.max.heartbeat.interval.ms", Some("15000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Longest heartbeat interval a share group may set."),
    ConfigDef::int("group.share.max.record.lock.duration.ms", Some("60000"))
        .between(30000, 3_600_000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Longest acquisition lock a share group may set."),
    ConfigDef::int("group.share.max.session.timeout.ms", Some("60000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Longest session timeout a share group may set."),
    ConfigDef::int("group.share.max.size", Some("200"))
        .between(1, 1000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Members a share group may have."),
    ConfigDef::int("group.share.min.heartbeat.interval.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Shortest heartbeat interval a share group may set."),
    ConfigDef::int("group.share.min.record.lock.duration.ms", Some("15000"))
        .between(1000, 30000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Shortest acquisition lock a share group may set."),
    ConfigDef::int("group.share.min.session.timeout.ms", Some("45000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Shortest session timeout a share group may set."),
    ConfigDef::int("group.share.partition.max.record.locks", Some("2000"))
        .between(100, 10000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Records of a share partition that may be acquired at once."),
    ConfigDef::int("group.share.record.lock.duration.ms", Some("30000"))
        .between(1000, 3_600_000)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("How long a record stays acquired by a member of a share group."),
    ConfigDef::int("group.share.session.timeout.ms", Some("45000"))
        .at_least(1)
        .read_only()
        .accepted(NO_SHARE_GROUPS)
        .doc("Silence after which a member of a share group is removed."),
    ConfigDef::int("offset.metadata.max.bytes", Some("4096"))
        .between(0, 524_288)
        .read_only()
        .importance(Importance::High)
        .doc("Largest metadata string of a committed offset."),
    ConfigDef::int("offsets.commit.timeout.ms", Some("5000"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted("A commit is answered when it is durable or its log has failed.")
        .doc("How long an offset commit may wait to become durable."),
    ConfigDef::int("offsets.load.buffer.size", Some("5242880"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Bytes read at a time when committed offsets are loaded."),
    ConfigDef::long("offsets.retention.check.interval.ms", Some("600000"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .doc("Time between two looks for expired offsets."),
    ConfigDef::int("offsets.retention.minutes", Some("10080"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .doc("How long offsets of an empty group are kept."),
    ConfigDef::int("offsets.topic.compression.codec", Some("0"))
        .read_only()
        .importance(Importance::High)
        .accepted("Offset batches are small and stored uncompressed.")
        .doc("Codec of `__consumer_offsets` batches."),
    ConfigDef::int("offsets.topic.num.partitions", Some("50"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .doc("Partitions of `__consumer_offsets`; fixed once it exists."),
    ConfigDef::short("offsets.topic.replication.factor", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Replicas of `__consumer_offsets`."),
    ConfigDef::int("offsets.topic.segment.bytes", Some("104857600"))
        .at_least(1_048_576)
        .read_only()
        .importance(Importance::High)
        .doc("Segment size of `__consumer_offsets`."),
];
