//! `meta.json` in the data directory: which cluster and node the directory belongs to, in which format it is, and how often it
//! was started. Written at the first start, then once at each start (the incarnation).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::types::LeaderEpoch;
use super::uuid_text;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "meta.json";

/// The version of the data directory's layout that this program reads and writes.
pub const FORMAT: u32 = 1;

/// What identifies a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Version of the directory's layout.
    pub format: u32,
    /// The cluster's id, 22 characters of Kafka's UUID text.
    pub cluster_id: String,
    /// The broker's number in its cluster.
    pub node_id: i32,
    /// The identity of this data directory, whatever host it moves to.
    pub node_uuid: Uuid,
    /// How many starts came before the one that wrote this: 0 at the first. It is the leader epoch of every partition led here.
    pub incarnation: i32,
}

/// A `meta.json` that this program must not start with.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// Not the JSON that [`Meta::encode`] writes.
    #[error("meta.json cannot be read ({0}); restore it from a copy, the directory is not safe to use without it")]
    Malformed(#[from] serde_json::Error),
    /// Written by another version of the program.
    #[error("the data directory has format {found}, this program knows format {FORMAT}; use the version that wrote it")]
    UnknownFormat {
        /// The format in the file.
        found: u64,
    },
    /// A value that no program writes.
    #[error("meta.json has an invalid {field}: {value}")]
    Invalid {
        /// Name of the field.
        field: &'static str,
        /// The value found.
        value: String,
    },
    /// The last incarnation has been used.
    #[error("the data directory was started 2147483647 times; leader epochs are used up")]
    IncarnationsUsedUp,
}

impl Meta {
    /// The identity of a new data directory. Without a cluster id it founds a cluster of its own.
    pub fn new(cluster_id: Option<String>, node_id: i32) -> Result<Self, MetaError> {
        let cluster_id = cluster_id.unwrap_or_else(random_cluster_id);
        Self { format: FORMAT, cluster_id, node_id, node_uuid: Uuid::new_v4(), incarnation: 0 }.checked()
    }

    /// Reads the file.
    pub fn decode(file: &[u8]) -> Result<Self, MetaError> {
        // The format is looked at first: the fields of another format are not known.
        let json: serde_json::Value = serde_json::from_slice(file)?;
        match json.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => Err(MetaError::UnknownFormat { found }),
            _ => serde_json::from_value::<Self>(json)?.checked(),
        }
    }

    /// The bytes of the file: one field a line, for people.
    pub fn encode(&self) -> Result<Vec<u8>, MetaError> {
        let mut file = serde_json::to_vec_pretty(self)?;
        file.push(b'\n');
        Ok(file)
    }

    /// The identity that the next start writes, before it appends anything.
    pub fn next_incarnation(&self) -> Result<Self, MetaError> {
        let incarnation = self.incarnation.checked_add(1).ok_or(MetaError::IncarnationsUsedUp)?;
        Ok(Self { incarnation, ..self.clone() })
    }

    /// The leader epoch of every partition led by this start.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.incarnation)
    }

    fn checked(self) -> Result<Self, MetaError> {
        let invalid = |field, value: &dyn ToString| Err(MetaError::Invalid { field, value: value.to_string() });
        if uuid_text::decode(&self.cluster_id).is_none_or(|id| id.is_nil()) {
            return invalid("cluster_id", &self.cluster_id);
        }
        if self.node_id < 0 {
            return invalid("node_id", &self.node_id);
        }
        if self.incarnation < 0 {
            return invalid("incarnation", &self.incarnation);
        }
        Ok(self)
    }
}

/// A fresh cluster id. Like Kafka's, it never begins with a dash, which command lines would take for an option.
pub fn random_cluster_id() -> String {
    loop {
        let id = uuid_text::encode(Uuid::new_v4());
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_starts_at_incarnation_zero_and_counts_up() {
        let first = Meta::new(None, 1).unwrap();
        assert_eq!((first.incarnation, first.cluster_id.len()), (0, 22));
        let second = Meta::decode(&first.encode().unwrap()).unwrap().next_incarnation().unwrap();
        assert_eq!(second, Meta { incarnation: 1, ..first });
        assert_eq!(second.leader_epoch(), LeaderEpoch(1));
    }

    #[test]
    fn the_file_is_readable_json() {
        let meta = Meta {
            format: 1,
            cluster_id: "4L6g3nSFT-eMCtK---X6wQ".into(),
            node_id: 7,
            node_uuid: Uuid::from_u128(5),
            incarnation: 3,
        };
        let text = String::from_utf8(meta.encode().unwrap()).unwrap();
        assert!(
            text.contains("\"cluster_id\": \"4L6g3nSFT-eMCtK---X6wQ\"") && text.contains("\"incarnation\": 3"),
            "{text}"
        );
        assert_eq!(Meta::decode(text.as_bytes()).unwrap(), meta);
    }

    #[test]
    fn another_format_is_named_whatever_its_fields() {
        assert!(matches!(Meta::decode(b"{\"format\": 2, \"shard\": []}"), Err(MetaError::UnknownFormat { found: 2 })));
    }

    #[test]
    fn a_file_that_cannot_be_right_is_refused() {
        let good = String::from_utf8(Meta::new(None, 1).unwrap().encode().unwrap()).unwrap();
        for bad in ["", "{}", "[]", &good[..good.len() - 3], &good.replace("node_id", "node_ie")] {
            assert!(matches!(Meta::decode(bad.as_bytes()), Err(MetaError::Malformed(_))), "{bad}");
        }
        let negative = good.replace("\"node_id\": 1", "\"node_id\": -1");
        assert!(matches!(Meta::decode(negative.as_bytes()), Err(MetaError::Invalid { field: "node_id", .. })));
        assert!(matches!(Meta::new(Some("my-cluster".into()), 1), Err(MetaError::Invalid { field: "cluster_id", .. })));
    }

    #[test]
    fn the_last_incarnation_does_not_wrap() {
        let last = Meta { incarnation: i32::MAX, ..Meta::new(None, 1).unwrap() };
        assert!(matches!(last.next_incarnation(), Err(MetaError::IncarnationsUsedUp)));
    }
}
