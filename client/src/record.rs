//! Records on their way out and in.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::records::Header;
use naru_protocol::records::TimestampType;

/// A topic and the number of one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: ByteString,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<ByteString>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A record to send. Cheap to clone: key, value and headers are shared.
///
/// ```
/// use naru_client::Record;
///
/// let record = Record::to("orders").key("customer-7").value(r#"{"item":"boat"}"#).header("trace", "4bf92f35");
/// assert_eq!(record.topic, "orders");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: ByteString,
    /// The partition, if the caller chooses it; else the key does, else the producer.
    pub partition: Option<i32>,
    /// The key. Records with the same key go to the same partition, in order. An empty key is a key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in their order; a name may come more than once.
    pub headers: Vec<Header>,
    /// Milliseconds since 1970; the time of sending if `None`.
    pub timestamp: Option<i64>,
}

impl Record {
    /// A record without key and value.
    pub fn to(topic: impl Into<ByteString>) -> Self {
        let topic = topic.into();
        Self { topic, partition: None, key: None, value: None, headers: Vec::new(), timestamp: None }
    }

    /// With a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With a value.
    #[must_use]
    pub fn value(mut self, value: impl Into<Bytes>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// To this partition, whatever the key.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.headers.push(Header { key: name.into(), value: Some(value.into()) });
        self
    }

    /// With a time stamp, in milliseconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, ms: i64) -> Self {
        self.timestamp = Some(ms);
        self
    }
}

/// Where a record that was sent has come to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: ByteString,
    /// The partition.
    pub partition: i32,
    /// The offset; −1 where the broker does not say (acks=0).
    pub offset: i64,
    /// Milliseconds since 1970: the record's own, or that of the append where the topic has append time.
    pub timestamp: i64,
}

/// A record that was received. Key, value and headers are slices of the batch they came in: no copy is made, and the batch is
/// held in memory as long as one of them is. Copy what you keep for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// The topic.
    pub topic: ByteString,
    /// The partition.
    pub partition: i32,
    /// The position in the partition.
    pub offset: i64,
    /// The epoch of the leader that appended it; −1 if unknown.
    pub leader_epoch: i32,
    /// Milliseconds since 1970; −1 for none.
    pub timestamp: i64,
    /// Whose clock the time stamp is.
    pub timestamp_type: TimestampType,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in their order.
    pub headers: Vec<Header>,
}

impl ConsumerRecord {
    /// The value of the last header with this name, as Kafka's clients choose it.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|header| header.key == name.as_bytes())?.value.as_ref()
    }

    /// Topic and partition.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: self.partition }
    }
}
