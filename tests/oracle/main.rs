//! The same conversation with Apache Kafka 4.4 and with Naru, answers compared.
//!
//! `FOLDER/NAME.jsonl` is a script of requests, `FOLDER/NAME.kafka.jsonl` what Kafka answered. The script's first line may be a
//! comment with the broker settings it needs. What is meant to differ is made equal in one place, [`normalise`].

mod broker;
mod normalise;
mod player;

use std::path::Path;

use serde_json::Value;

/// Plays a script against a broker of its own and compares every answer.
async fn same_as_kafka(folder: &str, name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(folder);
    let script = std::fs::read_to_string(directory.join(format!("{name}.jsonl"))).unwrap();
    let recorded = std::fs::read_to_string(directory.join(format!("{name}.kafka.jsonl"))).unwrap();
    let broker = broker::start(folder, name, script.lines().next().and_then(|line| line.strip_prefix('#'))).await;

    let mut answers = player::play(&broker.address(), &script).await;
    let mut differences = Vec::new();
    for line in recorded.lines() {
        let mut kafka: Value = serde_json::from_str(line).unwrap();
        let step = kafka["step"].as_i64().unwrap();
        let mut naru = answers.remove(&step).unwrap_or(Value::Null);
        let not_recorded = kafka["body"].as_object().is_some_and(serde_json::Map::is_empty);
        if not_recorded || is_meant(folder, name, step) {
            continue;
        }
        normalise::normalise(&mut kafka);
        normalise::normalise(&mut naru);
        if naru != kafka {
            differences.push(format!("step {step} {}\n  Kafka: {kafka}\n  Naru:  {naru}", kafka["note"]));
        }
    }
    assert!(answers.is_empty(), "answers that Kafka did not give: {answers:?}");
    assert!(differences.is_empty(), "{name}: {} differences\n{}", differences.len(), differences.join("\n"));
    broker.stop().await;
}

/// Answers that are different on purpose, each with its reason.
const MEANT: &[(&str, &str, &[i64])] = &[
    // Settings of groups, client metrics and loggers are not here yet; and an unknown setting of the broker is refused.
    ("metadata", "describe_configs", &[14, 15, 16, 17]),
    ("metadata", "incremental_alter_configs", &[66, 76, 77, 78, 79, 80, 82, 83, 84]),
    ("metadata", "alter_configs", &[38]),
    // A topic of which some partitions fail comes twice from Kafka, and once from Naru.
    ("data", "fetch", &[10]),
    // Lists are kept without blanks and repetitions, numbers and booleans without blanks.
    ("metadata", "create_topics", &[28, 29, 31]),
    ("metadata", "internal_topics", &[13]),
    // A coordinator is found at once, and there is none of transactions; internal topics cannot be deleted or grown.
    ("metadata", "internal_topics", &[1, 2, 6, 7]),
    // An unknown operation is a fault of the request, not of the broker.
    ("metadata", "incremental_alter_configs", &[29]),
];

fn is_meant(folder: &str, name: &str, step: i64) -> bool {
    MEANT.iter().any(|meant| (meant.0, meant.1) == (folder, name) && meant.2.contains(&step))
}

/// A test for each script. That no script is forgotten is tested too.
macro_rules! conversations {
    ($($folder:ident: $($name:ident)*;)*) => {
        $(mod $folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::same_as_kafka(stringify!($folder), stringify!($name)).await;
            })*
        })*
        const SCRIPTS: &[&str] = &[$($(concat!(stringify!($folder), "/", stringify!($name)),)*)*];
    };
}

conversations! {
    data: produce fetch list_offsets producer_ids;
    groups: commit fetch_offsets group_max_size initial_rebalance_delay leave list_describe_delete member_id_required protocol_vote rebalance static_join_while_waiting static_members timeouts validation;
    metadata: alter_configs create_partitions create_topics delete_topics describe_configs incremental_alter_configs internal_topics static_synonyms;
}

#[test]
fn every_script_is_played() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
            if let Some(name) = file.strip_suffix(".jsonl").filter(|name| name.strip_suffix(".kafka").is_none()) {
                found.push(format!("{}/{name}", folder.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    found.sort();
    let mut played = SCRIPTS.to_vec();
    played.sort_unstable();
    assert_eq!(found, played);
}
