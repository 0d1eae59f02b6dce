//! Records in JSON, as `naru consume -J` writes and `naru produce -J` reads them.
//!
//! The names are kcat's: `topic`, `partition`, `offset`, `tstype`, `ts`, `headers` (names and values in turn), `key`, `payload`.
//! Bytes that are no text are an object with their base64: `{"base64": "/w=="}`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use naru_client::{ConsumerRecord, Record};
use naru_protocol::records::{Header, TimestampType};
use serde::de::Deserializer;
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the help says about records in JSON.
pub(super) const JSON_RECORDS: &str = "\
Records in JSON:
  {\"topic\":\"orders\",\"partition\":0,\"offset\":47,\"tstype\":\"create\",\"ts\":1769871600000,
   \"headers\":[\"name\",\"value\"],\"key\":\"customer-7\",\"payload\":\"a boat\"}
  null is a key or a payload that is not there; {\"base64\":\"/w==\"} is one that is no text.";

/// A key or a value: text where it is UTF-8, base64 where it is not.
pub(super) struct Field(pub(super) Bytes);

impl Field {
    /// For people.
    pub(super) fn text(&self) -> String {
        text(&self.0)
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

fn serialize_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return serializer.serialize_str(text);
    }
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("base64", &BASE64_STANDARD.encode(bytes))?;
    map.end()
}

/// Bytes as text for people: what is no text, and what would move the cursor, is shown as it is typed in templates.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    let hex = |shown: &mut String, byte: u32| {
        // Writing to a string cannot fail.
        let _ = write!(shown, "\\x{byte:02x}");
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => shown.push_str("\\n"),
                '\t' => shown.push_str("\\t"),
                '\r' => shown.push_str("\\r"),
                c if c.is_ascii_control() => hex(&mut shown, c.into()),
                c => shown.push(c),
            }
        }
        for byte in chunk.invalid() {
            hex(&mut shown, (*byte).into());
        }
    }
    shown
}

/// A record that was received.
#[derive(Serialize)]
pub(super) struct Received<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    tstype: &'static str,
    ts: i64,
    headers: Vec<Option<Slice<'a>>>,
    key: Option<Slice<'a>>,
    payload: Option<Slice<'a>>,
}

/// As [`Field`], borrowed.
struct Slice<'a>(&'a [u8]);

impl Serialize for Slice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(self.0, serializer)
    }
}

impl<'a> Received<'a> {
    pub(super) fn of(record: &'a ConsumerRecord) -> Self {
        fn slice(bytes: &Bytes) -> Slice<'_> {
            Slice(bytes)
        }
        let pair = |header: &'a Header| [Some(slice(&header.key)), header.value.as_ref().map(slice)];
        Self {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            tstype: match record.timestamp_type {
                _ if record.timestamp < 0 => "unknown",
                TimestampType::CreateTime => "create",
                TimestampType::LogAppendTime => "logappend",
            },
            ts: record.timestamp,
            headers: record.headers.iter().flat_map(pair).collect(),
            key: record.key.as_ref().map(slice),
            payload: record.value.as_ref().map(slice),
        }
    }
}

/// A record to send. Offset and the kind of time stamp are read and mean nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToSend {
    topic: Option<String>,
    partition: Option<i32>,
    ts: Option<i64>,
    #[serde(default)]
    headers: Vec<Content>,
    #[serde(default)]
    key: Content,
    #[serde(default, alias = "value")]
    payload: Content,
    #[serde(rename = "offset")]
    _offset: Option<i64>,
    #[serde(rename = "tstype")]
    _tstype: Option<String>,
    #[serde(rename = "broker")]
    _broker: Option<i32>,
}

