//! Reasons why a setting is accepted and changes nothing, shared by the tables.

pub(super) const AS_SENT: &str = "Batches are stored as the producer sent them.";
pub(super) const NO_COMPACTION: &str = "There is no compaction yet; the value is kept and reported.";
pub(super) const NO_CONSUMER_GROUPS: &str = "Groups use the classic protocol; the value is kept and reported.";
pub(super) const NO_SHARE_GROUPS: &str = "There are no share groups yet; the value is kept and reported.";
pub(super) const NO_TIERING: &str = "Tiered storage is not available; the value is kept and reported.";
pub(super) const NO_TRANSACTIONS: &str = "There are no transactions yet; the value is kept and reported.";
pub(super) const ONE_LEVEL: &str = "Nothing is compressed here; the value is kept and reported.";
pub(super) const ONE_NODE: &str = "One node holds every replica; the value is kept and reported.";
pub(super) const OWN_DECOMPRESSION_LIMIT: &str = "What a batch may grow to follows from its compressed size.";
pub(super) const OWN_THREADS: &str = "The broker sizes its own threads; the value is kept and reported.";
