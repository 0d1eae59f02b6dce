//! Test vectors: one JSON object a line, bytes in hexadecimal.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

/// The lines of a file of vectors.
pub fn lines(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The bytes that a text of hexadecimal digits means.
pub fn from_hex(hex: &str) -> Bytes {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Bytes as hexadecimal digits.
#[allow(dead_code, reason = "not every test binary writes bytes")]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The paths at which two values differ.
#[allow(dead_code, reason = "not every test binary compares JSON")]
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect("", Some(expected), Some(found), &mut all);
    all
}

fn collect(path: &str, expected: Option<&Value>, found: Option<&Value>, all: &mut Vec<String>) {
    match (expected, found) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                collect(&format!("{path}.{key}"), a.get(key), b.get(key), all);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                collect(&format!("{path}[{i}]"), a.get(i), b.get(i), all);
            }
        }
        _ if expected == found => {}
        _ => all.push(format!("{path}: expected {expected:?}, found {found:?}")),
    }
}
