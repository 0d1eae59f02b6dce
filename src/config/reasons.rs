//! Reasons why a setting is accepted and changes nothing, shared by the tables.

pub(super) const FOR_TESTS: &str = "It is for tests of Kafka; `segment.bytes` counts.";
pub(super) const NO_ACLS: &str = "There is no access control yet.";
pub(super) const NO_COMPACTION: &str = "There is no compaction yet; the value is kept and reported.";
pub(super) const NO_CONSUMER_GROUPS: &str = "Groups use the classic protocol; the value is kept and reported.";
pub(super) const NO_PLUGINS: &str = "There is no JVM that could load a class.";
pub(super) const NO_PURGATORY: &str = "A wait that is over leaves nothing behind to be cleared away.";
pub(super) const NO_SASL: &str = "There is no authentication yet.";
pub(super) const NO_SHARE_GROUPS: &str = "There are no share groups yet; the value is kept and reported.";
pub(super) const NO_STREAMS_GROUPS: &str = "There are no streams groups yet; the value is kept and reported.";
pub(super) const NO_TELEMETRY: &str = "Clients push no metrics here; the value is kept and reported.";
pub(super) const NO_TIERING: &str = "Tiered storage is not available; the value is kept and reported.";
pub(super) const NO_TLS: &str = "There is no TLS yet.";
pub(super) const NO_TRANSACTIONS: &str = "There are no transactions yet; the value is kept and reported.";
pub(super) const ONE_DIRECTORY: &str = "There is one data directory; the value is kept and reported.";
pub(super) const ONE_LEVEL: &str = "LZ4 has one level here, a fast one; the value is kept and reported.";
pub(super) const ONE_NODE: &str = "One node holds every replica; the value is kept and reported.";
pub(super) const OWN_CHECKPOINTS: &str = "Checkpoints are written once a second; the value is kept and reported.";
pub(super) const OWN_DECOMPRESSION_LIMIT: &str = "What a batch may grow to follows from its compressed size.";
pub(super) const OWN_METADATA: &str = "The metadata log is kept whole, in the data directory.";
pub(super) const OWN_METRICS: &str = "Metrics are served over HTTP (`admin.listen`); the value is kept and reported.";
pub(super) const OWN_THREADS: &str = "The broker sizes its own threads; the value is kept and reported.";
