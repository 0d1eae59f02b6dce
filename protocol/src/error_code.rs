//! Kafka's error codes.

use std::fmt;

use crate::wire::{DecodeError, EncodeError, Reader, Version, Wire, Writer};

/// An error code on the wire. A code that is not known keeps its number.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i16);

/// One row a code: number, name, whether clients try again by themselves, and what it means.
macro_rules! error_codes {
    ($($code:literal, $name:ident, $retriable:literal, $message:literal;)*) => {
        impl ErrorCode {
            $(
                #[doc = concat!($message, ".")]
                pub const $name: ErrorCode = ErrorCode($code);
            )*

            /// Every code of Kafka 4.4.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode($code)),*];

            /// Kafka's name of the code, or `UNKNOWN` for a code that Kafka 4.4 does not have.
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }

            /// Whether Kafka's clients try the request again without being told to.
            pub fn is_retriable(self) -> bool {
                match self.0 {
                    $($code => $retriable,)*
                    _ => false,
                }
            }

            /// What the code means, in half a sentence.
            pub fn message(self) -> &'static str {
                match self.0 {
                    $($code => $message,)*
                    _ => "an error that this version does not know",
                }
            }
        }
    };
}

error_codes! {
    -1, UNKNOWN_SERVER_ERROR, false, "the broker met an error it did not expect";
    0, NONE, false, "no error";
    1, OFFSET_OUT_OF_RANGE, false, "the offset is outside of the log";
    2, CORRUPT_MESSAGE, true, "the batch is damaged, or a record of a compacted topic has no key";
    3, UNKNOWN_TOPIC_OR_PARTITION, true, "the topic or partition does not exist here";
    4, INVALID_FETCH_SIZE, false, "the fetch size is not valid";
    5, LEADER_NOT_AVAILABLE, true, "the partition has no leader at the moment";
    6, NOT_LEADER_OR_FOLLOWER, true, "the broker is neither leader nor follower of the partition";
    7, REQUEST_TIMED_OUT, true, "the time limit of the request has passed";
    8, BROKER_NOT_AVAILABLE, false, "the broker is not available";
    9, REPLICA_NOT_AVAILABLE, true, "the replica is not available";
    10, MESSAGE_TOO_LARGE, false, "the batch is larger than max.message.bytes";
    11, STALE_CONTROLLER_EPOCH, false, "the controller epoch is out of date";
    12, OFFSET_METADATA_TOO_LARGE, false, "the metadata of the committed offset is too long";
    13, NETWORK_EXCEPTION, true, "the connection ended before the answer came";
    14, COORDINATOR_LOAD_IN_PROGRESS, true, "the coordinator is still loading its state";
    15, COORDINATOR_NOT_AVAILABLE, true, "there is no coordinator at the moment";
    16, NOT_COORDINATOR, true, "another broker is the coordinator";
    17, INVALID_TOPIC_EXCEPTION, false, "the topic name is not valid, or the topic is internal";
    18, RECORD_LIST_TOO_LARGE, false, "the batch is larger than a segment";
    19, NOT_ENOUGH_REPLICAS, true, "there are fewer in-sync replicas than min.insync.replicas";
    20, NOT_ENOUGH_REPLICAS_AFTER_APPEND, true, "the batch is in the log, but on fewer replicas than min.insync.replicas";
    21, INVALID_REQUIRED_ACKS, false, "acks must be 0, 1 or -1";
    22, ILLEGAL_GENERATION, false, "the generation is not the current one of the group";
    23, INCONSISTENT_GROUP_PROTOCOL, false, "the member shares no protocol with the group";
    24, INVALID_GROUP_ID, false, "the group id is not valid";
    25, UNKNOWN_MEMBER_ID, false, "the group has no such member";
    26, INVALID_SESSION_TIMEOUT, false, "the session timeout is outside of the limits of the broker";
    27, REBALANCE_IN_PROGRESS, false, "the group rebalances; join again";
    28, INVALID_COMMIT_OFFSET_SIZE, false, "the committed offsets are too large";
    29, TOPIC_AUTHORIZATION_FAILED, false, "the client may not do this with the topic";
    30, GROUP_AUTHORIZATION_FAILED, false, "the client may not do this with the group";
    31, CLUSTER_AUTHORIZATION_FAILED, false, "the client may not do this with the cluster";
    32, INVALID_TIMESTAMP, false, "the time stamp is outside of the limits of the topic";
    33, UNSUPPORTED_SASL_MECHANISM, false, "the broker does not support this SASL mechanism";
    34, ILLEGAL_SASL_STATE, false, "the request does not fit the state of the SASL exchange";
    35, UNSUPPORTED_VERSION, false, "the broker does not support this version of the API";
    36, TOPIC_ALREADY_EXISTS, false, "a topic with this name exists already";
    37, INVALID_PARTITIONS, false, "the number of partitions is not valid";
    38, INVALID_REPLICATION_FACTOR, false, "the replication factor is not valid for this cluster";
    39, INVALID_REPLICA_ASSIGNMENT, false, "the replica assignment is not valid";
    40, INVALID_CONFIG, false, "the configuration is not valid";
    41, NOT_CONTROLLER, true, "another node is the controller";
    42, INVALID_REQUEST, false, "the request is malformed or contradicts itself";
    43, UNSUPPORTED_FOR_MESSAGE_FORMAT, false, "the message format does not support this";
    44, POLICY_VIOLATION, false, "a policy of the broker forbids this";
    45, OUT_OF_ORDER_SEQUENCE_NUMBER, false, "the sequence number leaves a gap";
    46, DUPLICATE_SEQUENCE_NUMBER, false, "the sequence number was used before";
    47, INVALID_PRODUCER_EPOCH, false, "the producer epoch is older than the current one";
    48, INVALID_TXN_STATE, false, "the transaction is in a state that does not allow this";
    49, INVALID_PRODUCER_ID_MAPPING, false, "the producer id does not belong to the transactional id";
    50, INVALID_TRANSACTION_TIMEOUT, false, "the transaction timeout is above transaction.max.timeout.ms";
    51, CONCURRENT_TRANSACTIONS, true, "another operation on the same transaction is under way";
    52, TRANSACTION_COORDINATOR_FENCED, false, "another broker has become the transaction coordinator";
    53, TRANSACTIONAL_ID_AUTHORIZATION_FAILED, false, "the client may not use the transactional id";
    54, SECURITY_DISABLED, false, "security is not enabled";
    55, OPERATION_NOT_ATTEMPTED, false, "not attempted, because another part of the request failed";
    56, KAFKA_STORAGE_ERROR, true, "the disk failed or is full";
    57, LOG_DIR_NOT_FOUND, false, "the log directory does not exist";
    58, SASL_AUTHENTICATION_FAILED, false, "authentication failed";
    59, UNKNOWN_PRODUCER_ID, false, "nothing is known about the producer id";
    60, REASSIGNMENT_IN_PROGRESS, false, "a reassignment of the partition is under way";
    61, DELEGATION_TOKEN_AUTH_DISABLED, false, "delegation tokens are not enabled";
    62, DELEGATION_TOKEN_NOT_FOUND, false, "the delegation token does not exist";
    63, DELEGATION_TOKEN_OWNER_MISMATCH, false, "the delegation token belongs to someone else";
    64, DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, false, "delegation tokens cannot be asked for on this connection";
    65, DELEGATION_TOKEN_AUTHORIZATION_FAILED, false, "the client may not do this with delegation tokens";
    66, DELEGATION_TOKEN_EXPIRED, false, "the delegation token has expired";
    67, INVALID_PRINCIPAL_TYPE, false, "the principal type is not supported";
    68, NON_EMPTY_GROUP, false, "the group still has members";
    69, GROUP_ID_NOT_FOUND, false, "the group does not exist";
    70, FETCH_SESSION_ID_NOT_FOUND, true, "the fetch session does not exist";
    71, INVALID_FETCH_SESSION_EPOCH, true, "the fetch session epoch is not the next one";
    72, LISTENER_NOT_FOUND, true, "the leader has no listener of this name";
    73, TOPIC_DELETION_DISABLED, false, "topic deletion is disabled";
    74, FENCED_LEADER_EPOCH, true, "the leader epoch is older than the current one";
    75, UNKNOWN_LEADER_EPOCH, true, "the leader epoch is newer than the current one";
    76, UNSUPPORTED_COMPRESSION_TYPE, false, "the version of the API does not know the compression of the batches";
    77, STALE_BROKER_EPOCH, false, "the broker epoch is out of date";
    78, OFFSET_NOT_AVAILABLE, true, "the new leader does not know the high watermark yet";
    79, MEMBER_ID_REQUIRED, false, "join again with the member id of this answer";
    80, PREFERRED_LEADER_NOT_AVAILABLE, true, "the preferred leader is not available";
    81, GROUP_MAX_SIZE_REACHED, false, "the group has as many members as it may have";
    82, FENCED_INSTANCE_ID, false, "another member uses the group instance id";
    83, ELIGIBLE_LEADERS_NOT_AVAILABLE, true, "no leader that may be elected is available";
    84, ELECTION_NOT_NEEDED, true, "the partition has this leader already";
    85, NO_REASSIGNMENT_IN_PROGRESS, false, "no reassignment of the partition is under way";
    86, GROUP_SUBSCRIBED_TO_TOPIC, false, "the group is subscribed to the topic";
    87, INVALID_RECORD, false, "a record is not valid";
    88, UNSTABLE_OFFSET_COMMIT, true, "offsets are part of a transaction that is still open";
    89, THROTTLING_QUOTA_EXCEEDED, true, "the quota for changes is used up for now";
    90, PRODUCER_FENCED, false, "a newer producer with the same transactional id exists";
    91, RESOURCE_NOT_FOUND, false, "the resource does not exist";
    92, DUPLICATE_RESOURCE, false, "the resource is named twice";
    93, UNACCEPTABLE_CREDENTIAL, false, "the credential is not acceptable";
    94, INCONSISTENT_VOTER_SET, false, "the node is not one of the voters";
    95, INVALID_UPDATE_VERSION, false, "the version of the update is not valid";
    96, FEATURE_UPDATE_FAILED, false, "the feature could not be updated";
    97, PRINCIPAL_DESERIALIZATION_FAILURE, false, "the forwarded principal cannot be read";
    98, SNAPSHOT_NOT_FOUND, false, "the snapshot does not exist";
    99, POSITION_OUT_OF_RANGE, false, "the position is outside of the snapshot";
    100, UNKNOWN_TOPIC_ID, true, "no topic has this id";
    101, DUPLICATE_BROKER_REGISTRATION, false, "the broker id is in use";
    102, BROKER_ID_NOT_REGISTERED, false, "no broker with this id is registered";
    103, INCONSISTENT_TOPIC_ID, true, "the topic id is not the one of the log";
    104, INCONSISTENT_CLUSTER_ID, false, "the cluster id is another one";
    105, TRANSACTIONAL_ID_NOT_FOUND, false, "the transactional id does not exist";
    106, FETCH_SESSION_TOPIC_ID_ERROR, true, "the fetch session mixes topic ids and names";
    107, INELIGIBLE_REPLICA, false, "a replica may not join the in-sync replicas";
    108, NEW_LEADER_ELECTED, false, "the leader has changed";
    109, OFFSET_MOVED_TO_TIERED_STORAGE, false, "the offset has moved to tiered storage";
    110, FENCED_MEMBER_EPOCH, false, "the member epoch is fenced; give up all partitions and join again";
    111, UNRELEASED_INSTANCE_ID, false, "another member still uses the group instance id";
    112, UNSUPPORTED_ASSIGNOR, false, "the group does not support the assignor";
    113, STALE_MEMBER_EPOCH, false, "the member epoch is out of date; heartbeat first";
    114, MISMATCHED_ENDPOINT_TYPE, false, "the request reached the wrong kind of endpoint";
    115, UNSUPPORTED_ENDPOINT_TYPE, false, "the kind of endpoint is not supported";
    116, UNKNOWN_CONTROLLER_ID, false, "the controller id is not known";
    117, UNKNOWN_SUBSCRIPTION_ID, false, "the telemetry subscription is not valid any more";
    118, TELEMETRY_TOO_LARGE, false, "the pushed metrics are too large";
    119, INVALID_REGISTRATION, false, "the registration of the broker is not valid";
    120, TRANSACTION_ABORTABLE, false, "the transaction cannot go on; abort it and begin another";
    121, INVALID_RECORD_STATE, false, "the record is not in the state that the acknowledgement needs";
    122, SHARE_SESSION_NOT_FOUND, true, "the share session does not exist";
    123, INVALID_SHARE_SESSION_EPOCH, true, "the share session epoch is not the next one";
    124, FENCED_STATE_EPOCH, false, "the state epoch is out of date";
    125, INVALID_VOTER_KEY, false, "the voter key is not the one of the replica";
    126, DUPLICATE_VOTER, false, "the voter is in the set already";
    127, VOTER_NOT_FOUND, false, "the voter is not in the set";
    128, INVALID_REGULAR_EXPRESSION, false, "the regular expression is not valid";
    129, REBOOTSTRAP_REQUIRED, false, "the client should bootstrap again";
    130, STREAMS_INVALID_TOPOLOGY, false, "the topology is not valid";
    131, STREAMS_INVALID_TOPOLOGY_EPOCH, false, "the topology epoch is not valid";
    132, STREAMS_TOPOLOGY_FENCED, false, "the topology epoch is out of date";
    133, SHARE_SESSION_LIMIT_REACHED, true, "the broker has as many share sessions as it may have";
    134, GROUP_DELETION_FAILED, false, "the group could not be deleted";
    135, STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED, false, "the topology description could not be updated";
    136, CONTROLLER_ID_NOT_REGISTERED, false, "no controller with this id is registered";
}

