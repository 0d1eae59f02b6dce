//! The room as a whole: against random requests, after faults, and through the store.

mod faults;
mod random_requests;
mod store;

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use uuid::Uuid;

use super::log::LogFuture;
use super::*;

/// A metadata log in memory. It appends when its gate opens and fails as it is told.
#[derive(Default)]
struct MemoryLog {
    records: Mutex<Vec<Bytes>>,
    failure: Mutex<Option<MetadataLogError>>,
    gate: Mutex<Option<Arc<tokio::sync::Notify>>>,
}

impl MetadataLog for MemoryLog {
    fn append(&self, records: Vec<Bytes>) -> LogFuture<'_> {
        Box::pin(async move {
            let gate = self.gate.lock().clone();
            if let Some(gate) = gate {
                gate.notified().await;
            }
            if let Some(failure) = self.failure.lock().clone() {
                return Err(failure);
            }
            self.records.lock().extend(records);
            Ok(())
        })
    }

    fn replay<'a>(&'a self, each: &'a mut (dyn FnMut(Bytes) + Send)) -> LogFuture<'a> {
        Box::pin(async move {
            self.records.lock().iter().cloned().for_each(&mut *each);
            Ok(())
        })
    }

    fn end(&self) -> MetadataLogEnd {
        MetadataLogEnd { leader_epoch: 0, offset: i64::try_from(self.records.lock().len()).unwrap() }
    }
}

fn rules(broker: &BrokerConfig) -> Rules<'_> {
    Rules { broker, broker_epoch: 3, charge: FREE }
}

fn apply(image: &mut MetadataImage, records: &[Record]) {
    for record in records {
        let decoded = Record::decode(record.encode().unwrap()).unwrap();
        image.apply(&decoded).unwrap();
    }
}

fn named(name: &str) -> TopicToDelete {
    TopicToDelete { name: Some(name.to_owned()), id: Uuid::nil() }
}
