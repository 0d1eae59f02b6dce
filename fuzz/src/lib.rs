//! What is fed with hostile bytes. A target takes any bytes, and panics when something is wrong: when what it reads can be
//! written, reading that again must give the same.
//!
//! The same functions stand behind the fuzzer's programs (`fuzz_targets/`) and behind the replay of their corpus in `cargo
//! test` (`tests/fuzz_corpus.rs`).

use bytes::Bytes;
use naru_broker::config::{BrokerConfig, Setting, SettingSource, TOPIC_SETTINGS, broker_setting};
use naru_broker::storage::types::Offset;
use naru_broker::storage::{
    checkpoint, leader_epochs, meta, offset_index, partition_metadata, producer_snapshot, time_index,
};
use naru_protocol::consumer_protocol::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use naru_protocol::json::MessageJson;
use naru_protocol::records::{
    Batch, Codec, HEADER_LEN, PayloadValidation, TimestampType, Validation, batches, checksum, validate,
};
use naru_protocol::state::{cluster_metadata, consumer_offsets, transaction_state};
use naru_protocol::{ApiKey, RequestHeader};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("batch", batch),
    ("codec", codec),
    ("expressions", expressions),
    ("files", files),
    ("frame", frame),
    ("requests_admin", requests_admin),
    ("requests_data", requests_data),
    ("requests_groups", requests_groups),
    ("responses", responses),
    ("state_records", state_records),
];

/// A decompressor may give this much, whatever it is fed.
const MOST_DECOMPRESSED: usize = 1 << 20;

/// What follows the length of a frame: the header, then the body of the request that it names.
pub fn frame(input: &[u8]) {
    let Ok((header, body)) = RequestHeader::split(Bytes::copy_from_slice(input)) else { return };
    let Ok(api) = header.api() else { return };
    if api.versions().contains(&header.api_version) {
        let _ = (api.json().request.parse)(body, header.api_version);
    }
}

/// The requests that carry or ask for records.
pub fn requests_data(input: &[u8]) {
    request(input, is_about_data);
}

/// The requests to coordinators.
pub fn requests_groups(input: &[u8]) {
    request(input, is_for_coordinators);
}

/// All other requests.
pub fn requests_admin(input: &[u8]) {
    request(input, |key| !is_about_data(key) && !is_for_coordinators(key));
}

fn is_about_data(key: i16) -> bool {
    matches!(key, 0..=3 | 21..=23 | 61)
}

fn is_for_coordinators(key: i16) -> bool {
    matches!(key, 8..=16 | 24..=28 | 42 | 47 | 65 | 66 | 68 | 69 | 76..=79 | 83..=93)
}

fn request(input: &[u8], is_meant: fn(i16) -> bool) {
    message(input, is_meant, |api| api.json().request);
}

/// What brokers answer, as the client reads it.
pub fn responses(input: &[u8]) {
    message(input, |_| true, |api| api.json().response);
}

/// The first byte says which API, the second which version.
fn message(input: &[u8], is_meant: fn(i16) -> bool, of: fn(ApiKey) -> MessageJson) {
    let [key, version, body @ ..] = input else { return };
    let Some(api) = ApiKey::ALL.iter().copied().find(|api| *api as i16 == i16::from(*key)) else { return };
    let version = i16::from(*version);
    if !is_meant(api as i16) || !api.versions().contains(&version) {
        return;
    }
    let form = of(api);
    let body = Bytes::copy_from_slice(body);
    if (form.parse)(body.clone(), version).is_err() {
        return;
    }
    let Ok(read) = (form.decode)(body, version) else { return };
    let written = match (form.encode)(&read, version) {
        Ok(written) => written,
        // JSON has no number for what is none.
        Err(_) if matches!(api, ApiKey::AlterClientQuotas | ApiKey::DescribeClientQuotas) => return,
        Err(error) => panic!("{} {version}: {error}", api.name()),
    };
    assert_eq!(
        (form.decode)(written, version).expect("what was written can be read"),
        read,
        "{} {version}",
        api.name()
    );
}

/// A record batch as a producer sends it and as a log holds it. The first byte turns rules on; where the checksum is wrong, a
/// right one is tried too, since no fuzzer finds it.
pub fn batch(input: &[u8]) {
    let [rules, bytes @ ..] = input else { return };
    let mut bytes = bytes.to_vec();
    check_batch(*rules, &bytes);
    if bytes.len() >= HEADER_LEN {
        let crc = checksum(&bytes).to_be_bytes();
        bytes[17..21].copy_from_slice(&crc);
        check_batch(*rules, &bytes);
    }
}

