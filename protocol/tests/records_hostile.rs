//! Bytes of somebody who means harm: an error, in bounded memory, and never a panic.
//!
//! The tests measure memory of the whole process, so they run one after the other.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use naru_protocol::records::{
    Batch, BatchBuilder, BatchError, Codec, CodecError, HEADER_LEN, InvalidBatch, PayloadValidation, TimestampType,
    Validation, decompressed_limit, validate,
};
use peak_alloc::PeakAlloc;
use serde_json::Value;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

fn rules() -> Validation {
    Validation {
        max_message_bytes: usize::MAX,
        timestamp_type: TimestampType::CreateTime,
        now_ms: 1_700_000_000_000,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: true,
        allow_zstd: true,
        payload: PayloadValidation::Full,
    }
}

fn vectors() -> Vec<(String, Bytes)> {
    include_str!("vectors/batches.jsonl")
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let hex = line["hex"].as_str().unwrap();
            let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            (line["name"].as_str().unwrap().to_owned(), bytes.collect::<Vec<_>>().into())
        })
        .collect()
}

fn sealed(batch: &[u8], payload: &[u8]) -> Bytes {
    let mut header = *Batch::parse(Bytes::copy_from_slice(batch)).unwrap().header();
    header.base_offset = 0;
    header.batch_length = 49 + payload.len() as i32;
    header.seal(payload);
    [&header.encode()[..], payload].concat().into()
}

/// One record's batch of that codec whose payload is `payload`.
fn batch_of(codec: Codec, payload: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    builder.push(1_700_000_000_000, None, Some(b"v"), &[]).unwrap();
    sealed(&builder.build().unwrap(), payload)
}

/// What the process has more at its peak during `work` than before.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = work();
    (result, MEMORY.peak_usage().saturating_sub(before))
}

/// Reads all there is, however it ends.
fn exhaust(bytes: &Bytes) {
    if let Ok(batch) = Batch::parse(bytes.clone()) {
        batch.records().for_each(drop);
        let _ = batch.skim(|_| ControlFlow::<()>::Continue(()));
    }
}

#[test]
fn a_cut_batch_is_refused_at_every_length() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, bytes) in vectors() {
        for len in 0..bytes.len() {
            let cut = bytes.slice(..len);
            assert!(Batch::parse(cut.clone()).is_err(), "{name} {len}");
            assert_eq!(validate(cut, &rules()).unwrap_err(), InvalidBatch::NoBatch, "{name} {len}");
        }
        let payload = bytes.slice(HEADER_LEN..);
        for len in 0..payload.len().min(2000) {
            let cut = sealed(&bytes, &payload[..len]);
            assert!(validate(cut.clone(), &rules()).is_err(), "{name}, payload {len}");
            assert!(Batch::parse(cut).unwrap().records().any(|record| record.is_err()), "{name}, payload {len}");
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_harmless() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, bytes) in vectors() {
        let base = sealed(&bytes, &bytes[HEADER_LEN..]);
        for bit in 21 * 8..base.len().min(HEADER_LEN + 700) * 8 {
            let mut flipped = base.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(batch) = Batch::parse(Bytes::from(flipped)) else { continue };
            let flipped = sealed(batch.bytes(), &batch.payload());
            let (accepted, peak) = peak_of(|| {
                exhaust(&flipped);
                validate(flipped.clone(), &rules())
            });
            assert!(peak < decompressed_limit(flipped.len()) * 5 / 2, "{name} bit {bit}: {peak} bytes");
            if let Ok(valid) = accepted {
                let stored: Bytes = [&valid.header.encode()[..], valid.body()].concat().into();
                let records: Result<Vec<_>, _> = Batch::parse(stored).unwrap().records().collect();
                assert_eq!(records.unwrap().len(), valid.header.records_count as usize, "{name} bit {bit}");
            }
        }
    }
}

/// A bomb: compressed data, what it becomes, what validation may use for it.
struct Bomb {
    codec: Codec,
    payload: Vec<u8>,
    decompressed: usize,
}

fn bombs() -> Vec<Bomb> {
    let zeros = vec![0u8; 4 * MIB];
    vec![
        Bomb { codec: Codec::Gzip, payload: gzip_bomb(&zeros, 40), decompressed: 160 * MIB },
        Bomb { codec: Codec::Lz4, payload: lz4_bomb(&zeros, 100), decompressed: 400 * MIB },
        Bomb { codec: Codec::Zstd, payload: zstd_bomb(1024 * 8), decompressed: 1024 * MIB },
        Bomb { codec: Codec::Snappy, payload: snappy_bomb(1 << 17), decompressed: 8 * 1024 * MIB },
    ]
}

fn gzip_bomb(zeros: &[u8], pieces: usize) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..pieces {
        encoder.write_all(zeros).unwrap();
    }
    encoder.finish().unwrap()
}

/// Blocks of 4 MiB, each the same 16 KiB.
fn lz4_bomb(zeros: &[u8], blocks: usize) -> Vec<u8> {
    use std::hash::Hasher;
    let block = lz4_flex::block::compress(zeros);
    let mut hash = twox_hash::XxHash32::with_seed(0);
    hash.write(&[0x60, 0x70]);
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, (hash.finish_32() >> 8) as u8];
    for _ in 0..blocks {
        frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
        frame.extend_from_slice(&block);
    }
    frame.extend_from_slice(&[0; 4]);
    frame
}

