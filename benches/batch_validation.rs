//! How long does it take to check a batch before it is stored?

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use naru_protocol::records::{BatchBuilder, Codec, PayloadValidation, TimestampType, Validation, validate};

const RULES: Validation = Validation {
    max_message_bytes: i32::MAX as usize,
    timestamp_type: TimestampType::CreateTime,
    now_ms: 1_700_000_000_000,
    before_max_ms: i64::MAX,
    after_max_ms: 3_600_000,
    compacted: false,
    allow_control: false,
    allow_zstd: true,
    payload: PayloadValidation::Full,
};

/// A batch of so many bytes before compression, of records that resemble each other as those of one service do.
fn batch(codec: Codec, bytes: usize) -> bytes::Bytes {
    let mut builder = BatchBuilder::new(codec);
    let mut number = 0_u64;
    while builder.uncompressed_size() < bytes {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let value = format!("{{\"order\":\"{number:016x}\",\"state\":\"shipped\",\"carrier\":\"ferry\"}}");
        builder.push(RULES.now_ms, None, Some(value.as_bytes()), &[]).expect("a record fits");
    }
    builder.build().expect("a batch")
}

fn batch_validation(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch_validation");
    for (codec, name) in [(Codec::None, "none"), (Codec::Lz4, "lz4"), (Codec::Zstd, "zstd")] {
        for (bytes, size) in [(16 << 10, "16 KiB"), (1 << 20, "1 MiB")] {
            let batch = batch(codec, bytes);
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| validate(black_box(batch.clone()), &RULES).expect("a valid batch"));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = batch_validation
}
criterion_main!(benches);
