//! The records of Kafka's internal topics.

use crate::wire::Message;

/// A key, a value or a metadata record: a message with a type number.
pub trait StateRecord: Message {
    /// The number of the record's type.
    const TYPE: i16;
}