impl ErrorCode {
    /// Whether there is no error.
    pub fn is_none(self) -> bool {
        self == ErrorCode::NONE
    }

    /// Whether there is an error.
    pub fn is_error(self) -> bool {
        !self.is_none()
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name(), self.0, self.message())
    }
}

impl Wire for ErrorCode {
    const MIN_SIZE: usize = i16::MIN_SIZE;

    fn decode(r: &mut Reader, v: Version) -> Result<ErrorCode, DecodeError> {
        i16::decode(r, v).map(ErrorCode)
    }

    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        if self.is_error() {
            w.note_error(*self);
        }
        self.0.encode(w, v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_without_gap() {
        let codes: Vec<i16> = ErrorCode::ALL.iter().map(|code| code.0).collect();
        assert_eq!(codes, (-1..=136).collect::<Vec<_>>());
    }

    #[test]
    fn a_code_explains_itself() {
        let code = ErrorCode::NOT_COORDINATOR;
        assert!(code.is_retriable() && code.is_error() && ErrorCode::default().is_none());
        assert_eq!(code.to_string(), "NOT_COORDINATOR (16): another broker is the coordinator");
        assert_eq!(format!("{code:?}"), "NOT_COORDINATOR(16)");
    }

    #[test]
    fn an_unknown_code_keeps_its_number() {
        let code = ErrorCode(999);
        assert_eq!((code.0, code.name(), code.is_retriable()), (999, "UNKNOWN", false));
    }
}
