//! Settings: what is shown, what changes, and that a change works at once.

use naru_client::raw::Connection;
use naru_protocol::ErrorCode;
use naru_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource as ReplacedResource, AlterableConfig as Replacement,
};
use naru_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use naru_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use crate::client::{Client, batch};
use crate::setup::TestBroker;

const TOPIC: &str = "crossings";
const TOPIC_RESOURCE: i8 = 2;
const BROKER_RESOURCE: i8 = 4;
const CLIENT_METRICS_RESOURCE: i8 = 16;
const GROUP_RESOURCE: i8 = 32;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;
/// Sources of a value: the topic's own, the static file, the default.
const OF_TOPIC: i8 = 1;
const STATIC: i8 = 4;
const DEFAULT: i8 = 5;

pub async fn describe(client: &mut Client, resource_type: i8, name: &str) -> Vec<DescribeConfigsResourceResult> {
    let resource = DescribeConfigsResource { resource_type, resource_name: name.into(), configuration_keys: None };
    let request = DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, ..Default::default() };
    let mut answer = client.send(&request, 4).await.expect("an answer");
    assert_eq!(answer.results[0].error_code, ErrorCode::NONE);
    answer.results.remove(0).configs
}

pub async fn value(client: &mut Client, name: &str) -> (String, i8) {
    let all = describe(client, TOPIC_RESOURCE, TOPIC).await;
    let config = all.into_iter().find(|config| config.name == name).expect("a setting of topics");
    (config.value.expect("a value").to_string(), config.config_source)
}

pub async fn change(client: &mut Client, changes: &[(&str, i8, &str)]) -> ErrorCode {
    change_of(client, TOPIC_RESOURCE, TOPIC, changes).await
}

async fn change_of(
    client: &mut Client,
    resource_type: i8,
    resource_name: &str,
    changes: &[(&str, i8, &str)],
) -> ErrorCode {
    let configs = changes.iter().map(|(name, config_operation, value)| AlterableConfig {
        name: (*name).into(),
        config_operation: *config_operation,
        value: (*config_operation != DELETE).then(|| (*value).into()),
    });
    let resource =
        AlterConfigsResource { resource_type, resource_name: resource_name.into(), configs: configs.collect() };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    client.send(&request, 1).await.expect("an answer").responses[0].error_code
}

#[tokio::test]
async fn describe_configs_lists_all_settings_of_a_topic_with_source_and_synonyms() {
    let broker = TestBroker::start("log.retention.ms=7000000").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("segment.bytes", "2000000")]).await;
    let all = describe(&mut client, TOPIC_RESOURCE, TOPIC).await;
    // The settings of Kafka 4.4's topics.
    assert!(all.len() >= 33, "{}", all.len());
    assert_eq!(value(&mut client, "segment.bytes").await, ("2000000".to_owned(), OF_TOPIC));
    assert_eq!(value(&mut client, "retention.ms").await, ("7000000".to_owned(), STATIC));
    assert_eq!(value(&mut client, "cleanup.policy").await, ("delete".to_owned(), DEFAULT));
    let retention = all.iter().find(|config| config.name == "retention.ms").expect("a setting");
    assert!(retention.synonyms.iter().any(|synonym| synonym.name == "log.retention.ms"));
}

