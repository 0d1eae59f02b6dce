//! The settings of the group coordinator, with the names and defaults that Kafka 4.4 gives them.

/// Less than the smallest `segment.bytes` of a topic, 1 MiB, by more than the header of a batch and of a record: no setting
/// of `__consumer_offsets` can refuse a record for ever.
const MAX_RECORD_BYTES: usize = (1 << 20) - 1024;

/// Settings of the group coordinator.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.initial.rebalance.delay.ms`: how long the first rebalance of an empty group waits for more members.
    pub initial_rebalance_delay_ms: i32,
    /// `group.min.session.timeout.ms`: a shorter session timeout is refused with `INVALID_SESSION_TIMEOUT`.
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`: a longer session timeout is refused with `INVALID_SESSION_TIMEOUT`.
    pub max_session_timeout_ms: i32,
    /// `group.max.size`: members of one group; one more is refused with `GROUP_MAX_SIZE_REACHED`.
    pub max_size: usize,
    /// `group.coordinator.max.groups.per.partition`: groups in one partition of `__consumer_offsets`; one more is refused with `GROUP_MAX_SIZE_REACHED`. Kafka has no
    /// such limit; without it a client that invents group ids fills the memory.
    pub max_groups_per_partition: usize,
    /// `group.coordinator.max.pending.members`: member ids of one group that were handed out and not yet used; one more is refused with
    /// `GROUP_MAX_SIZE_REACHED`. Kafka has no such limit.
    pub max_pending_members: usize,
    /// `offset.metadata.max.bytes`: longer metadata of a committed offset is refused with `OFFSET_METADATA_TOO_LARGE`.
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`, in milliseconds: how long the offsets of a group without members are kept.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`: how often expired offsets are looked for.
    pub offsets_retention_check_interval_ms: i64,
    /// Largest batch of records, and largest group: one whose record would be larger does not become stable. The log takes
    /// any batch that fits a segment, whatever `message.max.bytes` says, so this must stay below the smallest `segment.bytes`.
    pub max_record_bytes: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay_ms: 3_000,
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            max_size: i32::MAX as usize,
            max_groups_per_partition: 20_000,
            max_pending_members: 10_000,
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 10_080 * 60_000,
            offsets_retention_check_interval_ms: 600_000,
            max_record_bytes: MAX_RECORD_BYTES,
        }
    }
}
