//! What is meant to differ between two brokers, made equal. Each rule has its reason.

use serde_json::{Value, json};

/// Longer texts are contents of records that fill a segment.
const LONG: usize = 4000;

/// Removes what may differ from an answer.
pub fn normalise(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            // Texts are for people; error codes are compared.
            for text in ["errorMessage", "batchIndexErrorMessage", "documentation", "note"] {
                fields.remove(text);
            }
            // For how long depends on the clock; whether somebody is throttled does not.
            if let Some(pause) = fields.remove("throttleTimeMs")
                && pause != json!(0)
            {
                fields.insert("throttleTimeMs".to_owned(), json!("<throttled>"));
            }
            // Compressors differ; what comes out of them is compared.
            fields.remove("sizeInBytes");
            // How far the metadata log is depends on all that is recorded in it, and on the number of starts.
            if fields.contains_key("currentVoters") && fields["leaderId"] != 0 {
                fields.retain(|field, _| field != "highWatermark" && field != "leaderEpoch");
            }
            if fields.contains_key("replicaId") {
                fields.remove("logEndOffset");
            }
            for (name, value) in fields.iter_mut() {
                field(name, value);
                normalise(value);
            }
        }
        Value::Array(elements) => {
            elements.iter_mut().for_each(normalise);
            // Kafka answers in the order of its hash tables.
            if elements.iter().any(Value::is_object) {
                elements.sort_by_cached_key(Value::to_string);
            }
        }
        Value::String(text) => {
            // What is long is known by its length.
            if text.len() > LONG {
                *text = format!("<{} bytes>", text.len());
            }
            if let Some(text_without) = without_uuid(text) {
                *text = text_without;
            }
        }
        Value::Number(number) => {
            // The scripts' own time stamps are of 2023; a later one is the broker's clock.
            if number.as_i64().is_some_and(|number| (1_750_000_000_000..2_500_000_000_000).contains(&number)) {
                *answer = json!("<now>");
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn field(name: &str, value: &mut Value) {
    const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    match name {
        // Random for each topic, cluster and directory.
        "topicId" | "clusterId" | "replicaDirectoryId" if value.as_str().is_some_and(|id| id != NO_ID) => {
            *value = json!("<id>");
        }
        // A path, and sizes of a disk, of the machine.
        "logDir" => *value = json!("<directory>"),
        "totalBytes" | "usableBytes" if value.as_i64().is_some_and(|bytes| bytes > 0) => *value = json!("<bytes>"),
        "port" if value.as_i64().is_some_and(|port| port > 0) => *value = json!("<port>"),
        // Random. Whether there is a session is compared.
        "sessionId" if value.as_i64().is_some_and(|id| id != 0) => *value = json!("<session>"),
        // Handed out in blocks of the broker's choice.
        "producerId" if value.as_i64().is_some_and(|id| id >= 0) => *value = json!("<producer>"),
        _ => {}
    }
}

/// Member ids end in a random UUID.
fn without_uuid(text: &str) -> Option<String> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let start = text.len().checked_sub(GROUPS.iter().sum::<usize>() + GROUPS.len() - 1)?;
    let tail = text.get(start..)?;
    let is_uuid = tail.split('-').map(str::len).eq(GROUPS) && tail.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    is_uuid.then(|| format!("{}<uuid>", &text[..start]))
}
