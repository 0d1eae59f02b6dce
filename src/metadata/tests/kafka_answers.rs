//! The scripts under `tests/oracle/metadata` were played to Apache Kafka 4.4; its answers lie beside them. Here the
//! same requests are decided, and the answers must have the same codes and values. Where they are meant to differ, the
//! step is listed with its reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::config::{ConfigEntry, Setting, SettingSource};

/// Steps whose answers are meant to differ: the script, the lines, the reason.
const MEANT: &[(&str, RangeInclusive<usize>, &str)] = &[
    ("alter_configs", 38..=38, "a setting that no broker has is refused, so that typing errors are seen"),
    ("incremental_alter_configs", 29..=29, "an unknown operation is the client's mistake, not an unexpected error"),
    ("incremental_alter_configs", 66..=66, "a setting that no broker has is refused, so that typing errors are seen"),
    ("incremental_alter_configs", 76..=80, "groups have no settings of their own yet"),
    ("incremental_alter_configs", 82..=82, "there are no client metrics to subscribe to"),
    ("incremental_alter_configs", 83..=84, "loggers are not changed through the protocol"),
    ("internal_topics", 6..=7, "what the broker keeps for its clients is not lost by a mistaken request"),
    ("describe_configs", 14..=14, "Kafka took the unknown setting of an earlier script"),
    ("describe_configs", 15..=15, "loggers are not changed through the protocol"),
    ("describe_configs", 16..=16, "there are no client metrics to subscribe to"),
    ("describe_configs", 17..=17, "groups have no settings of their own yet"),
];

