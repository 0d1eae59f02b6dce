//! A log against a model of ten lines: a list of values, and how many of them are durable.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::setup::*;
use crate::storage::faulty_disk::FaultyDisk;
use crate::storage::types::Offset;
use crate::storage::{LogConfig, StorageOptions};

#[derive(Debug, Clone)]
enum Step {
    Append { len: usize, records: usize },
    Flush,
    Read { from: u16, max_bytes: usize },
    Sleep,
    Stop,
    Kill,
    CutPower(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1usize..3000, 1usize..4).prop_map(|(len, records)| Step::Append { len, records }),
        3 => Just(Step::Flush),
        4 => (any::<u16>(), 1usize..20_000).prop_map(|(from, max_bytes)| Step::Read { from, max_bytes }),
        1 => Just(Step::Sleep),
        1 => Just(Step::Stop),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::CutPower),
    ]
}

/// The value of each offset, and up to where they are durable.
#[derive(Default)]
struct Model {
    values: Vec<Bytes>,
    durable: usize,
}

impl Model {
    fn check(&self, broker: &Broker, from: usize, max_bytes: usize) {
        let read: Vec<_> = broker.read_all(Offset(from as i64), max_bytes);
        let first = read.first().map_or(self.values.len(), |batch| batch.header().base_offset as usize);
        assert!(first <= from);
        let found: Vec<Bytes> = read.iter().flat_map(values).collect();
        assert_eq!(found, self.values[first..]);
    }

    /// After a kill or a power cut the log may have lost its end, but nothing durable and nothing in between.
    fn accept_loss(&mut self, broker: &Broker) {
        let end = broker.log.log_end().0 as usize;
        assert!(
            (self.durable..=self.values.len()).contains(&end),
            "{} durable, {end} found, {} sent",
            self.durable,
            self.values.len()
        );
        self.values.truncate(end);
        self.durable = end;
        self.check(broker, 0, 10_000);
    }
}

fn run(steps: &[Step]) {
    let place = place_in_memory();
    let disk = FaultyDisk::new(place.path());
    let config = LogConfig { segment_bytes: 8192, index_interval_bytes: 256, ..small_segments() };
    let open = || open_on(Arc::new(disk.clone()), place.path(), config.clone(), StorageOptions::default());
    let mut broker = open();
    let mut model = Model::default();
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::Append { len, records } => {
                let value = Bytes::from(vec![i as u8; len / records]);
                let appended = broker.append(&batch(&value, *records)).unwrap();
                assert_eq!(appended.base_offset.0 as usize, model.values.len());
                model.values.extend(std::iter::repeat_n(value, *records));
            }
            Step::Flush => {
                broker.runtime.block_on(broker.log.flush()).unwrap();
                model.durable = model.values.len();
            }
            Step::Read { from, max_bytes } => {
                let from = usize::from(*from) % (model.values.len() + 1);
                model.check(&broker, from, *max_bytes);
            }
            Step::Sleep => broker.log.start_closing(),
            Step::Stop => {
                broker.shutdown();
                broker = open();
                assert_eq!(broker.log.log_end().0 as usize, model.values.len());
                model.durable = model.values.len();
            }
            Step::Kill => {
                model.durable = model.durable.max(broker.log.durable_end().0 as usize);
                broker.kill();
                broker = open();
                model.accept_loss(&broker);
            }
            Step::CutPower(seed) => {
                model.durable = model.durable.max(broker.log.durable_end().0 as usize);
                broker.kill();
                disk.cut_power(*seed).unwrap();
                broker = open();
                model.accept_loss(&broker);
            }
        }
    }
    model.check(&broker, 0, 1 << 20);
    broker.shutdown();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_list_of_values_whatever_happens_to_it(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}
