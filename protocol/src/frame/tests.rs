use bytes::Bytes;
use bytestring::ByteString;

use crate::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use crate::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use crate::messages::join_group::JoinGroupRequest;
use crate::messages::metadata::MetadataRequest;
use crate::messages::produce::ProduceRequest;
use crate::wire::SHARE_FROM;
use crate::{
    ApiKey, DecodeError, EncodeError, ErrorCode, RequestHeader, decode_request, decode_response, encode_request,
    encode_response, encode_response_with_error,
};

/// The frame without its length, which must be right.
fn unframed(chunks: &[Bytes]) -> Bytes {
    let frame = chunks.concat();
    assert_eq!(frame[..4], (frame.len() as u32 - 4).to_be_bytes());
    Bytes::from(frame).slice(4..)
}

#[test]
fn a_request_comes_back_from_its_frame_in_old_and_flexible_versions() {
    let request = JoinGroupRequest { group_id: "billing".into(), session_timeout_ms: 10_000, ..Default::default() };
    for version in [0, 5, 6, 9] {
        let frame = encode_request(17, Some("client".into()), &request, version).unwrap();
        let (header, body) = RequestHeader::split(unframed(&frame)).unwrap();
        let expected = RequestHeader {
            api_key: ApiKey::JoinGroup as i16,
            api_version: version,
            correlation_id: 17,
            client_id: Some("client".into()),
        };
        assert_eq!(header, expected);
        assert_eq!(decode_request::<JoinGroupRequest>(body, version).unwrap(), request);
    }
}

#[test]
fn bytes_behind_a_request_are_ignored_as_kafka_does() {
    let frame = encode_request(1, None, &ApiVersionsRequest::default(), 0).unwrap();
    let mut bytes = unframed(&frame).to_vec();
    bytes.extend_from_slice(b"more");
    let (_, body) = RequestHeader::split(bytes.into()).unwrap();
    assert_eq!(decode_request::<ApiVersionsRequest>(body, 0).unwrap(), ApiVersionsRequest::default());
}

#[test]
fn the_header_of_an_api_versions_request_from_the_future_is_readable() {
    let mut bytes =
        unframed(&encode_request(5, Some("new".into()), &ApiVersionsRequest::default(), 5).unwrap()).to_vec();
    bytes[3] = 99;
    let (header, _) = RequestHeader::split(bytes.into()).unwrap();
    assert_eq!((header.api_version, header.client_id), (99, Some(ByteString::from("new"))));
}

#[test]
fn an_unknown_api_is_refused() {
    let frame = Bytes::from_static(&[0x01, 0x00, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
    assert_eq!(RequestHeader::split(frame), Err(DecodeError::UnknownApi { key: 256 }));
}

#[test]
fn api_versions_is_answered_with_the_old_header_in_every_version() {
    let response = ApiVersionsResponse { error_code: ErrorCode::UNSUPPORTED_VERSION, ..Default::default() };
    let frame = unframed(&encode_response(9, &response, 4).unwrap());
    assert_eq!(frame[..6], [0, 0, 0, 9, 0, 35]);
    let (header, decoded) = decode_response::<ApiVersionsResponse>(frame, 4).unwrap();
    assert_eq!((header.correlation_id, decoded), (9, response));
}

#[test]
fn the_records_of_a_fetch_response_are_not_copied() {
    let records = Bytes::from(vec![1; SHARE_FROM]);
    let partition = PartitionData { records: Some(records.clone().into()), ..Default::default() };
    let topic = FetchableTopicResponse { partitions: vec![partition.clone(), partition], ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..Default::default() };
    let chunks = encode_response(3, &response, 12).unwrap();
    let shared = chunks.iter().filter(|chunk| chunk.as_ptr() == records.as_ptr()).count();
    assert_eq!((chunks.len(), shared), (5, 2));
    let (_, decoded) = decode_response::<FetchResponse>(unframed(&chunks), 12).unwrap();
    assert_eq!(decoded, response);
}

#[test]
fn the_first_error_of_a_response_is_told() {
    let partition = |error_code| PartitionData { error_code, ..Default::default() };
    let partitions =
        [ErrorCode::NONE, ErrorCode::OFFSET_OUT_OF_RANGE, ErrorCode::CORRUPT_MESSAGE].map(partition).into();
    let topic = FetchableTopicResponse { partitions, ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..Default::default() };
    let (_, error) = encode_response_with_error(3, &response, 12).unwrap();
    assert_eq!(error, ErrorCode::OFFSET_OUT_OF_RANGE);
    let (_, error) = encode_response_with_error(3, &FetchResponse::default(), 12).unwrap();
    assert_eq!(error, ErrorCode::NONE);
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    let refused = decode_request::<ProduceRequest>(Bytes::new(), 2);
    assert_eq!(refused, Err(DecodeError::UnknownVersion { name: "ProduceRequest", version: 2 }));
    let refused = encode_request(1, None, &ProduceRequest::default(), 14);
    assert_eq!(refused, Err(EncodeError::UnknownVersion { name: "ProduceRequest", version: 14 }));
}

#[test]
fn a_value_that_the_version_cannot_carry_is_refused_unless_it_may_be_dropped() {
    let static_member = JoinGroupRequest { group_instance_id: Some("i-1".into()), ..Default::default() };
    let refused = encode_request(1, None, &static_member, 4);
    assert_eq!(refused, Err(EncodeError::LostField { field: "group_instance_id", version: 4 }));
    let with_reason = JoinGroupRequest { reason: Some("restart".into()), ..Default::default() };
    assert!(encode_request(1, None, &with_reason, 7).is_ok());
}

#[test]
fn all_topics_are_asked_for_with_null_from_version_1_on() {
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(encode_request(1, None, &all, 0), Err(EncodeError::NullField { field: "topics", version: 0 }));
    assert!(encode_request(1, None, &all, 1).is_ok());
}