fn read(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/metadata").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn optional(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

fn number<T: TryFrom<i64>>(value: &Value, key: &str) -> Option<T> {
    value[key].as_i64().and_then(|number| T::try_from(number).ok())
}

fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn numbers(value: &Value) -> Vec<i32> {
    value.as_array().unwrap().iter().map(|number| i32::try_from(number.as_i64().unwrap()).unwrap()).collect()
}

struct Player {
    image: MetadataImage,
    broker: BrokerConfig,
    saved: HashMap<String, Uuid>,
}

/// An answer to one entry, reduced to what must agree with Kafka. Entries of one answer come in no order.
type Answer = Vec<String>;

impl Player {
    /// Kafka itself gives every broker `min.insync.replicas=1` at run time when it formats a cluster with eligible
    /// leader replicas.
    fn new(broker: BrokerConfig) -> Self {
        let mut image = MetadataImage::new(1);
        let resource = IncrementalAlterConfigs {
            kind: ResourceKind::Broker as i8,
            name: String::new(),
            changes: vec![ConfigChange {
                name: "min.insync.replicas".to_owned(),
                operation: ConfigOperation::Set as i8,
                value: Some("1".to_owned()),
            }],
        };
        let decision = incremental_alter_configs(&image, rules(&broker), &[resource], false);
        apply(&mut image, &decision.records);
        Self { image, broker, saved: HashMap::new() }
    }

    fn answer(&mut self, request: &Value) -> Answer {
        let body = &request["body"];
        match request["api"].as_str().unwrap() {
            "FindCoordinator" => self.find_coordinator(body),
            "CreateTopics" => self.create(request, body),
            "DeleteTopics" => self.delete(body),
            "CreatePartitions" => self.grow(body),
            "AlterConfigs" => self.alter(body),
            "IncrementalAlterConfigs" => self.incremental(body),
            "DescribeConfigs" => self.describe(body),
            _ => Vec::new(),
        }
    }

    /// A coordinator's topic is created when somebody first asks for the coordinator.
    fn find_coordinator(&mut self, body: &Value) -> Answer {
        let name = if body["keyType"] == 0 { CONSUMER_OFFSETS } else { TRANSACTION_STATE };
        let spec = TopicSpec::automatic(name, &self.broker);
        let decision = create_topics(&self.image, rules(&self.broker), &[spec], false, Uuid::new_v4);
        apply(&mut self.image, &decision.records);
        Vec::new()
    }

    fn create(&mut self, request: &Value, body: &Value) -> Answer {
        let assignment = |value: &Value| Assignment {
            partition: number(value, "partitionIndex").unwrap(),
            brokers: numbers(&value["brokerIds"]),
        };
        let specs: Vec<_> = each(body, "topics")
            .map(|topic| TopicSpec {
                name: text(topic, "name"),
                partitions: number(topic, "numPartitions").unwrap(),
                replication_factor: number(topic, "replicationFactor").unwrap(),
                assignments: each(topic, "assignments").map(assignment).collect(),
                configs: each(topic, "configs")
                    .map(|config| (text(config, "name"), optional(config, "value")))
                    .collect(),
            })
            .collect();
        let validate_only = body["validateOnly"].as_bool().unwrap_or(false);
        let Decision { records, answers } =
            create_topics(&self.image, rules(&self.broker), &specs, validate_only, Uuid::new_v4);
        apply(&mut self.image, &records);
        for (name, pointer) in request["save"].as_object().into_iter().flatten() {
            let index: usize = pointer.as_str().unwrap().split('/').nth(2).unwrap().parse().unwrap();
            self.saved.insert(format!("${name}"), self.image.topic(&specs[index].name).unwrap().id);
        }
        answers
            .into_iter()
            .map(|(name, answer)| match answer {
                Ok(CreatedTopic { topic, replication_factor }) => {
                    format!("{name} 0 {} {replication_factor}", topic.partitions)
                }
                Err(error) => format!("{name} {} -1 -1", error.code.0),
            })
            .collect()
    }

    fn delete(&mut self, body: &Value) -> Answer {
        let by_name = each(body, "topicNames").map(|name| named(name.as_str().unwrap()));
        let by_id = each(body, "topics").map(|topic| {
            let id = optional(topic, "topicId").map_or(Uuid::nil(), |id| {
                let saved = self.saved.get(&id).copied();
                saved.unwrap_or_else(|| if id == "A".repeat(22) { Uuid::nil() } else { Uuid::from_u128(1) })
            });
            TopicToDelete { name: optional(topic, "name"), id }
        });
        let topics: Vec<_> = by_name.chain(by_id).collect();
        let Decision { records, answers } = delete_topics(&self.image, rules(&self.broker), &topics);
        apply(&mut self.image, &records);
        answers
            .into_iter()
            .map(|answer| {
                let code = answer.result.err().map_or(0, |error| error.code.0);
                format!("{} {code}", answer.name.unwrap_or_default())
            })
            .collect()
    }

    fn grow(&mut self, body: &Value) -> Answer {
        let topics: Vec<_> = each(body, "topics")
            .map(|topic| NewPartitions {
                name: text(topic, "name"),
                count: number(topic, "count").unwrap(),
                assignments: topic["assignments"]
                    .as_array()
                    .map(|all| all.iter().map(|assignment| numbers(&assignment["brokerIds"])).collect()),
            })
            .collect();
        let validate_only = body["validateOnly"].as_bool().unwrap_or(false);
        let Decision { records, answers } = create_partitions(&self.image, rules(&self.broker), &topics, validate_only);
        apply(&mut self.image, &records);
        answers
            .into_iter()
            .map(|(name, answer)| format!("{name} {}", answer.err().map_or(0, |error| error.code.0)))
            .collect()
    }

    fn alter(&mut self, body: &Value) -> Answer {
        let resources: Vec<_> = each(body, "resources")
            .map(|resource| AlterConfigs {
                kind: number(resource, "resourceType").unwrap(),
                name: text(resource, "resourceName"),
                configs: each(resource, "configs")
                    .map(|config| (text(config, "name"), optional(config, "value")))
                    .collect(),
            })
            .collect();
        let names: Vec<_> = resources.iter().map(|resource| resource.name.clone()).collect();
        let validate_only = body["validateOnly"].as_bool().unwrap_or(false);
        let decision = alter_configs(&self.image, rules(&self.broker), &resources, validate_only);
        self.altered(&names, decision)
    }

    fn incremental(&mut self, body: &Value) -> Answer {
        let change = |config: &Value| ConfigChange {
            name: text(config, "name"),
            operation: number(config, "configOperation").unwrap(),
            value: optional(config, "value"),
        };
        let resources: Vec<_> = each(body, "resources")
            .map(|resource| IncrementalAlterConfigs {
                kind: number(resource, "resourceType").unwrap(),
                name: text(resource, "resourceName"),
                changes: each(resource, "configs").map(change).collect(),
            })
            .collect();
        let names: Vec<_> = resources.iter().map(|resource| resource.name.clone()).collect();
        let validate_only = body["validateOnly"].as_bool().unwrap_or(false);
        let decision = incremental_alter_configs(&self.image, rules(&self.broker), &resources, validate_only);
        self.altered(&names, decision)
    }

    fn altered(&mut self, names: &[String], decision: Decision<Result<(), RequestError>>) -> Answer {
        apply(&mut self.image, &decision.records);
        let code = |answer: Result<(), RequestError>| answer.err().map_or(0, |error| error.code.0);
        names.iter().zip(decision.answers).map(|(name, answer)| format!("{name} {}", code(answer))).collect()
    }

    fn describe(&self, body: &Value) -> Answer {
        let resource = &body["resources"][0];
        let kind = number(resource, "resourceType").unwrap();
        let keys = resource["configurationKeys"].as_array();
        let keys: Option<Vec<_>> = keys.map(|keys| keys.iter().filter_map(Value::as_str).collect());
        let name = text(resource, "resourceName");
        let described = describe_configs(&self.image, rules(&self.broker), kind, &name, keys.as_deref());
        let with_synonyms = body["includeSynonyms"].as_bool().unwrap_or(false);
        match described {
            Ok(entries) => entries.iter().map(|line| entry(line, with_synonyms)).collect(),
            Err(error) => vec![format!("error {}", error.code.0)],
        }
    }
}

fn entry(entry: &ConfigEntry, with_synonyms: bool) -> String {
    let synonyms: Vec<_> = entry
        .synonyms
        .iter()
        .filter(|_| with_synonyms)
        .map(|synonym| {
            format!("{}={} {}", synonym.name, synonym.value.as_deref().unwrap_or("null"), synonym.source as u8)
        })
        .collect();
    let value = entry.value.as_deref().unwrap_or("null");
    let def = entry.def;
    format!("{}={value} {} {} {} {synonyms:?}", def.name, entry.source as u8, def.read_only, def.sensitive)
}

/// Kafka's answer, reduced in the same way.
fn kafka(request: &Value, answer: &Value) -> Answer {
    let body = &answer["body"];
    let code = |value: &Value| value["errorCode"].as_i64().unwrap();
    match request["api"].as_str().unwrap() {
        "CreateTopics" => each(body, "topics")
            .map(|topic| {
                let known = |key: &str| topic[key].as_i64().unwrap_or(if code(topic) == 0 { 1 } else { -1 });
                let counts = (known("numPartitions"), known("replicationFactor"));
                format!("{} {} {} {}", text(topic, "name"), code(topic), counts.0, counts.1)
            })
            .collect(),
        "DeleteTopics" => {
            each(body, "responses").map(|topic| format!("{} {}", text(topic, "name"), code(topic))).collect()
        }
        "CreatePartitions" => {
            each(body, "results").map(|topic| format!("{} {}", text(topic, "name"), code(topic))).collect()
        }
        "AlterConfigs" | "IncrementalAlterConfigs" => each(body, "responses")
            .map(|resource| format!("{} {}", text(resource, "resourceName"), code(resource)))
            .collect(),
        "DescribeConfigs" => match code(&body["results"][0]) {
            0 => each(&body["results"][0], "configs").map(kafka_entry).collect(),
            code => vec![format!("error {code}")],
        },
        _ => Vec::new(),
    }
}

fn kafka_entry(config: &Value) -> String {
    let synonyms: Vec<_> = each(config, "synonyms")
        .map(|synonym| {
            let value = optional(synonym, "value");
            format!("{}={} {}", text(synonym, "name"), value.as_deref().unwrap_or("null"), synonym["source"])
        })
        .collect();
    let value = optional(config, "value");
    let value = value.as_deref().unwrap_or("null");
    let (source, read_only, sensitive) = (&config["configSource"], &config["readOnly"], &config["isSensitive"]);
    format!("{}={value} {source} {read_only} {sensitive} {synonyms:?}", text(config, "name"))
}

fn agrees_with_kafka(script: &str, broker: BrokerConfig) {
    let requests = read(&format!("{script}.jsonl"));
    let answers: HashMap<usize, Value> = read(&format!("{script}.kafka.jsonl"))
        .into_iter()
        .map(|answer| (number::<i64>(&answer, "step").and_then(|step| usize::try_from(step).ok()).unwrap(), answer))
        .collect();
    let mut player = Player::new(broker);
    let mut differences = BTreeMap::new();
    for (step, request) in (1..).zip(&requests).filter(|(_, request)| request["api"].is_string()) {
        let ours: BTreeSet<_> = player.answer(request).into_iter().collect();
        let kafkas: BTreeSet<_> = kafka(request, &answers[&step]).into_iter().collect();
        let meant = MEANT.iter().any(|(name, steps, _)| *name == script && steps.contains(&step));
        if (ours != kafkas) != meant {
            let (more, less): (Vec<_>, Vec<_>) =
                (ours.difference(&kafkas).collect(), kafkas.difference(&ours).collect());
            differences.insert(step, format!("{request}: only here {more:#?}, only Kafka {less:#?}"));
        }
    }
    assert!(differences.is_empty(), "{script}: {differences:#?}");
}

#[test]
fn topics_are_created_as_in_kafka() {
    agrees_with_kafka("create_topics", BrokerConfig::default());
}

#[test]
fn topics_are_deleted_as_in_kafka() {
    agrees_with_kafka("delete_topics", BrokerConfig::default());
}

#[test]
fn topics_of_coordinators_are_as_in_kafka() {
    agrees_with_kafka("internal_topics", BrokerConfig::default());
}

#[test]
fn partitions_are_added_as_in_kafka() {
    agrees_with_kafka("create_partitions", BrokerConfig::default());
}

#[test]
fn settings_are_replaced_as_in_kafka() {
    agrees_with_kafka("alter_configs", BrokerConfig::default());
}

#[test]
fn settings_are_changed_one_by_one_as_in_kafka() {
    agrees_with_kafka("incremental_alter_configs", BrokerConfig::default());
}

#[test]
fn settings_are_described_as_in_kafka() {
    agrees_with_kafka("describe_configs", BrokerConfig::default());
}

#[test]
fn what_the_broker_was_started_with_is_described_as_in_kafka() {
    let started_with = [
        ("log.retention.hours", "24"),
        ("log.retention.minutes", "100"),
        ("log.roll.ms", "100000"),
        ("compression.type", "gzip"),
    ];
    let settings = started_with.map(|(name, value)| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        source: SettingSource::Override,
    });
    agrees_with_kafka("static_synonyms", BrokerConfig::from_sources(settings).unwrap());
}