#[tokio::test]
async fn describe_configs_lists_the_settings_of_the_broker() {
    let broker = TestBroker::start("num.partitions=7").await;
    let mut client = broker.client().await;
    let all = describe(&mut client, BROKER_RESOURCE, "1").await;
    for (name, value) in [("num.partitions", "7"), ("auto.create.topics.enable", "true"), ("node.id", "1")] {
        let config = all.iter().find(|config| config.name == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(config.value.as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn alter_configs_replaces_all_and_what_is_not_named_is_default_again() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("segment.bytes", "2000000"), ("retention.ms", "5000000")]).await;
    let config = Replacement { name: "retention.ms".into(), value: Some("6000000".into()) };
    let resource =
        ReplacedResource { resource_type: TOPIC_RESOURCE, resource_name: TOPIC.into(), configs: vec![config] };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    let answer = client.send(&request, 2).await.expect("an answer");
    assert_eq!(answer.responses[0].error_code, ErrorCode::NONE);
    assert_eq!(value(&mut client, "retention.ms").await, ("6000000".to_owned(), OF_TOPIC));
    assert_eq!(value(&mut client, "segment.bytes").await.1, DEFAULT);
}

#[tokio::test]
async fn incremental_changes_set_delete_append_to_and_subtract_from() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("segment.bytes", "2000000")]).await;
    assert_eq!(change(&mut client, &[("cleanup.policy", APPEND, "compact")]).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "cleanup.policy").await.0, "delete,compact");
    assert_eq!(change(&mut client, &[("cleanup.policy", SUBTRACT, "delete")]).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "cleanup.policy").await.0, "compact");
    let changes = [("cleanup.policy", DELETE, ""), ("retention.ms", SET, "5000000")];
    assert_eq!(change(&mut client, &changes).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "cleanup.policy").await, ("delete".to_owned(), DEFAULT));
    assert_eq!(value(&mut client, "retention.ms").await.0, "5000000");
    assert_eq!(value(&mut client, "segment.bytes").await.0, "2000000", "what is not named stays");
    assert_eq!(change(&mut client, &[("retention.ms", SET, "soon")]).await, ErrorCode::INVALID_CONFIG);
}

#[tokio::test]
async fn a_change_of_max_message_bytes_works_at_once_and_after_a_restart() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("max.message.bytes", "500")]).await;
    let large = batch(&[&"x".repeat(800)]);
    assert_eq!(client.produce(TOPIC, large.clone()).await.error_code, ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(change(&mut client, &[("max.message.bytes", SET, "2000")]).await, ErrorCode::NONE);
    assert_eq!(client.append(TOPIC, large.clone()).await, 0);
    drop(client);
    let broker = broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!(client.append(TOPIC, large).await, 1);
    let larger = batch(&[&"x".repeat(3000)]);
    assert_eq!(client.produce(TOPIC, larger).await.error_code, ErrorCode::MESSAGE_TOO_LARGE);
}

#[tokio::test]
async fn settings_of_everything_survive_a_restart() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    let settings = [
        (BROKER_RESOURCE, "1", "log.retention.ms", "7000000"),
        (BROKER_RESOURCE, "", "message.max.bytes", "900000"),
        (GROUP_RESOURCE, "billing", "consumer.session.timeout.ms", "50000"),
        (CLIENT_METRICS_RESOURCE, "latency", "interval.ms", "60000"),
    ];
    for (kind, name, setting, value) in settings {
        assert_eq!(change_of(&mut client, kind, name, &[(setting, SET, value)]).await, ErrorCode::NONE, "{setting}");
    }
    drop(client);
    let broker = broker.restart().await;
    let mut client = broker.client().await;
    for (kind, name, setting, value) in settings {
        let all = describe(&mut client, kind, name).await;
        let found = all.into_iter().find(|config| config.name == setting).expect("a setting");
        assert_eq!(found.value.as_deref(), Some(value), "{setting}");
    }
}

#[tokio::test]
async fn the_number_of_connections_follows_its_setting() {
    let broker = TestBroker::start("").await;
    let (mut first, mut second) = (broker.client().await, broker.client().await);
    let one = [("max.connections.per.ip", SET, "1")];
    assert_eq!(change_of(&mut second, BROKER_RESOURCE, "", &one).await, ErrorCode::NONE);
    // Who is in stays in, and nobody else gets in.
    assert_eq!(describe(&mut first, BROKER_RESOURCE, "").await.len(), 2);
    let address = broker.address();
    let asked = async || match Connection::connect(&address).await {
        Ok(mut third) => third.send(&DescribeConfigsRequest::default(), 4).await.is_ok(),
        Err(_) => false,
    };
    assert!(!asked().await);
    let more = [("max.connections.per.ip.overrides", SET, "127.0.0.1:10")];
    assert_eq!(change_of(&mut first, BROKER_RESOURCE, "1", &more).await, ErrorCode::NONE);
    assert!(asked().await);
}
