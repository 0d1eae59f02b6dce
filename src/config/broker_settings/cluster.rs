//! Broker settings of controllers, replicas and the metadata's own log.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{ONE_DIRECTORY, ONE_NODE, OWN_METADATA};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::int("alter.log.dirs.replication.quota.window.num", Some("11"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_DIRECTORY)
        .doc("Samples kept for the bound on moves between directories."),
    ConfigDef::int("alter.log.dirs.replication.quota.window.size.seconds", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_DIRECTORY)
        .doc("Time one sample of moves between directories spans."),
    ConfigDef::int("broker.heartbeat.interval.ms", Some("2000"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Pause between two heartbeats of a broker to the controller."),
    ConfigDef::int("broker.session.timeout.ms", Some("9000"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Silence after which the controller takes a broker for dead."),
    ConfigDef::list("controller.listener.names", Some(""))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Listeners that belong to the controller."),
    ConfigDef::int("controller.quorum.append.linger.ms", Some("25"))
        .at_least(0)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Time the leader of the quorum gathers records before it writes them."),
    ConfigDef::boolean("controller.quorum.auto.join.enable", Some("false"))
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_NODE)
        .doc("Let a new controller join the quorum by itself."),
    ConfigDef::list("controller.quorum.bootstrap.servers", Some(""))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Addresses at which the quorum is found."),
    ConfigDef::int("controller.quorum.election.backoff.max.ms", Some("1000"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Longest pause before another election of the quorum."),
    ConfigDef::int("controller.quorum.election.timeout.ms", Some("1000"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Time without a leader after which an election begins."),
    ConfigDef::int("controller.quorum.fetch.max.bytes", Some("1048576"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_NODE)
        .doc("Most bytes of the metadata log in one fetch of the quorum."),
    ConfigDef::int("controller.quorum.fetch.snapshot.max.bytes", Some("1048576"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_NODE)
        .doc("Most bytes of a snapshot in one fetch of the quorum."),
    ConfigDef::int("controller.quorum.fetch.timeout.ms", Some("2000"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Time without a fetch after which a leader gives up, or a follower looks for another."),
    ConfigDef::int("controller.quorum.request.timeout.ms", Some("2000"))
        .at_least(0)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Longest wait for an answer inside the quorum."),
    ConfigDef::int("controller.quorum.retry.backoff.ms", Some("20"))
        .at_least(0)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_NODE)
        .doc("Pause before a failed request of the quorum is sent again."),
    ConfigDef::list("controller.quorum.voters", Some(""))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("The voters of the quorum, `id@host:port`."),
    ConfigDef::int("controller.socket.timeout.ms", Some("30000"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Longest wait on connections to the controller."),
    ConfigDef::list("cordoned.log.dirs", Some(""))
        .per_broker()
        .accepted(ONE_DIRECTORY)
        .doc("Directories that get no new partitions."),
    ConfigDef::list("early.start.listeners", None)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Listeners that open before the broker may serve."),
    ConfigDef::int("initial.broker.registration.timeout.ms", Some("60000"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Time a starting broker waits to be registered."),
    ConfigDef::long("leader.imbalance.check.interval.seconds", Some("300"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("How often leadership is looked at for balance."),
    ConfigDef::long("log.dir.failure.timeout.ms", Some("30000"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_DIRECTORY)
        .doc("Time to tell the controller of a failed directory before the broker stops."),
    ConfigDef::text("metadata.log.dir", None)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Directory of the metadata log."),
    ConfigDef::long("metadata.log.max.record.bytes.between.snapshots", Some("20971520"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Bytes of new records after which the metadata get a snapshot."),
    ConfigDef::long("metadata.log.max.snapshot.interval.ms", Some("3600000"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Time after which the metadata get a snapshot."),
    ConfigDef::int("metadata.log.segment.bytes", Some("1073741824"))
        .at_least(8_388_608)
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Size of a segment of the metadata log."),
    ConfigDef::long("metadata.log.segment.ms", Some("604800000"))
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Age of a segment of the metadata log."),
    ConfigDef::int("metadata.max.idle.interval.ms", Some("500"))
        .at_least(0)
        .read_only()
        .importance(Importance::Low)
        .accepted(OWN_METADATA)
        .doc("How often a record without content is written to an idle metadata log."),
    ConfigDef::long("metadata.max.retention.bytes", Some("104857600"))
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Bytes of the metadata log and its snapshots."),
    ConfigDef::long("metadata.max.retention.ms", Some("604800000"))
        .read_only()
        .importance(Importance::High)
        .accepted(OWN_METADATA)
        .doc("Age of the metadata log and its snapshots."),
    ConfigDef::int("num.replica.alter.log.dirs.threads", None)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_DIRECTORY)
        .doc("Threads that move replicas between directories."),
    ConfigDef::int("replica.fetch.backoff.ms", Some("1000"))
        .at_least(0)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Pause of a follower after a failed fetch."),
    ConfigDef::int("replica.fetch.min.bytes", Some("1"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Bytes a follower waits for in a fetch."),
    ConfigDef::int("replica.fetch.response.max.bytes", Some("10485760"))
        .at_least(0)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Most bytes in one answer to a follower."),
    ConfigDef::int("replica.fetch.wait.max.ms", Some("500"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Longest wait of a follower's fetch."),
    ConfigDef::long("replica.high.watermark.checkpoint.interval.ms", Some("5000"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("How often high watermarks are written to disk."),
    ConfigDef::text("replica.selector.class", None)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Class that chooses the replica a consumer reads from."),
    ConfigDef::int("replica.socket.receive.buffer.bytes", Some("65536"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Receive buffer of connections between replicas."),
    ConfigDef::int("replica.socket.timeout.ms", Some("30000"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Longest wait on connections between replicas."),
    ConfigDef::int("replication.quota.window.num", Some("11"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_NODE)
        .doc("Samples kept for bounds on replication."),
    ConfigDef::int("replication.quota.window.size.seconds", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(ONE_NODE)
        .doc("Time one sample of replication spans."),
    ConfigDef::long("socket.connection.setup.timeout.max.ms", Some("30000"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Longest time to set up a connection to another node."),
    ConfigDef::long("socket.connection.setup.timeout.ms", Some("10000"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Time to set up the first connection to another node."),
];
