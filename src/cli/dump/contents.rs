//! What the records of internal topics say, in the JSON form of Kafka's own tools.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use naru_protocol::consumer_protocol::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use naru_protocol::json::JsonReader;
use naru_protocol::records::Record;
use naru_protocol::state::{cluster_metadata, consumer_offsets, transaction_state};
use serde_json::{Value, json};

/// Type, key and value of a record of an internal topic, or why it cannot be read. `None` for every other topic.
pub(super) fn decode(topic: &str, record: &Record) -> Option<Result<Value, String>> {
    match topic {
        "__consumer_offsets" => Some(coordinator(record, consumer_offsets::Record::json_readers)),
        "__transaction_state" => Some(coordinator(record, transaction_state::Record::json_readers)),
        "__cluster_metadata" => Some(metadata(record)),
        _ => None,
    }
}

/// Key and value begin with type and version.
fn coordinator(record: &Record, forms: impl Fn(i16) -> Option<(JsonReader, JsonReader)>) -> Result<Value, String> {
    let (record_type, key) = prefixed(record.key.as_ref()).ok_or("the key is too short")?;
    let (key_form, value_form) = forms(record_type).ok_or_else(|| format!("type {record_type} is not known"))?;
    let name = key_form.name.trim_end_matches("Key");
    let key = (key_form.decode)(key, 0).map_err(|error| error.to_string())?;
    if record.value.is_none() {
        return Ok(json!({ "type": name, "key": key, "value": null }));
    }
    let (version, value) = prefixed(record.value.as_ref()).ok_or("the value is too short")?;
    let mut value = (value_form.decode)(value, version).map_err(|error| error.to_string())?;
    if name == "GroupMetadata" {
        open_members(&mut value);
    }
    Ok(json!({ "type": name, "key": key, "value": value }))
}

fn prefixed(bytes: Option<&Bytes>) -> Option<(i16, Bytes)> {
    let bytes = bytes?;
    let prefix = bytes.first_chunk::<2>()?;
    Some((i16::from_be_bytes(*prefix), bytes.slice(2..)))
}

/// A frame of three varints stands in front: its version, the type, the version of the record. Secrets are not shown.
fn metadata(record: &Record) -> Result<Value, String> {
    let bytes = record.value.clone().ok_or("there is no value")?;
    let mut rest = bytes.as_ref();
    let mut number = || {
        let (mut number, mut shift) = (0u32, 0);
        loop {
            let (byte, behind) = rest.split_first().ok_or("the frame is too short")?;
            rest = behind;
            number |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if byte & 0x80 == 0 || shift > 28 {
                return Ok::<_, String>(number);
            }
        }
    };
    let (_frame, record_type, version) = (number()?, number()?, number()?);
    let body = bytes.slice(bytes.len() - rest.len()..);
    let known = i16::try_from(record_type).ok().and_then(cluster_metadata::Record::json_reader);
    let form = known.ok_or_else(|| format!("type {record_type} is not known"))?;
    let version = i16::try_from(version).unwrap_or(i16::MAX);
    let mut value = (form.decode)(body, version).map_err(|error| error.to_string())?;
    for secret in SECRETS {
        if let Some(field) = value.get_mut(secret) {
            *field = "(hidden)".into();
        }
    }
    Ok(json!({ "type": form.name, "value": value }))
}

/// Fields of SCRAM credentials that help to guess a password or to pose as the broker.
const SECRETS: [&str; 3] = ["salt", "storedKey", "serverKey"];

/// Members of consumer groups carry messages of their own: subscription and assignment.
fn open_members(group: &mut Value) {
    let consumers = group.get("protocolType").and_then(Value::as_str) == Some("consumer");
    let Some(members) = group.get_mut("members").and_then(Value::as_array_mut).filter(|_| consumers) else { return };
    for member in members {
        open(member, "subscription", JsonReader::of::<ConsumerProtocolSubscription>());
        open(member, "assignment", JsonReader::of::<ConsumerProtocolAssignment>());
    }
}

/// What cannot be read stays as it is.
fn open(member: &mut Value, field: &str, form: JsonReader) {
    let Some(field) = member.get_mut(field) else { return };
    let bytes = field.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    let opened =
        prefixed(bytes.map(Bytes::from).as_ref()).and_then(|(version, body)| (form.decode)(body, version).ok());
    if let Some(opened) = opened {
        *field = opened;
    }
}
