//! Why bytes are not a message, and why a message cannot become bytes.

use thiserror::Error;

use super::Version;

/// Bytes that are not what they should be. The sender is at fault: close the connection, or refuse the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("{needed} bytes are needed at byte {position}, but only {remaining} are left")]
    Truncated {
        /// Where the value begins.
        position: usize,
        /// How long it says it is.
        needed: usize,
        /// How many bytes are there.
        remaining: usize,
    },
    /// A variable-length integer that goes on after its last possible byte.
    #[error("the variable-length integer at byte {position} is too long")]
    VarintTooLong {
        /// Where it begins.
        position: usize,
    },
    /// A string longer than Kafka's limit of 32767 bytes.
    #[error("the string at byte {position} has {length} bytes; the most that Kafka allows is 32767")]
    StringTooLong {
        /// Where its bytes begin.
        position: usize,
        /// Its length.
        length: usize,
    },
    /// More elements than the remaining bytes can hold.
    #[error("{count} elements are announced at byte {position}, but only {remaining} bytes are left")]
    TooManyElements {
        /// Where the elements begin.
        position: usize,
        /// How many there should be.
        count: usize,
        /// How many bytes are there.
        remaining: usize,
    },
    /// The values would take far more memory than the bytes that describe them.
    #[error("{count} elements at byte {position} take more memory than a message of this size may use")]
    MemoryExceeded {
        /// Where the elements begin.
        position: usize,
        /// How many there are.
        count: usize,
    },
    /// Null where the version does not allow it.
    #[error("the value at byte {position} is null; it must not be in this version")]
    UnexpectedNull {
        /// Where the value is.
        position: usize,
    },
    /// A named field that is null where the version does not allow it.
    #[error("the field {field} is null; it must not be in this version")]
    NullField {
        /// The field.
        field: &'static str,
    },
    /// An API key that Kafka does not have.
    #[error("{key} is not the key of an API")]
    UnknownApi {
        /// The key.
        key: i16,
    },
    /// A version that the message does not have.
    #[error("version {version} of {name} does not exist")]
    UnknownVersion {
        /// The message.
        name: &'static str,
        /// The version that was asked for.
        version: i16,
    },
    /// A record of an internal topic whose type is not known.
    #[error("{record_type} is not the type of a record that {topic} holds")]
    UnknownRecordType {
        /// The topic.
        topic: &'static str,
        /// The type in the record.
        record_type: i32,
    },
    /// The frame of a metadata record has another format.
    #[error("the frame version of the metadata record is {version}; only 1 is known")]
    UnknownFrameVersion {
        /// The version in the record.
        version: u32,
    },
    /// Bytes are left after the end of the value.
    #[error("{count} bytes are left after the end")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
}

/// A message that its version cannot express. The caller is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A field has a value, but the version does not have the field and it must not be dropped silently.
    #[error("version {version} has no field {field}; leave it at its default or use another version")]
    LostField {
        /// The field.
        field: &'static str,
        /// The version.
        version: i16,
    },
    /// Null where the version does not allow it.
    #[error("the field {field} must not be null in version {version}")]
    NullField {
        /// The field.
        field: &'static str,
        /// The version.
        version: i16,
    },
    /// A string longer than Kafka's limit of 32767 bytes.
    #[error("a string has {length} bytes; the most that Kafka allows is 32767")]
    StringTooLong {
        /// Its length.
        length: usize,
    },
    /// Bytes, elements or a frame whose length does not fit into 31 bits.
    #[error("a length of {length} does not fit into 31 bits")]
    TooLong {
        /// The length.
        length: usize,
    },
    /// A version that the message does not have.
    #[error("version {version} of {name} does not exist")]
    UnknownVersion {
        /// The message.
        name: &'static str,
        /// The version that was asked for.
        version: i16,
    },
}

impl EncodeError {
    /// A field that the version lacks holds a value that must not be dropped.
    pub fn lost_field(field: &'static str, version: Version) -> EncodeError {
        EncodeError::LostField { field, version: version.number }
    }
}