fn check_batch(rules: u8, bytes: &[u8]) {
    let has = |bit: u8| rules & (1 << bit) != 0;
    let rules = Validation {
        max_message_bytes: 1 << 20,
        timestamp_type: if has(0) { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
        now_ms: 1_700_000_000_000,
        before_max_ms: if has(1) { i64::MAX } else { 3_600_000 },
        after_max_ms: if has(2) { i64::MAX } else { 3_600_000 },
        compacted: has(3),
        allow_control: has(4),
        allow_zstd: has(5),
        payload: PayloadValidation::Full,
    };
    let bytes = Bytes::copy_from_slice(bytes);
    if let Ok(valid) = validate(bytes.clone(), &rules) {
        let records = Batch::parse(valid.received().clone()).expect("a valid batch has a header").records();
        assert_eq!(records.flatten().count() as i32, valid.header.records_count, "a valid batch is read whole");
    }
    for batch in batches(bytes).map_while(Result::ok).take(64) {
        let _ = batch.records().take(10_000).map_while(Result::ok).count();
        let _ = batch.skim(|_| std::ops::ControlFlow::<()>::Continue(()));
    }
}

/// Compressed payloads, the codec being the first byte. What comes out is never more than was allowed, and survives being
/// compressed again.
pub fn codec(input: &[u8]) {
    let [id, payload @ ..] = input else { return };
    let Some(codec) = Codec::from_id(id % 5) else { return };
    let Ok(plain) = codec.decompress(payload, MOST_DECOMPRESSED) else { return };
    assert!(plain.len() <= MOST_DECOMPRESSED);
    if plain.len() <= 4096 {
        let mut again = Vec::new();
        codec.compress(&plain, &mut again).expect("anything can be compressed");
        assert_eq!(codec.decompress(&again, MOST_DECOMPRESSED).expect("what was compressed can be read"), plain);
    }
}

/// Files of a data directory, the kind being the first byte. Checksums are put right, since no fuzzer finds them.
pub fn files(input: &[u8]) {
    let [kind, file @ ..] = input else { return };
    match kind % 7 {
        0 => same(offset_index::OffsetIndex::decode(Offset(1000), file, 1 << 30).ok(), |index| {
            offset_index::OffsetIndex::decode(Offset(1000), &index.encode(), 1 << 30).ok()
        }),
        1 => same(time_index::TimeIndex::decode(Offset(1000), file, Offset(1 << 30)).ok(), |index| {
            time_index::TimeIndex::decode(Offset(1000), &index.encode(), Offset(1 << 30)).ok()
        }),
        2 => same(leader_epochs::LeaderEpochs::decode(file).ok(), |epochs| {
            leader_epochs::LeaderEpochs::decode(&epochs.encode()).ok()
        }),
        3 => {
            let mut file = file.to_vec();
            if let Some((head, body)) = file.split_at_mut_checked(6) {
                head[2..].copy_from_slice(&crc_fast::crc32_iscsi(body).to_be_bytes());
            }
            let encoded =
                |state: &naru_broker::storage::producer_state::ProducerState| producer_snapshot::encode(state);
            same(producer_snapshot::decode(&file, 0).ok().map(|state| encoded(&state)), |file| {
                producer_snapshot::decode(file, 0).ok().map(|state| encoded(&state))
            });
        }
        4 => {
            let file = [file, &crc_fast::crc32_iso_hdlc(file).to_be_bytes()].concat();
            same(checkpoint::Checkpoint::decode(&file).ok(), |read| {
                checkpoint::Checkpoint::decode(&read.encode()).ok()
            });
        }
        5 => drop(meta::Meta::decode(file)),
        _ => same(partition_metadata::decode(file).ok(), |id| {
            partition_metadata::decode(&partition_metadata::encode(*id)).ok()
        }),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(read: Option<T>, again: impl Fn(&T) -> Option<T>) {
    if let Some(read) = read {
        assert_eq!(again(&read).as_ref(), Some(&read), "what was written reads otherwise");
    }
}

/// Records of the internal topics, and what members of a group tell each other. The first byte says which, the second how
/// long the key is.
pub fn state_records(input: &[u8]) {
    let [kind, key_length, rest @ ..] = input else { return };
    let rest = Bytes::copy_from_slice(rest);
    let key = rest.slice(..usize::from(*key_length).min(rest.len()));
    let value = rest.slice(key.len()..);
    match kind % 5 {
        0 => drop(consumer_offsets::Record::decode(key, Some(value))),
        1 => drop(transaction_state::Record::decode(key, Some(value))),
        2 => drop(cluster_metadata::Record::decode(value)),
        3 => drop(ConsumerProtocolSubscription::from_bytes(rest)),
        _ => drop(ConsumerProtocolAssignment::from_bytes(rest)),
    }
}

/// What people type: settings of broker and topics, offsets, formats.
pub fn expressions(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    naru_broker::cli::read_expressions(text);
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    // The error about an unknown name looks for the nearest one, which takes milliseconds.
    if broker_setting(name).is_some() {
        let setting = Setting { name: name.to_owned(), value: value.to_owned(), source: SettingSource::Override };
        let _ = BrokerConfig::from_sources([setting]);
    }
    for def in TOPIC_SETTINGS {
        let _ = def.parse(value);
    }
}
