//! Records in JSON, as `naru consume -J` writes and `naru produce -J` reads them.
//!
//! The names are kcat's: `topic`, `partition`, `offset`, `tstype`, `ts`, `headers` (names and values in turn), `key`, `payload`.
//! Bytes that are no text are an object with their base64: `{"base64": "/w=="}`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

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
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &BASE64_STANDARD.encode(&self.0))?;
                map.end()
            }
        }
    }
}

/// Bytes as text for people: what is no UTF-8 is shown in hex.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}
