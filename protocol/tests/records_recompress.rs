//! Batches that the topic wants compressed in another way than they were sent.

use bytes::Bytes;
use naru_protocol::records::{
    Batch, BatchBuilder, Codec, Header, InvalidBatch, PayloadValidation, Record, TimestampType, ValidBatch, Validation,
    validate,
};

const NOW: i64 = 1_700_000_000_000;

fn records() -> Vec<Record> {
    (0..50)
        .map(|n| Record {
            offset: n,
            timestamp: NOW + n,
            key: (n % 3 > 0).then(|| Bytes::from(format!("key {n}"))),
            value: (n % 5 > 0).then(|| Bytes::from("value ".repeat(n as usize))),
            headers: vec![Header { key: "h".into(), value: None }, Header { key: "h".into(), value: Some("x".into()) }],
        })
        .collect()
}

fn valid(codec: Codec, records: &[Record], timestamp_type: TimestampType) -> ValidBatch {
    let mut builder = BatchBuilder::new(codec).producer(7, 1, 20);
    for record in records {
        builder.push_record(record).unwrap();
    }
    let rules = Validation {
        max_message_bytes: 1 << 20,
        timestamp_type,
        now_ms: NOW + 1000,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: false,
        allow_zstd: true,
        payload: PayloadValidation::Full,
    };
    validate(builder.build().unwrap(), &rules).unwrap()
}

/// As the log stores it.
fn stored(batch: &ValidBatch) -> Batch {
    Batch::parse([&batch.header.encode(), batch.body()].concat().into()).unwrap()
}

#[test]
fn records_and_header_are_the_same_whatever_the_codecs() {
    for sent in Codec::ALL {
        for wanted in Codec::ALL {
            for timestamp_type in [TimestampType::CreateTime, TimestampType::LogAppendTime] {
                let before = valid(sent, &records(), timestamp_type);
                let expected: Vec<Record> = stored(&before).records().map(Result::unwrap).collect();
                let after = before.clone().recompressed(wanted, None, 1 << 20).unwrap();
                assert_eq!(after.header.codec(), Ok(wanted));
                assert_eq!(after.size(), after.header.size());
                let batch = stored(&after);
                assert!(batch.crc_is_valid(), "{sent:?} to {wanted:?}");
                assert_eq!(batch.records().map(Result::unwrap).collect::<Vec<_>>(), expected, "{sent:?} to {wanted:?}");
                let (mut header, original) = (after.header, before.header);
                (header.attributes, header.batch_length, header.crc) =
                    (original.attributes, original.batch_length, original.crc);
                assert_eq!(header, original);
            }
        }
    }
}

#[test]
fn a_batch_that_has_the_codec_keeps_its_bytes() {
    let batch = valid(Codec::Gzip, &records(), TimestampType::CreateTime);
    let same = batch.clone().recompressed(Codec::Gzip, Some(9), 1).unwrap();
    assert_eq!(same.received(), batch.received());
}

#[test]
fn what_becomes_too_large_is_refused() {
    let batch = valid(Codec::Zstd, &records(), TimestampType::CreateTime);
    let size = batch.clone().recompressed(Codec::None, None, usize::MAX).unwrap().size();
    assert!(batch.clone().recompressed(Codec::None, None, size).is_ok());
    let refused = batch.recompressed(Codec::None, None, size - 1).unwrap_err();
    assert_eq!(refused, InvalidBatch::TooLarge { size, limit: size - 1 });
}

#[test]
fn a_higher_level_does_not_make_more_of_it() {
    let text: Vec<Record> = (0..400)
        .map(|n| Record {
            offset: n,
            timestamp: NOW,
            value: Some(format!("{} boats and {} ferries of {}", n * 7919 % 1000, n % 13, n * 31 % 89).into()),
            ..Record::default()
        })
        .collect();
    let batch = valid(Codec::None, &text, TimestampType::CreateTime);
    for (codec, low, high) in [(Codec::Gzip, 1, 9), (Codec::Zstd, -7, 19)] {
        let [low, high] =
            [low, high].map(|level| batch.clone().recompressed(codec, Some(level), 1 << 20).unwrap().size());
        // Zstandard in Rust has one level.
        assert!(high <= low, "{codec:?}: {high} bytes at the high level, {low} at the low one");
    }
}
