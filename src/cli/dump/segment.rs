//! Walking the batches of a segment file. Nothing that is read is trusted, and damage does not end the walk where there is a
//! way around it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use naru_protocol::records::{Batch, BatchHeader, HEADER_LEN};

/// The largest batch that is read. Brokers take far smaller ones; a larger length is damage.
const LARGEST_BATCH: usize = 256 << 20;

/// A batch and where it lies.
pub(super) struct Found {
    pub(super) position: u64,
    pub(super) header: BatchHeader,
    batch: Batch,
}

impl Found {
    /// All of it.
    pub(super) fn whole(&self) -> &Batch {
        &self.batch
    }

    /// Where the next one begins.
    pub(super) fn end(&self) -> u64 {
        self.position + self.header.size() as u64
    }
}

/// Something that cannot be right.
#[derive(Debug)]
pub(super) struct Damage {
    /// Where in the file, if it is about one place.
    pub(super) position: Option<u64>,
    /// What is wrong.
    pub(super) reason: String,
}

impl Damage {
    pub(super) fn of_file(reason: impl std::fmt::Display) -> Self {
        Self { position: None, reason: reason.to_string() }
    }
}

/// The batches of one segment file.
pub(super) struct Scan {
    file: File,
    /// Length of the file, with what is reserved and not written yet.
    pub(super) len: u64,
    position: u64,
    next_offset: i64,
    ended: bool,
}

impl Scan {
    /// Begins at the start of the file of the segment with this base offset.
    pub(super) fn open(path: &Path, base_offset: i64) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, position: 0, next_offset: base_offset, ended: false })
    }

    /// Where the next batch would begin; after the walk the end of what was written.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    fn read(&self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, self.position)?;
        Ok(bytes)
    }

    fn damage(&self, reason: impl std::fmt::Display) -> Damage {
        Damage { position: Some(self.position), reason: reason.to_string() }
    }

    /// Damage with no way around it.
    fn stop(&mut self, reason: impl std::fmt::Display) -> Damage {
        self.ended = true;
        let rest = self.len - self.position;
        self.damage(format_args!("{reason}; the last {rest} bytes of the file are not shown"))
    }

    fn step(&mut self) -> Result<Option<Found>, Damage> {
        let left = self.len.saturating_sub(self.position);
        let head = self.read((HEADER_LEN as u64).min(left) as usize).map_err(|error| self.stop(error))?;
        // Reserved, and never written.
        if head.iter().all(|byte| *byte == 0) {
            self.ended = true;
            return Ok(None);
        }
        let header = BatchHeader::parse(&head).map_err(|error| self.stop(error))?;
        let size = header.size();
        if size as u64 > left || size > LARGEST_BATCH {
            return Err(self.stop(format_args!("a batch of {size} bytes does not fit the {left} bytes that are left")));
        }
        let bytes = self.read(size).map_err(|error| self.stop(error))?;
        let batch = Batch::parse(Bytes::from(bytes)).map_err(|error| self.stop(error))?;
        let found = Found { position: self.position, header, batch };
        let damage = if !found.batch.crc_is_valid() {
            Some(self.damage(format_args!("the checksum of the batch at offset {} is wrong", header.base_offset)))
        } else if header.base_offset < self.next_offset || header.last_offset_delta < 0 {
            let next = self.next_offset;
            Some(self.damage(format_args!("the batch begins with offset {}, {next} was next", header.base_offset)))
        } else {
            None
        };
        self.position = found.end();
        if let Some(damage) = damage {
            return Err(damage);
        }
        self.next_offset = header.last_offset().saturating_add(1);
        Ok(Some(found))
    }
}

impl Iterator for Scan {
    type Item = Result<Found, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended { None } else { self.step().transpose() }
    }
}
