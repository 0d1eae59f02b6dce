//! What a log writes down beside its records so that a start has little to scan: index entries, epochs, producers.
//! All of it is derived, and checked when it is read.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Log, Phase};
use crate::storage::checkpoint::LogCheckpoint;
use crate::storage::disk::{Disk, TEMPORARY_SUFFIX, replace_file};
use crate::storage::producer_snapshot;
use crate::storage::producer_state::ProducerState;
use crate::storage::segment::{ActiveSegment, INDEX, TIME_INDEX, file_name};
use crate::storage::types::Offset;

/// Suffix of a file with the producers at an offset.
pub(in crate::storage) const SNAPSHOT: &str = ".snapshot";
/// Name of the file with the leader epochs.
pub(in crate::storage) const EPOCHS: &str = "leader-epoch-checkpoint";

/// A snapshot is taken after so many bytes: a start reads at most so many headers to know the producers again.
const SNAPSHOT_EVERY_BYTES: u64 = 16 << 20;
/// How often an orderly stop looks again whether an append opened the log once more.
const CLOSE_POLL: Duration = Duration::from_millis(100);
/// The newest and, should that one be damaged, the one before it.
const SNAPSHOTS_KEPT: usize = 2;

/// The producer snapshots of a log.
pub(super) struct Snapshots {
    /// Taken, but at an offset that was not durable yet.
    waiting: Mutex<VecDeque<(Offset, Vec<u8>)>>,
    /// Written, oldest first.
    written: Mutex<Vec<Offset>>,
    /// Size of the log at the last one.
    size_at_last: AtomicI64,
}

impl Snapshots {
    pub(super) fn new(written: Vec<Offset>) -> Self {
        Self { waiting: Mutex::default(), written: Mutex::new(written), size_at_last: 0.into() }
    }

    /// Takes a snapshot of the producers as they are at `offset`.
    pub(super) fn take(&self, offset: Offset, producers: &ProducerState) {
        self.waiting.lock().push_back((offset, producer_snapshot::encode(producers)));
    }
}

impl Log {
    /// Writes down what a start would otherwise have to find out, and answers how far the log is known to be durable.
    /// Everything that the answer relies on is durable before it is given.
    pub(in crate::storage) fn checkpoint(self: &Arc<Self>) -> io::Result<LogCheckpoint> {
        // First, so that what is written below covers at least everything before it.
        let (recovery_point, log_start) = (self.durable_end(), self.log_start());
        let _working = self.directory_work.lock();
        if self.is_online() {
            if let Some(segment) = self.active() {
                if let Err(error) = self.write_index_entries(&segment) {
                    tracing::warn!(log = %self.partition, %error, "cannot write the index; it will be rebuilt");
                }
                self.take_due_snapshot(&segment);
            }
            self.write_snapshots();
            if self.epochs_dirty.swap(false, Ordering::AcqRel) {
                let contents = self.epochs.read().encode();
                replace_file(&*self.engine.disk, &self.directory.join(EPOCHS), &contents)
                    .inspect_err(|_| self.epochs_dirty.store(true, Ordering::Release))?;
            }
        }
        Ok(LogCheckpoint { partition: self.partition.clone(), topic_id: self.topic_id, recovery_point, log_start })
    }

    fn write_index_entries(&self, segment: &ActiveSegment) -> io::Result<()> {
        let [offsets, times] = segment.index.write().take_unwritten();
        for ((bytes, position), suffix) in [(offsets, INDEX), (times, TIME_INDEX)] {
            if !bytes.is_empty() {
                let path = self.directory.join(file_name(segment.base_offset, suffix));
                let file =
                    if position == 0 { self.engine.disk.create(&path)? } else { self.engine.disk.open(&path)? };
                file.write_at(&bytes, position)?;
            }
        }
        Ok(())
    }

    fn take_due_snapshot(&self, segment: &ActiveSegment) {
        let position = i64::from(segment.end().0);
        let last = self.snapshots.size_at_last.load(Ordering::Relaxed);
        if position.abs_diff(last) < SNAPSHOT_EVERY_BYTES {
            return;
        }
        self.snapshots.size_at_last.store(position, Ordering::Relaxed);
        let writer = self.writer.lock();
        // Appends wait for this copy, of 200 bytes a producer: microseconds for a few hundred, milliseconds with the 100,000 that
        // a log may have. Once in 16 MiB that costs less than a structure that shares its parts would cost every append.
        let (log_end, producers) = (self.log_end(), writer.producers.clone());
        drop(writer);
        self.snapshots.take(log_end, &producers);
    }

    /// Writes the snapshots whose offsets are durable by now and removes old ones.
    pub(super) fn write_snapshots(&self) {
        let mut written = self.snapshots.written.lock();
        loop {
            let due = {
                let mut waiting = self.snapshots.waiting.lock();
                match waiting.front() {
                    Some((offset, _)) if *offset <= self.durable_end() => waiting.pop_front(),
                    _ => None,
                }
            };
            let Some((offset, contents)) = due else { break };
            let path = self.directory.join(file_name(offset, SNAPSHOT));
            match write_snapshot(&*self.engine.disk, &path, &contents) {
                Ok(()) => {
                    written.retain(|other| *other != offset);
                    written.push(offset);
                }
                // A start then reads the headers behind an older snapshot.
                Err(error) => tracing::warn!(%error, path = %path.display(), "cannot write a producer snapshot"),
            }
        }
        while written.len() > SNAPSHOTS_KEPT {
            let oldest = written.remove(0);
            let _ = self.engine.disk.delete(&self.directory.join(file_name(oldest, SNAPSHOT)));
        }
    }

    /// Forgets producers that appended nothing for long.
    pub(in crate::storage) fn expire_producers(&self) {
        let now_ms = self.engine.clock.now_ms();
        let expiration_ms = self.engine.options.producer_id_expiration_ms.load(Ordering::Relaxed);
        self.writer.lock().producers.expire(now_ms, expiration_ms);
    }

    /// Starts to make the log ready for an orderly stop: flushed, sealed, everything derived written.
    pub(in crate::storage) fn close(self: &Arc<Self>) {
        self.start_closing();
    }

    /// Waits until the log is dormant, or offline.
    pub(in crate::storage) fn wait_until_closed(self: &Arc<Self>) {
        let mut writer = self.writer.lock();
        while self.is_online() && !matches!(writer.phase, Phase::Dormant { .. }) {
            // An append may have opened it again.
            drop(writer);
            self.start_closing();
            writer = self.writer.lock();
            if self.is_online() && !matches!(writer.phase, Phase::Dormant { .. }) {
                self.closed.wait_for(&mut writer, CLOSE_POLL);
            }
        }
    }
}

/// Not flushed: a snapshot carries its checksum, and one that a power cut spoils is not used.
fn write_snapshot(disk: &dyn Disk, path: &std::path::Path, contents: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    let temporary = std::path::PathBuf::from(temporary);
    disk.create(&temporary)?.write_at(contents, 0)?;
    disk.rename(&temporary, path)
}
