//! Broker settings of producers and transactions.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_TRANSACTIONS, ONE_NODE};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::int("add.partitions.to.txn.retry.backoff.max.ms", Some("100"))
        .at_least(0)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_TRANSACTIONS)
        .doc("Longest pause before adding a partition to a transaction is tried again."),
    ConfigDef::int("add.partitions.to.txn.retry.backoff.ms", Some("20"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_TRANSACTIONS)
        .doc("First pause before adding a partition to a transaction is tried again."),
    ConfigDef::int("producer.id.expiration.ms", Some("86400000"))
        .at_least(1)
        .importance(Importance::Low)
        .doc("Idle time after which a producer's sequence numbers are forgotten."),
    ConfigDef::int("transaction.abort.timed.out.transaction.cleanup.interval.ms", Some("10000"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(NO_TRANSACTIONS)
        .doc("Time between two looks for transactions that timed out."),
    ConfigDef::int("transaction.max.timeout.ms", Some("900000"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_TRANSACTIONS)
        .doc("Longest transaction timeout a producer may ask for."),
    ConfigDef::boolean("transaction.partition.verification.enable", Some("true"))
        .importance(Importance::Low)
        .accepted(NO_TRANSACTIONS)
        .doc("Check that a partition belongs to the transaction before transactional records are stored."),
    ConfigDef::int("transaction.remove.expired.transaction.cleanup.interval.ms", Some("3600000"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .accepted(NO_TRANSACTIONS)
        .doc("Time between two looks for expired transactional ids."),
    ConfigDef::int("transaction.state.log.load.buffer.size", Some("5242880"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_TRANSACTIONS)
        .doc("Bytes read at a time when transaction state is loaded."),
    ConfigDef::int("transaction.state.log.min.isr", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Replicas of `__transaction_state` that must be in sync."),
    ConfigDef::int("transaction.state.log.num.partitions", Some("50"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .doc("Partitions of `__transaction_state`; fixed once it exists."),
    ConfigDef::short("transaction.state.log.replication.factor", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(ONE_NODE)
        .doc("Replicas of `__transaction_state`."),
    ConfigDef::int("transaction.state.log.segment.bytes", Some("104857600"))
        .at_least(1_048_576)
        .read_only()
        .importance(Importance::High)
        .doc("Segment size of `__transaction_state`."),
    ConfigDef::boolean("transaction.two.phase.commit.enable", Some("false"))
        .read_only()
        .importance(Importance::Low)
        .accepted("Two-phase commit is not available.")
        .doc("Allow transactions that an outside coordinator decides."),
    ConfigDef::int("transactional.id.expiration.ms", Some("604800000"))
        .at_least(1)
        .read_only()
        .importance(Importance::High)
        .accepted(NO_TRANSACTIONS)
        .doc("Idle time after which a transactional id is forgotten."),
];
