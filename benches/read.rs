//! How long does it take to read 1 MiB: at the end of the log, from the page cache, from the device?

mod log;

use std::fs::File;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use naru_broker::storage::types::Offset;
use naru_broker::storage::{FlushPolicy, LogConfig};
use rustix::fs::{Advice, fadvise};

use log::OneLog;

const BATCH_BYTES: usize = 16 << 10;
const READ_BYTES: usize = 1 << 20;
const BATCHES: i64 = 200;
/// The last offset from which a read can be full.
const TAIL: Offset = Offset(BATCHES - (READ_BYTES / BATCH_BYTES) as i64);

/// Two segments; the second is active and holds the last 1 MiB.
fn filled() -> OneLog {
    let flush = FlushPolicy::Os { every_messages: None, every_ms: None };
    let log = OneLog::new(LogConfig { segment_bytes: 2 << 20, retention_ms: None, flush, ..LogConfig::default() });
    let batch = log::batch(BATCH_BYTES);
    (0..BATCHES).for_each(|_| log.append(&batch));
    log.runtime.block_on(log.partition.log().flush()).expect("the disk has room");
    log
}

fn read_from(log: &OneLog, from: Offset) -> usize {
    let fetched = log.runtime.block_on(log.partition.read(from, READ_BYTES, true)).expect("a readable log");
    fetched.records.iter().map(bytes::Bytes::len).sum()
}

/// Takes the log's files out of the page cache.
fn evict(log: &OneLog) {
    for entry in std::fs::read_dir(log.directory()).expect("the log's directory").flatten() {
        let file = File::open(entry.path()).expect("a readable file");
        fadvise(&file, 0, None, Advice::DontNeed).expect("advice is never refused");
    }
}

fn read(c: &mut Criterion) {
    let log = filled();
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(READ_BYTES as u64));
    group.bench_function("hot, end of the log", |b| b.iter(|| read_from(&log, TAIL)));
    group.bench_function("hot, sealed segment", |b| b.iter(|| read_from(&log, Offset(0))));
    group.bench_function("cold, sealed segment", |b| {
        b.iter_batched(|| evict(&log), |()| read_from(&log, Offset(0)), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = read
}
criterion_main!(benches);
