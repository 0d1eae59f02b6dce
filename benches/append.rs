//! How long does an append take until it can be acknowledged?

mod log;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use naru_broker::storage::{FlushPolicy, LogConfig};

use log::OneLog;

/// Enough to measure across rolls; more would fill the disk.
const RETENTION_BYTES: i64 = 256 << 20;

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    let policies = [("os", FlushPolicy::Os { every_messages: None, every_ms: None }), ("fsync", FlushPolicy::Fsync)];
    for (policy, flush) in policies {
        for (bytes, size) in [(16 << 10, "16 KiB"), (1 << 20, "1 MiB")] {
            let config = LogConfig {
                segment_bytes: 64 << 20,
                retention_bytes: Some(RETENTION_BYTES),
                retention_ms: None,
                file_delete_delay_ms: 0,
                flush,
                ..LogConfig::default()
            };
            let log = OneLog::new(config);
            let batch = log::batch(bytes);
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_function(BenchmarkId::new(policy, size), |b| b.iter(|| log.append(&batch)));
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = append
}
criterion_main!(benches);
