//! What a piece of the input means.

use bytes::Bytes;
use naru_client::Record;
use naru_protocol::records::Header;

use crate::cli::record;

/// What the command line says about every record.
pub(super) struct Shape<'a> {
    /// Stronger than the topic in JSON; without it every line must have one.
    pub(super) topic: Option<&'a str>,
    /// Stronger than the partition in JSON; −1 for none.
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Bytes>,
    pub(super) key_delimiter: Option<&'a [u8]>,
    pub(super) headers: Vec<Header>,
    pub(super) empty_is_null: bool,
    pub(super) json: bool,
}

impl Shape<'_> {
    /// The record in a piece, or what is wrong with it.
    pub(super) fn record(&self, piece: Bytes) -> Result<Record, String> {
        let mut record = if self.json { record::parse(&piece, self.topic)? } else { self.plain(piece) };
        if let Some(partition) = self.partition {
            record.partition = (partition >= 0).then_some(partition);
        }
        record.headers.extend(self.headers.iter().cloned());
        if self.empty_is_null {
            record.key = record.key.filter(|key| !key.is_empty());
            record.value = record.value.filter(|value| !value.is_empty());
        }
        Ok(record)
    }

    fn plain(&self, piece: Bytes) -> Record {
        let mut record = Record::to(self.topic.unwrap_or_default());
        let split = self.key_delimiter.and_then(|delimiter| {
            let at = piece.windows(delimiter.len()).position(|window| window == delimiter)?;
            Some((piece.slice(..at), piece.slice(at + delimiter.len()..)))
        });
        let (key, value) = match split {
            Some((key, value)) => (Some(key), value),
            None => (self.key.clone(), piece),
        };
        record.key = key;
        record.value = Some(value);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape<'static> {
        Shape {
            topic: Some("orders"),
            partition: None,
            key: None,
            key_delimiter: None,
            headers: Vec::new(),
            empty_is_null: false,
            json: false,
        }
    }

    fn key_and_value(shape: &Shape<'_>, piece: &'static [u8]) -> (Option<Bytes>, Option<Bytes>) {
        let record = shape.record(Bytes::from_static(piece)).unwrap();
        (record.key, record.value)
    }

    #[test]
    fn the_first_delimiter_divides_key_and_value() {
        let shape = Shape { key_delimiter: Some(b"::"), ..shape() };
        assert_eq!(key_and_value(&shape, b"a::b::c"), (Some("a".into()), Some("b::c".into())));
        assert_eq!(key_and_value(&shape, b"::b"), (Some("".into()), Some("b".into())));
        assert_eq!(key_and_value(&shape, b"a:b"), (None, Some("a:b".into())));
    }

    #[test]
    fn empty_is_nothing_only_if_asked() {
        assert_eq!(key_and_value(&shape(), b""), (None, Some("".into())));
        let shape = Shape { empty_is_null: true, key_delimiter: Some(b":"), ..shape() };
        assert_eq!(key_and_value(&shape, b"a:"), (Some("a".into()), None));
        assert_eq!(key_and_value(&shape, b":b"), (None, Some("b".into())));
    }

    #[test]
    fn a_partition_on_the_command_line_is_stronger_than_one_in_json() {
        let line = Bytes::from_static(br#"{"partition": 5, "payload": "x"}"#);
        let partition =
            |of: Option<i32>| Shape { json: true, partition: of, ..shape() }.record(line.clone()).unwrap().partition;
        assert_eq!(partition(None), Some(5));
        assert_eq!(partition(Some(2)), Some(2));
        assert_eq!(partition(Some(-1)), None);
    }
}
