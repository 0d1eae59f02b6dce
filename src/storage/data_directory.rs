//! The data directory: who owns it, which logs are in it, and the threads that look after them.
//!
//! Opening takes the lock, reads or creates `meta.json`, and makes this start's incarnation durable before anything else
//! can be written. A checkpoint of all logs is written once a second when something changed, and as the last act of an
//! orderly stop.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};
use uuid::Uuid;

use super::ballast::Ballast;
use super::checkpoint::{self, Checkpoint, LogCheckpoint};
use super::clock::Clock;
use super::config::{LogConfig, StorageOptions};
use super::disk::{Disk, Volume, read_file, replace_file};
use super::log::{Engine, Log, LogObserver};
use super::meta::{self, Meta, MetaError};
use super::partition_metadata::{self, PartitionMetadataError};
use super::recovery;
use super::scan::ScanError;
use super::segment::{DELETED, Segment, is_blank};
use super::types::{Offset, TopicPartition};
use super::workers::Workers;
use crate::measure::Latency;

/// Held while a broker runs.
const LOCK: &str = "naru.lock";

/// How often recovery points are written: a start after a kill scans at most what was appended in so long.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// How often idle logs and open files are looked for.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(10);
/// A sealed segment that nobody read for so long is closed.
const OPEN_SEGMENT_LIFETIME: Duration = Duration::from_mins(1);

/// Why a data directory or a log in it cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the data directory {0} is in use by another process; stop that broker or choose another directory")]
    Locked(PathBuf),
    /// The disk refuses.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The disk's error.
        source: io::Error,
    },
    /// The directory's identity cannot be read.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The directory belongs to another cluster or node.
    #[error(
        "the data directory belongs to {what} {found}, but this broker is configured as {configured}; it would mix two brokers' data"
    )]
    Foreign {
        /// `cluster.id` or `node.id`.
        what: &'static str,
        /// What the directory says.
        found: String,
        /// What the configuration says.
        configured: String,
    },
    /// A log's directory belongs to another topic.
    #[error("the directory {path} belongs to topic id {found}, not {expected}; move it out of the data directory")]
    WrongTopic {
        /// The log's directory.
        path: PathBuf,
        /// The id in it.
        found: Uuid,
        /// The id that was asked for.
        expected: Uuid,
    },
    /// A log's `partition.metadata` cannot be read.
    #[error("{path}: {source}")]
    PartitionMetadata {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PartitionMetadataError,
    },
    /// The log is open already.
    #[error("the log of {0} is open already")]
    AlreadyOpen(TopicPartition),
    /// The disk fails while the log is scanned.
    #[error("cannot recover {path}: {source}")]
    Recovery {
        /// The log's directory.
        path: PathBuf,
        /// What failed.
        source: ScanError,
    },
}

/// The logs of one broker and all that keeps them.
pub struct DataDirectory {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the directory is left in order, or dropped.
    lock: Mutex<Option<Box<dyn Send + Sync>>>,
}

pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) path: PathBuf,
    meta: Meta,
    logs: RwLock<HashMap<TopicPartition, Arc<Log>>>,
    checkpoint: Mutex<Checkpointing>,
    /// Files and directories to unlink, with the monotonic time from which on.
    doomed: Mutex<Vec<(Duration, PathBuf)>>,
    stopping: Mutex<bool>,
    stop: Condvar,
}

/// What the checkpoint file says.
#[derive(Default)]
struct Checkpointing {
    /// Of logs that are not open yet.
    unopened: HashMap<TopicPartition, LogCheckpoint>,
    /// As last written.
    written: Vec<LogCheckpoint>,
}

