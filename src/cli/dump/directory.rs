//! Finding the logs of a data directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Scan, Show};
use crate::cli::Failure;
use crate::cli::offset::Offset;
use crate::storage::types::TopicPartition;

/// Digits of an offset in a file name.
const OFFSET_DIGITS: usize = 20;

/// Where the dump looks.
pub(super) struct Place {
    /// The data directory, unless less than that was named.
    pub(super) data_dir: Option<PathBuf>,
    /// The logs, by topic and partition.
    pub(super) logs: Vec<LogDirectory>,
    /// What a single file that was named holds.
    pub(super) natural: Option<Show>,
}

/// The directory of one partition.
pub(super) struct LogDirectory {
    pub(super) partition: TopicPartition,
    pub(super) path: PathBuf,
    /// Names of its files, in order.
    files: Vec<String>,
}

impl Place {
    /// What lies at `path`: a data directory, the directory of a partition, or a file in one.
    pub(super) fn find(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error: io::Error| unreadable(path, &error);
        let path = &fs::canonicalize(path).map_err(unreadable)?;
        if path.is_file() {
            return Self::file(path);
        }
        if let Some(partition) = partition_of(path) {
            let log = LogDirectory::open(partition, path).map_err(unreadable)?;
            return Ok(Self { data_dir: None, logs: vec![log], natural: None });
        }
        let mut logs = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if let Some(partition) = partition_of(&path).filter(|_| path.is_dir()) {
                logs.push(LogDirectory::open(partition, &path).map_err(|error| self::unreadable(&path, &error))?);
            }
        }
        if logs.is_empty() {
            return Err(Failure::NotFound(format!("{} is no data directory: it has no logs in it", path.display()))
                .hint("Name the directory that the broker was started with (--data-dir), or one of a partition."));
        }
        logs.sort_by(|a, b| a.partition.cmp(&b.partition));
        Ok(Self { data_dir: Some(path.clone()), logs, natural: None })
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let show = match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("log") => Some(Show::Batches),
            Some("index" | "timeindex") => Some(Show::Indexes),
            Some("snapshot") => Some(Show::Snapshots),
            _ => None,
        };
        let partition = path.parent().and_then(partition_of);
        let (Some(show), Some(partition), Some(directory)) = (show, partition, path.parent()) else {
            return Err(Failure::Usage(format!("{} is no file that can be shown", path.display()))
                .hint("Name a data directory, a directory like orders-0, or a .log, .index, .timeindex or .snapshot file in one."));
        };
        let mut log = LogDirectory::open(partition, directory).map_err(|error| unreadable(path, &error))?;
        let stem = name.split('.').next().unwrap_or_default().to_owned();
        let only_snapshot = show == Show::Snapshots;
        log.files.retain(|file| file.starts_with(&stem) && (!only_snapshot || file == name));
        Ok(Self { data_dir: None, logs: vec![log], natural: Some(show) })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{} cannot be read: {error}", path.display());
    match error.kind() {
        io::ErrorKind::NotFound => Failure::NotFound(format!("there is no {}", path.display()))
            .hint("Name the data directory, as in `naru log dump /var/lib/naru`; without one it is ./naru-data."),
        _ => Failure::Failed(text),
    }
}

fn partition_of(path: &Path) -> Option<TopicPartition> {
    path.file_name()?.to_str()?.parse().ok()
}

impl LogDirectory {
    fn open(partition: TopicPartition, path: &Path) -> io::Result<Self> {
        let names = fs::read_dir(path)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut files: Vec<String> = names.collect();
        files.sort_unstable();
        Ok(Self { partition, path: path.to_owned(), files })
    }

    /// The base offsets of its segments, ascending.
    pub(super) fn segments(&self) -> impl DoubleEndedIterator<Item = i64> {
        self.offsets(".log")
    }

    /// The offsets in the names of files with this suffix, ascending.
    pub(super) fn offsets(&self, suffix: &'static str) -> impl DoubleEndedIterator<Item = i64> {
        self.files.iter().filter_map(move |name| offset_of(name, suffix))
    }

    /// Path of a file that belongs to an offset.
    pub(super) fn file(&self, offset: i64, suffix: &str) -> PathBuf {
        self.path.join(file_name(offset, suffix))
    }

    /// The offset that its first segment begins with.
    pub(super) fn start(&self) -> i64 {
        self.segments().next().unwrap_or_default()
    }

    /// Behind its last readable batch.
    pub(super) fn end(&self) -> i64 {
        let end_of = |segment| Some(self.batches(segment)?.last()?.header.last_offset().saturating_add(1));
        self.segments().rev().find_map(end_of).unwrap_or_else(|| self.segments().next_back().unwrap_or_default())
    }

    /// The first offset that a time asks for; the end where no record is as late, and for every other place.
    pub(super) fn first_at(&self, place: Offset) -> i64 {
        let Offset::Time(ms) = place else { return self.end() };
        let late = |segment| {
            let batch = self.batches(segment)?.find(|batch| batch.header.max_timestamp >= ms)?;
            let record = batch.whole().records().flatten().find(|record| record.timestamp >= ms);
            Some(record.map_or(batch.header.base_offset, |record| record.offset))
        };
        self.segments().find_map(late).unwrap_or_else(|| self.end())
    }

    /// The readable batches of a segment, if its file can be opened.
    fn batches(&self, segment: i64) -> Option<impl Iterator<Item = super::segment::Found>> {
        Some(Scan::open(&self.file(segment, ".log"), segment).ok()?.flatten())
    }
}

/// The name of a file that belongs to an offset, as `00000000000000000042.log`.
pub(super) fn file_name(offset: i64, suffix: &str) -> String {
    format!("{offset:0OFFSET_DIGITS$}{suffix}")
}

fn offset_of(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    let legal = digits.len() == OFFSET_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    legal.then(|| digits.parse().ok()).flatten()
}
