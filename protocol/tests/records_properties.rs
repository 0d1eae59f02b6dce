//! What is built is read again, and what is accepted can be read, whatever the bytes are.

use bytes::Bytes;
use naru_protocol::records::{
    Batch, BatchBuilder, Codec, Header, PayloadValidation, Record, TimestampType, Validation, batches,
    decompressed_limit, validate,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn rules() -> Validation {
    Validation {
        max_message_bytes: usize::MAX,
        timestamp_type: TimestampType::CreateTime,
        now_ms: 0,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: false,
        allow_zstd: true,
        payload: PayloadValidation::Full,
    }
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        20 => vec(any::<u8>(), 0..40),
        5 => (any::<u8>(), 0..2000usize).prop_map(|(byte, len)| vec![byte; len]),
        1 => vec(any::<u8>(), 60_000..70_000),
    ]
    .prop_map(Bytes::from)
}

fn record() -> impl Strategy<Value = Record> {
    let header = (bytes(), option::of(bytes())).prop_map(|(key, value)| Header { key, value });
    let timestamp = prop_oneof![Just(-1), 0..4_000_000_000_000i64];
    (timestamp, option::of(bytes()), option::of(bytes()), vec(header, 0..3)).prop_map(
        |(timestamp, key, value, mut headers)| {
            // A name may come twice.
            headers.extend(headers.first().cloned());
            Record { offset: 0, timestamp, key, value, headers }
        },
    )
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    vec(record(), 1..20).prop_map(|mut records| {
        for (offset, record) in records.iter_mut().enumerate() {
            record.offset = offset as i64;
        }
        records
    })
}

fn build(codec: Codec, records: &[Record]) -> Bytes {
    let mut builder = BatchBuilder::new(codec).producer(7, 1, i32::MAX - 2);
    for record in records {
        builder.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers).unwrap();
    }
    assert_eq!(builder.len(), records.len());
    builder.build().unwrap()
}

fn read(bytes: Bytes) -> Result<Vec<Record>, naru_protocol::records::BatchError> {
    Batch::parse(bytes)?.records().collect()
}

/// The batch with another payload, its length and checksum right.
fn with_payload(batch: &Batch, payload: &[u8]) -> Bytes {
    let mut header = *batch.header();
    header.batch_length = 49 + payload.len() as i32;
    header.seal(payload);
    [&header.encode()[..], payload].concat().into()
}

/// An accepted batch has its records, under the offsets 0, 1, 2 …, and as many as it says.
fn assert_readable_if_accepted(bytes: &Bytes) {
    if let Ok(valid) = validate(bytes.clone(), &rules()) {
        let stored: Bytes = [&valid.header.encode()[..], valid.body()].concat().into();
        assert!(Batch::parse(stored.clone()).unwrap().crc_is_valid());
        let records = read(stored).unwrap();
        assert_eq!(records.len(), valid.header.records_count as usize);
        assert!(records.iter().enumerate().all(|(index, record)| record.offset == index as i64));
    }
}

proptest! {
    #[test]
    fn what_is_built_is_read(codec in codec(), records in records()) {
        let bytes = build(codec, &records);
        prop_assert_eq!(&read(bytes.clone()).unwrap(), &records);
        let valid = validate(bytes.clone(), &rules()).unwrap();
        prop_assert_eq!(&valid.header.encode()[..], &bytes[..61]);
        prop_assert_eq!(valid.header.max_timestamp, records.iter().map(|record| record.timestamp).max().unwrap());
    }

    #[test]
    fn record_sets_are_split_where_they_were_joined(codecs in vec(codec(), 0..4), records in records(), cut in 0..61usize) {
        let built: Vec<Bytes> = codecs.iter().map(|&codec| build(codec, &records)).collect();
        let mut joined = built.concat();
        let split: Vec<Bytes> = batches(joined.clone().into()).map(|batch| batch.unwrap().into_bytes()).collect();
        prop_assert_eq!(&split, &built);
        joined.extend_from_slice(&build(Codec::None, &records)[..cut]);
        prop_assert_eq!(batches(joined.into()).filter(Result::is_err).count(), usize::from(cut > 0));
    }

    #[test]
    fn payloads_survive_compression(codec in codec(), payload in bytes(), repeat in 1..40usize) {
        let payload = payload.repeat(repeat);
        let mut compressed = Vec::new();
        codec.compress(&payload, &mut compressed).unwrap();
        prop_assert_eq!(&codec.decompress(&compressed, payload.len()).unwrap()[..], &payload[..]);
        if !payload.is_empty() {
            prop_assert!(codec.decompress(&compressed, payload.len() - 1).is_err());
        }
    }

    #[test]
    fn what_is_accepted_can_be_read(
        codec in codec(),
        records in records(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let batch = Batch::parse(build(codec, &records)).unwrap();
        let mut payload = batch.payload().to_vec();
        for (at, byte) in damage {
            let at = at.index(payload.len());
            payload[at] ^= byte;
        }
        if let Some(cut) = cut {
            payload.truncate(cut.index(payload.len()));
        }
        assert_readable_if_accepted(&with_payload(&batch, &payload));
    }

    #[test]
    fn damaged_records_inside_a_compressed_payload_are_found(
        codec in codec(),
        records in records(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let batch = Batch::parse(build(codec, &records)).unwrap();
        let mut payload = Batch::parse(build(Codec::None, &records)).unwrap().payload().to_vec();
        for (at, byte) in damage {
            let at = at.index(payload.len());
            payload[at] ^= byte;
        }
        let mut compressed = Vec::new();
        codec.compress(&payload, &mut compressed).unwrap();
        assert_readable_if_accepted(&with_payload(&batch, &compressed));
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        assert_readable_if_accepted(&bytes);
        for batch in batches(bytes.clone()).flatten() {
            batch.records().count();
        }
        for codec in Codec::ALL {
            let _ = codec.decompress(&bytes, decompressed_limit(bytes.len()));
        }
    }
}
