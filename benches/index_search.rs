//! How long it takes to find the place of an offset in the index of a full segment.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use naru_broker::storage::offset_index::OffsetIndex;
use naru_broker::storage::types::{Offset, Position};

/// A segment of 1 GiB with an entry every 4 KiB, the defaults.
const ENTRIES: u32 = (1 << 30) / (4 << 10);
/// Records between two entries.
const STEP: u32 = 37;
/// Looked up in this order, every entry's neighbourhood once: a prime that does not divide the number of offsets.
const STRIDE: u32 = 2_654_435_761;

fn filled() -> OffsetIndex {
    let mut index = OffsetIndex::new(Offset(0));
    for entry in 1..=ENTRIES {
        index.push(Offset(i64::from(entry * STEP)), Position(entry * 4096 - 1)).expect("entries grow");
    }
    index
}

fn search(c: &mut Criterion) {
    let index = filled();
    let mut next = 0_u32;
    c.bench_function("find an offset among 262,144 entries", |b| {
        b.iter(|| {
            next = next.wrapping_add(STRIDE);
            index.lookup(Offset(i64::from(black_box(next % (ENTRIES * STEP)))))
        });
    });
}

criterion_group!(benches, search);
criterion_main!(benches);