impl DataDirectory {
    /// Takes the directory, creating it when missing, and makes a new incarnation durable.
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        path: &Path,
        options: StorageOptions,
    ) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        create_durably(&*disk, path).map_err(io)?;
        let lock = disk.lock(&path.join(LOCK)).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked(path.to_owned()),
            _ => io(error),
        })?;
        let ballast = Ballast::release(&*disk, path);
        let meta = open_meta(&*disk, path, &options)?;
        let unopened = read_checkpoint(&*disk, path).into_iter().map(|log| (log.partition.clone(), log)).collect();
        let engine = Arc::new(Engine {
            flushers: Workers::new("naru-flush", options.flush_threads),
            helpers: Workers::new("naru-log", options.helper_threads),
            read_buffers: Arc::default(),
            ballast,
            disk,
            clock,
            options,
            flushes: Latency::default(),
            open_logs: 0.into(),
        });
        let shared = Arc::new(Shared {
            engine,
            path: path.to_owned(),
            meta,
            logs: RwLock::default(),
            checkpoint: Mutex::new(Checkpointing { unopened, written: Vec::new() }),
            doomed: Mutex::default(),
            stopping: Mutex::new(false),
            stop: Condvar::new(),
        });
        let mut threads = Vec::new();
        for (name, interval, work) in shared.chores() {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(name.into()).spawn(move || shared.repeat(interval, work));
            threads.push(thread.map_err(io)?);
        }
        Ok(Self { shared, threads: Mutex::new(threads), lock: Mutex::new(Some(lock)) })
    }

    /// The directory's identity.
    pub fn meta(&self) -> &Meta {
        &self.shared.meta
    }

    /// Where it is: the path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// How large the file system is that it lies on, and how much of it is left.
    pub fn volume(&self) -> io::Result<Volume> {
        self.shared.engine.disk.volume(&self.shared.path)
    }

    /// How long flushes to stable storage took, and how many there were: the latency that acks=all adds.
    pub fn flushes(&self) -> &Latency {
        &self.shared.engine.flushes
    }

    /// Opens a log, creating its directory when missing and recovering it. Blocks; may be called from many threads.
    pub fn open_log(
        &self,
        partition: &TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        observer: Arc<dyn LogObserver>,
    ) -> Result<Arc<Log>, OpenError> {
        self.shared.open_log(partition, topic_id, config, observer)
    }

    /// The open log of a partition.
    pub fn log(&self, partition: &TopicPartition) -> Option<Arc<Log>> {
        self.shared.logs.read().get(partition).cloned()
    }

    /// Takes a log out of service and removes its directory; the files themselves are unlinked later.
    /// The metadata that says so must be durable before.
    pub fn delete_log(&self, partition: &TopicPartition) -> io::Result<()> {
        self.shared.delete_log(partition)
    }

    /// Raises log start offsets, durably: records below are gone for good, and their segments are removed. An offset below
    /// the log start changes nothing; one beyond the durable end is cut down to it, after a flush. Answers the new start of
    /// each log. Blocks.
    pub fn advance_log_starts(&self, wanted: &[(Arc<Log>, Offset)]) -> Vec<io::Result<Offset>> {
        self.shared.advance_log_starts(wanted)
    }

    /// Applies retention to all logs now, as the housekeeping does from time to time.
    pub fn apply_retention(&self) {
        self.shared.apply_retention();
    }

    /// Writes a checkpoint now.
    pub fn checkpoint(&self) -> io::Result<()> {
        self.shared.write_checkpoint()
    }

    /// Stops in order: everything flushed and sealed, everything derived written, then a checkpoint; the directory is
    /// free for another broker. Logs that somebody still holds take nothing more. Blocks.
    pub fn shutdown(&self) {
        self.stop_threads();
        self.shared.close_logs();
        if let Err(error) = self.shared.write_checkpoint() {
            tracing::error!(%error, "cannot write the checkpoint; the next start scans more");
        }
        self.shared.all_logs().iter().for_each(|log| log.retire());
        *self.lock.lock() = None;
    }

    fn stop_threads(&self) {
        *self.shared.stopping.lock() = true;
        self.shared.stop.notify_all();
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked said so; there is nothing to add.
            let _ = thread.join();
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for DataDirectory {
    /// Without a [`DataDirectory::shutdown`] before, it is like a crash: nothing more is flushed or written. The lock goes
    /// last, when no thread can touch a file any more. Blocks while one is in the middle of something.
    fn drop(&mut self) {
        self.stop_threads();
        self.shared.engine.flushers.abandon();
        self.shared.engine.helpers.abandon();
    }
}

type Chore = fn(&Arc<Shared>);

impl Shared {
    fn chores(&self) -> [(&'static str, Duration, Chore); 3] {
        [
            ("naru-checkpoint", CHECKPOINT_INTERVAL, |shared| {
                shared.flush_due_logs();
                if let Err(error) = shared.write_checkpoint() {
                    tracing::error!(%error, "cannot write the checkpoint; a start after a kill would scan more");
                }
            }),
            ("naru-housekeeping", HOUSEKEEPING_INTERVAL, |shared| {
                shared.close_idle();
                shared.unlink_doomed();
                shared.engine.ballast.refill(&*shared.engine.disk);
            }),
            ("naru-retention", self.engine.options.retention_check_interval, |shared| shared.apply_retention()),
        ]
    }

    /// Does a chore again and again until the directory closes.
    fn repeat(self: &Arc<Self>, interval: Duration, chore: Chore) {
        loop {
            let mut stopping = self.stopping.lock();
            if !*stopping {
                self.stop.wait_for(&mut stopping, interval);
            }
            if *stopping {
                return;
            }
            drop(stopping);
            chore(self);
        }
    }

    pub(super) fn incarnation(&self) -> i32 {
        self.meta.incarnation
    }

    pub(super) fn all_logs(&self) -> Vec<Arc<Log>> {
        self.logs.read().values().cloned().collect()
    }

    fn open_log(
        &self,
        partition: &TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        observer: Arc<dyn LogObserver>,
    ) -> Result<Arc<Log>, OpenError> {
        if self.logs.read().contains_key(partition) {
            return Err(OpenError::AlreadyOpen(partition.clone()));
        }
        let directory: Arc<Path> = self.path.join(partition.dir_name()).into();
        self.claim(&directory, topic_id)?;
        let known = self.checkpoint.lock().unopened.get(partition).filter(|known| known.topic_id == topic_id).cloned();
        let recovered = recovery::recover(&*self.engine.disk, &directory, known.as_ref(), self.engine.clock.now_ms())
            .map_err(|source| OpenError::Recovery { path: directory.to_path_buf(), source })?;
        let log = Log::new(self.engine.clone(), partition.clone(), topic_id, directory, config, observer, recovered);
        // From one to the other under one lock: a checkpoint must not miss the log in between.
        let mut checkpointing = self.checkpoint.lock();
        match self.logs.write().entry(partition.clone()) {
            Entry::Occupied(_) => return Err(OpenError::AlreadyOpen(partition.clone())),
            Entry::Vacant(place) => place.insert(log.clone()),
        };
        checkpointing.unopened.remove(partition);
        Ok(log)
    }

    /// Forgets what the last checkpoint knew of logs that are not to be opened any more: a kill can come between a topic's
    /// deletion and the checkpoint after it.
    pub(super) fn forget_unopened_but(&self, expected: &[(TopicPartition, Uuid)]) {
        let expected: HashMap<_, _> = expected.iter().map(|(partition, id)| (partition, *id)).collect();
        let mut checkpointing = self.checkpoint.lock();
        checkpointing.unopened.retain(|partition, known| expected.get(partition) == Some(&known.topic_id));
    }

    /// Sees to it that the directory exists and belongs to the topic. A new one is made durable with its first segment
    /// (`Log::found`): until then nothing in it is missed, and a thousand topics are created without a flush.
    fn claim(&self, directory: &Path, topic_id: Uuid) -> Result<(), OpenError> {
        let disk = &*self.engine.disk;
        let path = directory.join(partition_metadata::FILE_NAME);
        let io = |source| OpenError::Io { path: path.clone(), source };
        let found = match read_file(disk, &path) {
            Ok(contents) => Some(partition_metadata::decode(&contents)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io(error)),
        };
        match found {
            Some(Ok(found)) if found == topic_id => Ok(()),
            Some(Ok(found)) => Err(OpenError::WrongTopic { path: directory.to_owned(), found, expected: topic_id }),
            // A power cut can leave a blank file of a log that never had a record.
            Some(Err(source)) if !is_blank(disk, directory).map_err(io)? => {
                Err(OpenError::PartitionMetadata { path, source })
            }
            _ => {
                disk.create_directory(directory).map_err(io)?;
                let file = disk.create(&path).map_err(io)?;
                file.write_at(&partition_metadata::encode(topic_id), 0).map_err(io)
            }
        }
    }

    fn delete_log(&self, partition: &TopicPartition) -> io::Result<()> {
        let Some(log) = self.logs.write().remove(partition) else { return Ok(()) };
        log.mark_deleted();
        let doomed = self.path.join(format!("{}.{}{DELETED}", partition.dir_name(), log.topic_id().simple()));
        self.engine.disk.rename(&log.directory, &doomed)?;
        self.engine.disk.sync_directory(&self.path)?;
        self.unlink_later(doomed, log.config().file_delete_delay_ms);
        Ok(())
    }

    /// Unlinks a file or directory when readers had time to finish.
    pub(super) fn unlink_later(&self, path: PathBuf, delay_ms: i64) {
        let due = self.engine.clock.monotonic() + Duration::from_millis(delay_ms.max(0) as u64);
        self.doomed.lock().push((due, path));
    }

    pub(super) fn unlink_doomed(&self) {
        let now = self.engine.clock.monotonic();
        let due: Vec<PathBuf> =
            self.doomed.lock().extract_if(.., |(due, _)| *due <= now).map(|(_, path)| path).collect();
        let disk = &*self.engine.disk;
        for path in due {
            let unlinked = if disk.list(&path).is_ok() { disk.delete_directory(&path) } else { disk.delete(&path) };
            if let Err(error) = unlinked
                && error.kind() != io::ErrorKind::NotFound
            {
                // The next start removes what is left.
                tracing::warn!(%error, path = %path.display(), "cannot unlink");
            }
        }
    }

    /// Puts idle logs to sleep and closes files that nobody reads.
    pub(super) fn close_idle(&self) {
        let lifetime = OPEN_SEGMENT_LIFETIME.as_millis() as u64;
        let now = self.engine.now();
        let mut open = Vec::new();
        for log in self.all_logs() {
            log.close_if_idle(self.engine.options.idle_log_timeout);
            log.expire_producers();
            for segment in &log.segments.load().0 {
                if let Segment::Sealed(segment) = segment
                    && segment.close_unless_used_since(now.saturating_sub(lifetime))
                {
                    open.push(segment.clone());
                }
            }
        }
        let limit = self.engine.options.max_open_segments;
        if open.len() > limit {
            open.sort_by_key(|segment| segment.last_used_ms());
            open.iter().take(open.len() - limit).for_each(|segment| segment.close());
        }
    }

    /// `flush.ms` of logs with `durability = os`.
    fn flush_due_logs(&self) {
        for log in self.all_logs() {
            log.flush_if_due();
        }
    }

    pub(super) fn write_checkpoint(&self) -> io::Result<()> {
        let mut checkpointing = self.checkpoint.lock();
        let mut logs = Vec::new();
        for log in self.all_logs() {
            match log.checkpoint() {
                Ok(known) => logs.push(known),
                // The log keeps the recovery point it had; the others go on.
                Err(error) => {
                    tracing::warn!(log = %log.partition(), %error, "cannot write the log's epochs; it will be scanned further back");
                    logs.extend(
                        checkpointing.written.iter().find(|known| known.partition == *log.partition()).cloned(),
                    );
                }
            }
        }
        logs.extend(checkpointing.unopened.values().cloned());
        logs.sort_by(|a, b| a.partition.cmp(&b.partition));
        if logs == checkpointing.written {
            return Ok(());
        }
        let contents = Checkpoint(logs.clone()).encode();
        replace_file(&*self.engine.disk, &self.path.join(checkpoint::FILE_NAME), &contents)?;
        checkpointing.written = logs;
        Ok(())
    }

    /// The log start offset that the checkpoint file has for a log.
    pub(super) fn written_log_start(&self, log: &Log) -> Option<Offset> {
        let checkpointing = self.checkpoint.lock();
        let written = &checkpointing.written;
        let found = written.binary_search_by(|known| known.partition.cmp(log.partition())).ok()?;
        written.get(found).filter(|known| known.topic_id == log.topic_id()).map(|known| known.log_start)
    }

    /// Flushes and seals all logs, side by side, and waits for it.
    fn close_logs(&self) {
        let logs = self.all_logs();
        for log in &logs {
            log.close();
        }
        for log in &logs {
            log.wait_until_closed();
        }
    }
}

/// Reads `meta.json`, or founds the directory, and writes this start's incarnation.
/// What was missing must not vanish in a power cut, with all that was acknowledged in it.
fn create_durably(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let is_missing = |path: &Path| disk.list(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let missing: Vec<&Path> =
        path.ancestors().take_while(|path| !path.as_os_str().is_empty() && is_missing(path)).collect();
    disk.create_directory(path)?;
    missing.into_iter().filter_map(Path::parent).try_for_each(|parent| {
        let here = parent.as_os_str().is_empty();
        disk.sync_directory(if here { Path::new(".") } else { parent })
    })
}

fn open_meta(disk: &dyn Disk, path: &Path, options: &StorageOptions) -> Result<Meta, OpenError> {
    let file = path.join(meta::FILE_NAME);
    let io = |source| OpenError::Io { path: file.clone(), source };
    let meta = match read_file(disk, &file) {
        Ok(contents) => Meta::decode(&contents)?.next_incarnation()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Meta::new(options.cluster_id.clone(), options.node_id)?
        }
        Err(error) => return Err(io(error)),
    };
    if let Some(configured) = options.cluster_id.as_ref().filter(|id| **id != meta.cluster_id) {
        return Err(OpenError::Foreign { what: "cluster.id", found: meta.cluster_id, configured: configured.clone() });
    }
    if meta.node_id != options.node_id {
        return Err(OpenError::Foreign {
            what: "node.id",
            found: meta.node_id.to_string(),
            configured: options.node_id.to_string(),
        });
    }
    replace_file(disk, &file, &meta.encode()?).map_err(io)?;
    Ok(meta)
}

/// What the last run wrote down. A damaged file costs time: all logs are scanned from their start.
fn read_checkpoint(disk: &dyn Disk, path: &Path) -> Vec<LogCheckpoint> {
    let path = path.join(checkpoint::FILE_NAME);
    let Ok(contents) = read_file(disk, &path) else { return Vec::new() };
    match Checkpoint::decode(&contents) {
        Ok(Checkpoint(logs)) => logs,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "the checkpoint cannot be used; all logs are scanned");
            Vec::new()
        }
    }
}