/// Text, base64, nothing, or any other JSON, which is sent as its text.
#[derive(Default)]
struct Content(Option<Bytes>);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = match Value::deserialize(deserializer)? {
            Value::Null => None,
            Value::String(text) => Some(text.into_bytes()),
            Value::Object(map) if map.len() == 1 && map.contains_key("base64") => {
                let text = map.get("base64").and_then(Value::as_str).unwrap_or_default();
                let bytes = BASE64_STANDARD.decode(text);
                Some(bytes.map_err(|error| serde::de::Error::custom(format_args!("base64: {error}")))?)
            }
            other => Some(other.to_string().into_bytes()),
        };
        Ok(Self(bytes.map(Bytes::from)))
    }
}

/// The record in a line of JSON. `topic` is stronger than the one in the line.
pub(super) fn parse(line: &[u8], topic: Option<&str>) -> Result<Record, String> {
    let parsed: ToSend = serde_json::from_slice(line).map_err(|error| {
        // The place in the line is told in the words of lines; the line's own number is the caller's to tell.
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        format!("no record in JSON: {what} (column {})", error.column())
    })?;
    let named = topic.or(parsed.topic.as_deref());
    let topic = named.ok_or("it names no topic, and neither does the command line")?;
    if !parsed.headers.len().is_multiple_of(2) {
        return Err("headers are names and values in turn, so there is an even number of them".into());
    }
    let mut record = Record::to(topic);
    record.partition = parsed.partition;
    record.timestamp = parsed.ts.filter(|ms| *ms >= 0);
    record.key = parsed.key.0;
    record.value = parsed.payload.0;
    let mut headers = parsed.headers.into_iter();
    while let (Some(name), Some(value)) = (headers.next(), headers.next()) {
        let key = name.0.ok_or("a header's name cannot be null")?;
        record.headers.push(Header { key, value: value.0 });
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received() -> ConsumerRecord {
        ConsumerRecord {
            topic: "orders".into(),
            partition: 3,
            offset: 47,
            leader_epoch: 0,
            timestamp: 1_769_871_600_000,
            timestamp_type: TimestampType::CreateTime,
            key: Some(Bytes::from_static(b"\xff")),
            value: Some(Bytes::from_static(b"a \"boat\"")),
            headers: vec![Header { key: Bytes::from_static(b"trace"), value: None }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let line = serde_json::to_string(&Received::of(&received())).unwrap();
        assert_eq!(
            line,
            r#"{"topic":"orders","partition":3,"offset":47,"tstype":"create","ts":1769871600000,"headers":["trace",null],"key":{"base64":"/w=="},"payload":"a \"boat\""}"#
        );
        let record = parse(line.as_bytes(), None).unwrap();
        assert_eq!((record.topic.to_string(), record.partition), ("orders".to_owned(), Some(3)));
        assert_eq!(record.timestamp, Some(1_769_871_600_000));
        assert_eq!((record.key, record.value), (received().key, received().value));
        assert_eq!(record.headers, received().headers);
    }

    #[test]
    fn a_payload_may_be_any_json() {
        let record = parse(br#"{"value": {"item": "boat"}}"#, Some("orders")).unwrap();
        assert_eq!(record.value.as_deref(), Some(&br#"{"item":"boat"}"#[..]));
        assert_eq!(parse(br#"{"payload": null}"#, Some("orders")).unwrap().value, None);
    }

    #[test]
    fn a_line_that_is_no_record_is_refused() {
        for (line, part) in [
            ("a boat", "no record in JSON"),
            (r#"{"payload": "x"}"#, "no topic"),
            (r#"{"topic": "t", "paylod": "x"}"#, "paylod"),
            (r#"{"topic": "t", "headers": ["a"]}"#, "even number"),
            (r#"{"topic": "t", "headers": [null, "a"]}"#, "name"),
            (r#"{"topic": "t", "key": {"base64": "?"}}"#, "base64"),
        ] {
            let error = parse(line.as_bytes(), None).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hex() {
        assert_eq!(text(b"a\xffb\0\n\xc3\xa9"), "a\\xffb\\x00\\n\u{e9}");
    }
}
