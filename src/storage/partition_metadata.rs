//! Kafka's `partition.metadata`: which topic a log directory belongs to, by id, so that a topic that was deleted and made again
//! under the same name never adopts the old one's records.

use uuid::Uuid;

use super::uuid_text;

/// Name of the file in the log directory.
pub const FILE_NAME: &str = "partition.metadata";

/// A `partition.metadata` file that cannot be right. The directory's topic is then unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartitionMetadataError {
    /// Not text, or a line without a value.
    #[error("partition.metadata is not made of `name: value` lines")]
    Malformed,
    /// Another version of the format.
    #[error("partition.metadata has version {0:?}, but only version 0 is known")]
    UnknownVersion(String),
    /// No topic id, or one that is no UUID, or the zero UUID.
    #[error("partition.metadata names no valid topic id")]
    NoTopicId,
}

/// The bytes of the file.
pub fn encode(topic_id: Uuid) -> Vec<u8> {
    format!("version: 0\ntopic_id: {}", uuid_text::encode(topic_id)).into_bytes()
}

/// Reads the topic id.
pub fn decode(file: &[u8]) -> Result<Uuid, PartitionMetadataError> {
    let text = std::str::from_utf8(file).map_err(|_| PartitionMetadataError::Malformed)?;
    let (mut version, mut topic_id) = (None, None);
    for line in text.lines() {
        let (name, value) = line.split_once(':').ok_or(PartitionMetadataError::Malformed)?;
        match name.trim() {
            "version" => version = Some(value.trim()),
            "topic_id" => topic_id = Some(value.trim()),
            _ => return Err(PartitionMetadataError::Malformed),
        }
    }
    match version {
        Some("0") => {}
        other => return Err(PartitionMetadataError::UnknownVersion(other.unwrap_or_default().to_owned())),
    }
    topic_id.and_then(uuid_text::decode).filter(|id| !id.is_nil()).ok_or(PartitionMetadataError::NoTopicId)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"version: 0\ntopic_id: 4L6g3nSFT-eMCtK---X6wQ";
    const ID: Uuid = Uuid::from_u128(0xe0be_a0de_7485_4fe7_8c0a_d2be_fbe5_fac1);

    #[test]
    fn the_file_is_kafkas() {
        assert_eq!(encode(ID), TEXT);
        assert_eq!(decode(TEXT), Ok(ID));
        assert_eq!(decode(&[TEXT, b"\n"].concat()), Ok(ID));
    }

    #[test]
    fn a_file_that_cannot_be_right_is_refused() {
        assert_eq!(decode(b""), Err(PartitionMetadataError::UnknownVersion(String::new())));
        assert_eq!(decode(b"version: 1\ntopic_id: x"), Err(PartitionMetadataError::UnknownVersion("1".into())));
        assert_eq!(decode(b"version: 0\n"), Err(PartitionMetadataError::NoTopicId));
        assert_eq!(decode(b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA"), Err(PartitionMetadataError::NoTopicId));
        assert_eq!(decode(b"version: 0\ntopic_id"), Err(PartitionMetadataError::Malformed));
        assert_eq!(decode(&[0xff]), Err(PartitionMetadataError::Malformed));
    }
}
