//! Broker settings of the node, its listeners, its connections and its limits.

use crate::config::Validator;
use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{ONE_NODE, OWN_THREADS};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::text("admin.listen", None)
        .read_only()
        .doc("Address of the HTTP listener for health and metrics, `HOST:PORT`; none is opened without it."),
    ConfigDef::int("admin.metrics.max.series", Some("1000"))
        .at_least(1)
        .read_only()
        .doc("Time series of one metric with topics or groups as labels; the rest is added up in one more."),
    ConfigDef::list("advertised.listeners", None)
        .read_only()
        .importance(Importance::High)
        .doc("Addresses clients are told to connect to, `[NAME=]HOST:PORT`, separated by commas."),
    ConfigDef::boolean("auto.create.topics.enable", Some("true"))
        .read_only()
        .importance(Importance::High)
        .doc("Create a topic when a client asks for its metadata or produces to it."),
    ConfigDef::boolean("auto.leader.rebalance.enable", Some("true"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Give leadership back to preferred replicas by itself."),
    ConfigDef::int("background.threads", Some("10"))
        .at_least(1)
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Threads of background work."),
    ConfigDef::int("broker.id", Some("1"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .doc("The same as `node.id`."),
    ConfigDef::text("broker.rack", None).read_only().doc("Rack or zone of this node, reported to clients."),
    ConfigDef::long("connections.max.idle.ms", Some("600000"))
        .read_only()
        .doc("Idle time after which a connection is closed."),
    ConfigDef::boolean("controlled.shutdown.enable", Some("true"))
        .read_only()
        .accepted(ONE_NODE)
        .doc("Move leadership away before stopping."),
    ConfigDef::int("default.replication.factor", Some("1"))
        .read_only()
        .doc("Replicas of a topic created without a count."),
    ConfigDef::boolean("delete.topic.enable", Some("true"))
        .read_only()
        .importance(Importance::High)
        .doc("Allow topics to be deleted."),
    ConfigDef::int("fetch.max.bytes", Some("57671680"))
        .at_least(1024)
        .read_only()
        .doc("Largest size of a Fetch answer, whatever the client asks for."),
    ConfigDef::text("inter.broker.listener.name", None)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Listener that brokers use among themselves."),
    ConfigDef::text("listener.security.protocol.map", Some("PLAINTEXT:PLAINTEXT"))
        .per_broker()
        .importance(Importance::Low)
        .accepted("Every listener is PLAINTEXT.")
        .doc("Security protocol of each listener name."),
    ConfigDef::list("listeners", Some("0.0.0.0:9092"))
        .per_broker()
        .importance(Importance::High)
        .doc("Addresses to bind, `[NAME=]HOST:PORT`, separated by commas."),
    ConfigDef::int("max.connection.creation.rate", Some("2147483647"))
        .at_least(0)
        .accepted("Connections are bounded in number, not in how fast they come.")
        .doc("Connections accepted in a second."),
    ConfigDef::int("max.connections", Some("2147483647")).at_least(0).doc("Connections open at once."),
    ConfigDef::int("max.connections.per.ip", Some("2147483647"))
        .at_least(0)
        .doc("Connections open at once from one address."),
    ConfigDef::text("max.connections.per.ip.overrides", Some(""))
        .check(Validator::ConnectionCounts)
        .doc("Connections from single addresses, `host:count`, instead of `max.connections.per.ip`."),
    ConfigDef::int("max.incremental.fetch.session.cache.slots", Some("1000"))
        .at_least(0)
        .read_only()
        .doc("Fetch sessions kept at once; each of 8 parts has its share of them."),
    ConfigDef::int("max.partitions", Some("100000"))
        .at_least(1)
        .read_only()
        .doc("Partitions this broker may hold in all."),
    ConfigDef::int("max.partitions.per.topic", Some("10000"))
        .at_least(1)
        .read_only()
        .doc("Partitions a topic may have."),
    ConfigDef::int("max.request.partition.size.limit", Some("2000"))
        .at_least(1)
        .read_only()
        .doc("Partitions in one answer to DescribeTopicPartitions."),
    ConfigDef::int("node.id", Some("1"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .doc("Number of this node in the cluster."),
    ConfigDef::int("num.io.threads", Some("8"))
        .at_least(1)
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Threads that handle requests."),
    ConfigDef::int("num.network.threads", Some("3"))
        .at_least(1)
        .importance(Importance::High)
        .accepted(OWN_THREADS)
        .doc("Threads that serve sockets."),
    ConfigDef::int("num.partitions", Some("1"))
        .at_least(1)
        .read_only()
        .doc("Partitions of a topic created without a count."),
    ConfigDef::int("num.replica.fetchers", Some("1"))
        .at_least(1)
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Threads that copy from leaders."),
    ConfigDef::list("process.roles", Some("broker,controller"))
        .one_of(&["broker", "controller"])
        .read_only()
        .importance(Importance::High)
        .accepted("A Naru node is both broker and controller.")
        .doc("Roles of this node."),
    ConfigDef::long("queued.max.request.bytes", Some("-1"))
        .read_only()
        .doc("Bytes of requests in memory at once; -1 lets the broker choose."),
    ConfigDef::int("queued.max.requests", Some("500"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted("Requests are bounded in bytes and per connection instead.")
        .doc("Requests waiting for a handler."),
    ConfigDef::int("replica.fetch.max.bytes", Some("1048576"))
        .at_least(0)
        .read_only()
        .accepted(ONE_NODE)
        .doc("Bytes a follower asks for in one fetch of a partition."),
    ConfigDef::long("replica.lag.time.max.ms", Some("30000"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Lag after which a follower leaves the in-sync set."),
    ConfigDef::int("request.timeout.ms", Some("30000"))
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("How long a request of the broker itself may take."),
    ConfigDef::text("security.inter.broker.protocol", Some("PLAINTEXT"))
        .one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
        .read_only()
        .accepted(ONE_NODE)
        .doc("Security protocol between brokers."),
    // Kafka's 50 loses connections, for a second each, when many services start at once.
    ConfigDef::int("socket.listen.backlog.size", Some("1024"))
        .at_least(1)
        .read_only()
        .doc("Connections that may wait to be accepted."),
    ConfigDef::int("socket.receive.buffer.bytes", Some("-1"))
        .read_only()
        .importance(Importance::High)
        .doc("Receive buffer of a socket; -1 leaves it to the system."),
    ConfigDef::int("socket.request.max.bytes", Some("104857600"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .doc("Largest request frame; a longer one closes the connection."),
    ConfigDef::int("socket.send.buffer.bytes", Some("-1"))
        .read_only()
        .importance(Importance::High)
        .doc("Send buffer of a socket; -1 leaves it to the system."),
];
