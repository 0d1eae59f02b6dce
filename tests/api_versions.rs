//! What a client learns about the broker before it asks for anything else, and what happens to requests that make no sense.

use std::ops::Deref;

use naru_broker::RunningBroker;
use naru_broker::api::TABLE;
use naru_broker::broker::Broker;
use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_client::raw::{Connection, Error};
use naru_protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use naru_protocol::{ErrorCode, decode_response};
use tempfile::TempDir;

/// A broker with a directory of its own, which goes with it.
struct TestBroker {
    running: RunningBroker,
    _directory: TempDir,
}

impl Deref for TestBroker {
    type Target = RunningBroker;

    fn deref(&self) -> &RunningBroker {
        &self.running
    }
}

async fn start() -> TestBroker {
    let directory = TempDir::new().expect("a directory");
    let data_dir = directory.path().to_string_lossy().into_owned();
    let settings = [("listeners", "127.0.0.1:0".to_owned()), ("log.dirs", data_dir)].map(|(name, value)| Setting {
        name: name.into(),
        value,
        source: SettingSource::Override,
    });
    let config = BrokerConfig::from_sources(settings).expect("good settings");
    TestBroker { running: Broker::start(config).await.expect("the broker starts"), _directory: directory }
}

async fn connect(server: &TestBroker) -> Connection {
    Connection::connect(&server.listeners()[0].bound[0].to_string()).await.expect("the server listens")
}

fn request(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: name.into(),
        client_software_version: version.into(),
        ..ApiVersionsRequest::default()
    }
}

/// A frame with a request header of version 1.
fn raw(key: i16, version: i16, correlation_id: i32, rest: &[u8]) -> Vec<u8> {
    let header =
        [&key.to_be_bytes()[..], &version.to_be_bytes(), &correlation_id.to_be_bytes(), &[0xff, 0xff]].concat();
    [&((header.len() + rest.len()) as u32).to_be_bytes()[..], &header, rest].concat()
}

#[tokio::test]
async fn every_version_lists_the_table() {
    let server = start().await;
    let mut client = connect(&server).await;
    for version in 0..=5 {
        let answer = client.send(&request("naru-test", "1.0"), version).await.expect("an answer");
        assert_eq!(answer.error_code, ErrorCode::NONE);
        let listed: Vec<(i16, i16)> = answer.api_keys.iter().map(|api| (api.api_key, api.max_version)).collect();
        let table: Vec<(i16, i16)> = TABLE.iter().map(|api| (api.key as i16, *api.versions.end())).collect();
        assert_eq!(listed, table, "version {version}");
    }
}

#[tokio::test]
async fn a_version_from_the_future_is_told_the_range_in_version_0() {
    let server = start().await;
    let mut client = connect(&server).await;
    for version in [99, -1, i16::MAX] {
        client.send_raw(&raw(18, version, 7, b"")).await.expect("sent");
        let frame = client.receive_raw().await.expect("an answer");
        let (header, answer) = decode_response::<ApiVersionsResponse>(frame, 0).expect("version 0");
        assert_eq!((header.correlation_id, answer.error_code), (7, ErrorCode::UNSUPPORTED_VERSION));
        let [own] = &answer.api_keys[..] else { panic!("one range, not {:?}", answer.api_keys) };
        assert_eq!((own.api_key, own.min_version, own.max_version), (18, 0, 5));
    }
    let answer = client.send(&request("naru-test", "1.0"), 3).await.expect("the connection goes on");
    assert_eq!(answer.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn malformed_software_names_are_invalid_and_the_connection_goes_on() {
    let server = start().await;
    let mut client = connect(&server).await;
    for (name, version) in [("", "1"), ("a b", "1"), ("a", "-"), ("a", "")] {
        let answer = client.send(&request(name, version), 4).await.expect("an answer");
        assert_eq!(answer.error_code, ErrorCode::INVALID_REQUEST, "{name:?} {version:?}");
        assert!(answer.api_keys.is_empty());
    }
    assert_eq!(client.send(&request("a", "1"), 4).await.expect("an answer").error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn a_client_that_means_another_broker_is_sent_to_bootstrap_again() {
    let server = start().await;
    let cluster = server.broker().cluster_id();
    let mut client = connect(&server).await;
    for (cluster_id, node_id, expected) in [
        (None, -1, ErrorCode::NONE),
        (Some(cluster), 1, ErrorCode::NONE),
        (Some("other"), 1, ErrorCode::REBOOTSTRAP_REQUIRED),
        (Some(cluster), 2, ErrorCode::REBOOTSTRAP_REQUIRED),
        (Some(cluster), -1, ErrorCode::INVALID_REQUEST),
        (None, 1, ErrorCode::INVALID_REQUEST),
    ] {
        let meant = ApiVersionsRequest { cluster_id: cluster_id.map(Into::into), node_id, ..request("a", "1") };
        let answer = client.send(&meant, 5).await.expect("an answer");
        assert_eq!(answer.error_code, expected, "{cluster_id:?} {node_id}");
    }
}

#[tokio::test]
async fn what_no_client_could_read_an_answer_to_closes_the_connection() {
    let server = start().await;
    let unreadable: [(&str, Vec<u8>); 7] = [
        ("an unknown api", raw(999, 0, 1, b"")),
        ("a negative api", raw(-1, 0, 1, b"")),
        ("an unknown version of a known api", raw(3, 50, 1, b"")),
        ("an empty frame", vec![0, 0, 0, 0]),
        ("half a header", vec![0, 0, 0, 6, 0, 18, 0, 0, 0, 0]),
        ("a client id longer than the frame", [&raw(18, 0, 1, b"")[..12], &[0, 5]].concat()),
        ("a body that ends early", raw(18, 3, 1, &[0, 4, b'c'])),
    ];
    for (what, frame) in unreadable {
        let mut client = connect(&server).await;
        client.submit(&request("a", "1"), 0).await.expect("sent");
        client.send_raw(&frame).await.expect("sent");
        client.receive::<ApiVersionsRequest>().await.expect("what came before is answered");
        client.closed().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[tokio::test]
async fn bytes_behind_a_body_are_ignored() {
    let server = start().await;
    let mut client = connect(&server).await;
    client.send_raw(&raw(18, 0, 5, b"more")).await.expect("sent");
    let (header, answer) =
        decode_response::<ApiVersionsResponse>(client.receive_raw().await.expect("an answer"), 0).expect("version 0");
    assert_eq!((header.correlation_id, answer.error_code), (5, ErrorCode::NONE));
}

#[tokio::test]
async fn a_client_notices_that_nobody_listens() {
    let server = start().await;
    let address = server.listeners()[0].bound[0].to_string();
    server.running.shutdown().await.expect("a clean stop");
    assert!(matches!(Connection::connect(&address).await, Err(Error::Connect { .. })));
}