/// Blocks that repeat one byte 128 Ki times, with a window of 1 MiB.
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3];
    for index in 0..blocks {
        let last = u32::from(index + 1 == blocks);
        frame.extend_from_slice(&((128 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Blocks that claim 64 KiB each, without anything to make them of.
fn snappy_bomb(blocks: usize) -> Vec<u8> {
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for _ in 0..blocks {
        framed.extend_from_slice(&[0, 0, 0, 4, 0x80, 0x80, 0x04, 0]);
    }
    framed
}

/// A record that says it is as long as the bomb, so that nothing but the limit ends the reading.
fn with_long_record(bomb: &Bomb) -> Bytes {
    batch_of(bomb.codec, &bomb.payload)
}

#[test]
fn a_bomb_is_refused_in_bounded_memory() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for bomb in bombs() {
        let name = bomb.codec.name();
        let limit = decompressed_limit(bomb.payload.len());
        let bytes = with_long_record(&bomb);
        assert!(bomb.decompressed > limit, "{name}");

        let (result, peak) = peak_of(|| validate(bytes.clone(), &rules()));
        assert!(result.is_err(), "{name}");
        assert!(peak < 10 * MIB, "{name}: validation used {peak} bytes");

        let (result, peak) = peak_of(|| bomb.codec.decompress(&bomb.payload, limit));
        match bomb.codec {
            Codec::Snappy => assert!(matches!(result, Err(CodecError::Corrupt { .. })), "{name}"),
            _ => assert_eq!(result, Err(CodecError::TooLarge { limit }), "{name}"),
        }
        assert!(peak < 3 * limit, "{name}: decompression used {peak} bytes");

        let (result, peak) = peak_of(|| Batch::parse(bytes.clone()).unwrap().records().next());
        assert!(matches!(result, Some(Err(BatchError::Codec(_)))), "{name}");
        assert!(peak < 3 * limit, "{name}: reading used {peak} bytes");
    }
}

/// One record as long as the data: the walk has to skip it all, and the limit stops it.
#[test]
fn a_bomb_inside_one_record_is_refused_in_bounded_memory() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let len = 96 * MIB;
    let mut record = Vec::new();
    for value in [len as u64 + 8, 0, 0, 0, 0, len as u64 - 8] {
        let mut rest = if value == 0 { 0 } else { value << 1 };
        while rest >= 0x80 {
            record.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        record.push(rest as u8);
    }
    record.resize(len, 0);
    for codec in [Codec::Gzip, Codec::Zstd] {
        let mut payload = Vec::new();
        codec.compress(&record, &mut payload).unwrap();
        assert!(payload.len() * 900 < len, "{} {}", codec.name(), payload.len());
        let bytes = batch_of(codec, &payload);
        let (result, peak) = peak_of(|| validate(bytes, &rules()));
        let limit = decompressed_limit(payload.len());
        let expected = InvalidBatch::Unreadable(BatchError::Codec(CodecError::TooLarge { limit }));
        assert_eq!(result.unwrap_err(), expected, "{}", codec.name());
        assert!(peak < 10 * MIB, "{}: {peak} bytes", codec.name());
    }
}

#[test]
fn a_claimed_length_costs_nothing() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let claims: [(Codec, &[u8]); 7] = [
        (Codec::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1, 2]),
        (Codec::Snappy, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\x7f\xff\xff\xff\xff\xff\xff\xff\x0f"),
        (Codec::Lz4, &[0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0xff, 0xff, 0xff, 0x7f, 0]),
        (Codec::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0, 0]),
        (Codec::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0]),
        (Codec::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 1, 0, 0]),
        (Codec::Gzip, &[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1]),
    ];
    for (codec, payload) in claims {
        // A decoder that was used before may do otherwise than a new one.
        for (_, bytes) in vectors() {
            exhaust(&bytes);
        }
        let bytes = batch_of(codec, payload);
        let (result, peak) = peak_of(|| validate(bytes.clone(), &rules()));
        assert!(result.is_err(), "{codec:?}");
        assert!(peak < MIB, "{codec:?}: {peak} bytes");
        let ((), peak) = peak_of(|| exhaust(&bytes));
        assert!(peak < MIB, "{codec:?}: {peak} bytes");
    }
    let mut header = *Batch::parse(batch_of(Codec::None, &[])).unwrap().header();
    header.records_count = i32::MAX;
    header.last_offset_delta = i32::MAX - 1;
    header.seal(&[]);
    let bytes = Bytes::copy_from_slice(&header.encode());
    let (result, peak) = peak_of(|| {
        exhaust(&bytes);
        validate(bytes.clone(), &rules())
    });
    assert!(result.is_err());
    assert!(peak < MIB, "{peak} bytes");
}

#[test]
fn many_refused_records_are_counted_and_not_all_named() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = BatchBuilder::new(Codec::Zstd);
    for _ in 0..200_000 {
        builder.push(1, None, None, &[]).unwrap();
    }
    let bytes = builder.build().unwrap();
    let rules = Validation { compacted: true, ..rules() };
    let (result, peak) = peak_of(|| validate(bytes, &rules).unwrap_err());
    let InvalidBatch::Records { count, ref records, .. } = result else { panic!("{result}") };
    assert_eq!((count, records.len()), (200_000, 1000));
    assert!(peak < 10 * MIB, "{peak} bytes");
}
