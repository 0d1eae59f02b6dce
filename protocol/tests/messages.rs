//! Every message of a client listener, in every version, against what Kafka's own classes wrote: the bytes decode to Kafka's
//! JSON, and both become the same bytes again.

mod vectors;

use naru_protocol::ApiKey;
use naru_protocol::state::cluster_metadata;
use serde_json::Value;

use crate::vectors::{differences, from_hex, lines, to_hex};

#[test]
fn every_version_reads_and_writes_the_bytes_that_kafka_writes() {
    let mut failures = Vec::new();
    for line in lines("messages.jsonl") {
        if let Err(failure) = check(&line) {
            failures.push(format!("{} {} {}: {failure}", line["api"], line["kind"], line["version"]));
        }
    }
    assert!(failures.is_empty(), "{} vectors fail:\n{}", failures.len(), failures.join("\n"));
}

fn check(line: &Value) -> Result<(), String> {
    let api = api(line);
    let json = if line["kind"] == "request" { api.json().request } else { api.json().response };
    let version = line["version"].as_i64().unwrap() as i16;
    let hex = line["hex"].as_str().unwrap();
    let decoded = (json.decode)(from_hex(hex), version).map_err(|e| e.to_string())?;
    let differences = differences(&line["json"], &decoded);
    if !differences.is_empty() {
        return Err(differences.join("; "));
    }
    let encoded = to_hex(&(json.encode)(&decoded, version).map_err(|e| e.to_string())?);
    if encoded != hex {
        return Err(format!("bytes differ\n  kafka {hex}\n  naru  {encoded}"));
    }
    Ok(())
}

#[test]
fn header_versions_are_those_of_kafka() {
    for line in lines("messages.jsonl") {
        let (api, version) = (api(&line), line["version"].as_i64().unwrap() as i16);
        let header = if line["kind"] == "request" {
            api.request_header_version(version)
        } else {
            api.response_header_version(version)
        };
        assert_eq!(i64::from(header), line["header_version"].as_i64().unwrap(), "{} {}", line["api"], line["kind"]);
    }
}

#[test]
fn every_api_has_vectors_for_all_its_versions() {
    let seen: std::collections::BTreeSet<(ApiKey, i16)> =
        lines("messages.jsonl").iter().map(|line| (api(line), line["version"].as_i64().unwrap() as i16)).collect();
    let known = ApiKey::ALL.iter().flat_map(|api| api.versions().map(|version| (*api, version))).collect();
    assert_eq!(seen, known);
}

#[test]
fn defaults_are_those_of_kafka() {
    for line in lines("defaults.jsonl") {
        let (key, version) = (line["key"].as_i64().unwrap() as i16, line["version"].as_i64().unwrap() as i16);
        let api = || ApiKey::try_from(key).unwrap().json();
        let json = match line["kind"].as_str().unwrap() {
            "request" => api().request,
            "response" => api().response,
            _ => cluster_metadata::Record::json(key).unwrap(),
        };
        let bytes = (json.encode)(&without_leaves(&line["json"]), version).unwrap();
        let mut differences = differences(&line["json"], &(json.decode)(bytes, version).unwrap());
        // Kafka's class holds null here, though its schema forbids it.
        differences.retain(|difference| !(key == ApiKey::ShareFetch as i16 && difference.contains(".records")));
        assert_eq!(differences, Vec::<String>::new(), "{} {key} {version}", line["kind"]);
    }
}

/// Only the structs of a message; everything in them is then a default.
fn without_leaves(value: &Value) -> Value {
    let has_fields =
        |value: &Value| value.is_object() || value.as_array().is_some_and(|a| a.iter().any(Value::is_object));
    match value {
        Value::Object(fields) => {
            fields.iter().filter(|(_, v)| has_fields(v)).map(|(name, v)| (name.clone(), without_leaves(v))).collect()
        }
        Value::Array(elements) => elements.iter().map(without_leaves).collect(),
        leaf => leaf.clone(),
    }
}

fn api(line: &Value) -> ApiKey {
    let api = ApiKey::try_from(line["key"].as_i64().unwrap() as i16).unwrap();
    assert_eq!(line["api"], api.name());
    api
}
