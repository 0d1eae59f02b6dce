//! Walks the record batches of a segment file, by `pread`, trusting nothing it finds.

use std::io;

use naru_protocol::records::{BatchHeader, HEADER_LEN, checksum};

use super::disk::DiskFile;
use super::types::{Offset, Position};

/// How much is read at once, at least. A multiple of a page, large enough that a scan runs at the disk's speed.
const CHUNK: usize = 256 * 1024;

/// Whether the offsets in a header are such as a batch can have.
pub fn has_offsets(header: &BatchHeader) -> bool {
    header.base_offset >= 0
        && header.last_offset_delta >= 0
        && header.base_offset.checked_add(i64::from(header.last_offset_delta) + 1).is_some()
}

/// Where a batch begins that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The disk cannot read it.
    #[error("cannot read the log at position {position}: {source}")]
    Io {
        /// Start of the batch.
        position: Position,
        /// The disk's error.
        source: io::Error,
    },
    /// The bytes are no record batch.
    #[error("no valid record batch at position {position}: {reason}")]
    Invalid {
        /// Start of the bytes.
        position: Position,
        /// What is wrong with them.
        reason: &'static str,
    },
}

/// A batch and where it lies.
#[derive(Debug)]
pub struct ScannedBatch {
    /// Start of the batch in the file.
    pub position: Position,
    /// Its header.
    pub header: BatchHeader,
}

impl ScannedBatch {
    /// Where the next batch begins.
    pub fn end(&self) -> Position {
        Position(self.position.0 + self.header.size() as u32)
    }

    /// The offset of its last record.
    pub fn last_offset(&self) -> Offset {
        Offset(self.header.last_offset())
    }
}

/// A cursor over the batches of a file.
pub struct Scanner<'a> {
    file: &'a dyn DiskFile,
    position: u32,
    end: u32,
    buffer: Vec<u8>,
    buffer_start: u32,
}

impl<'a> Scanner<'a> {
    /// Scans `file` from a batch boundary up to `end`.
    pub fn new(file: &'a dyn DiskFile, from: Position, end: Position) -> Self {
        Self { file, position: from.0, end: end.0, buffer: Vec::new(), buffer_start: from.0 }
    }

    /// Where the next batch would begin.
    pub fn position(&self) -> Position {
        Position(self.position)
    }

    /// The next batch by its header alone; the body is neither read nor checked. `None` at the end of the file or where
    /// nothing was ever written.
    pub fn next_header(&mut self) -> Result<Option<ScannedBatch>, ScanError> {
        let Some(batch) = self.peek()? else { return Ok(None) };
        self.position = batch.end().0;
        Ok(Some(batch))
    }

    /// The next batch with all its bytes, its checksum verified.
    pub fn next_batch(&mut self) -> Result<Option<(ScannedBatch, &[u8])>, ScanError> {
        let Some(batch) = self.peek()? else { return Ok(None) };
        let position = batch.position;
        self.fill(batch.header.size())?;
        let bytes = self
            .window(batch.header.size())
            .ok_or(ScanError::Invalid { position, reason: "the file ends inside the batch" })?;
        if checksum(bytes) != batch.header.crc {
            return Err(ScanError::Invalid { position, reason: "the checksum does not match" });
        }
        self.position = batch.end().0;
        let start = (position.0 - self.buffer_start) as usize;
        Ok(Some((batch, self.buffer.get(start..(self.position - self.buffer_start) as usize).unwrap_or_default())))
    }

    fn peek(&mut self) -> Result<Option<ScannedBatch>, ScanError> {
        let position = Position(self.position);
        let left = (self.end - self.position) as usize;
        if left == 0 {
            return Ok(None);
        }
        self.fill(HEADER_LEN.min(left))?;
        let Some(bytes) = self.window(HEADER_LEN) else {
            let rest = self.window(left).unwrap_or_default();
            let blank = rest.iter().all(|byte| *byte == 0);
            return if blank {
                Ok(None)
            } else {
                Err(ScanError::Invalid { position, reason: "the file ends inside a header" })
            };
        };
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = BatchHeader::parse(bytes)
            .map_err(|_| ScanError::Invalid { position, reason: "not a batch header of version 2" })?;
        if header.size() > left {
            return Err(ScanError::Invalid { position, reason: "the file ends inside the batch" });
        }
        if !has_offsets(&header) {
            return Err(ScanError::Invalid { position, reason: "offsets out of range" });
        }
        Ok(Some(ScannedBatch { position, header }))
    }

    /// Sees to it that `len` bytes from the position are in the buffer, as far as the file has them.
    fn fill(&mut self, len: usize) -> Result<(), ScanError> {
        let start = (self.position - self.buffer_start) as usize;
        if self.buffer.len() >= start && self.buffer.len() - start >= len {
            return Ok(());
        }
        let wanted = len.max(CHUNK).min((self.end - self.position) as usize);
        self.buffer.resize(wanted, 0);
        self.buffer_start = self.position;
        let read = self.file.read_at(&mut self.buffer, u64::from(self.position));
        let read = read.map_err(|source| ScanError::Io { position: Position(self.position), source })?;
        self.buffer.truncate(read);
        Ok(())
    }

    fn window(&self, len: usize) -> Option<&[u8]> {
        let start = (self.position - self.buffer_start) as usize;
        self.buffer.get(start..start.checked_add(len)?)
    }
}
