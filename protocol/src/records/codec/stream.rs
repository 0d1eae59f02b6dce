//! A payload as a stream of decompressed bytes, with a limit.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use bytes::Bytes;

use super::{Codec, CodecError, gzip, lz4, snappy, zstd};

/// Bytes that a decoder appends at a time, where its format leaves the choice.
pub(super) const PIECE: usize = 64 << 10;

/// A piece buffer or decoder larger than this is given back after use, not kept for the thread's next batch.
const KEPT: usize = 1 << 20;

/// What a thread keeps between two payloads.
#[derive(Default)]
pub(super) struct Scratch {
    piece: Vec<u8>,
    pub(super) gzip: gzip::State,
    pub(super) snappy: snappy::State,
    pub(super) lz4: lz4::State,
    pub(super) zstd: zstd::State,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Gives `work` this thread's scratch; inside another use of it, a new one.
pub(super) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = work(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

enum Source<'a> {
    Plain(&'a [u8]),
    Gzip(gzip::Members<'a>),
    Snappy(snappy::Blocks<'a>),
    Lz4(lz4::Frame<'a>),
    Zstd(zstd::Frames<'a>),
}

/// The decompressed bytes of a payload. A [`BufRead`] whose errors carry a [`CodecError`].
pub(in crate::records) struct Stream<'a> {
    source: Source<'a>,
    /// The thread's scratch, for as long as the stream lives.
    scratch: Option<Box<Scratch>>,
    position: usize,
    produced: usize,
    limit: usize,
}

impl<'a> Stream<'a> {
    pub(in crate::records) fn new(codec: Codec, payload: &'a [u8], limit: usize) -> Self {
        let source = match codec {
            Codec::None => Source::Plain(payload),
            Codec::Gzip => Source::Gzip(gzip::Members::new(payload)),
            Codec::Snappy => Source::Snappy(snappy::Blocks::new(payload)),
            Codec::Lz4 => Source::Lz4(lz4::Frame::new(payload)),
            Codec::Zstd => Source::Zstd(zstd::Frames::new(payload)),
        };
        let scratch = (codec != Codec::None).then(|| {
            let mut scratch = SCRATCH.take().unwrap_or_default();
            scratch.piece.clear();
            scratch
        });
        Self { source, scratch, position: 0, produced: 0, limit }
    }

    /// Everything that is left, as one buffer.
    pub(super) fn into_bytes(mut self) -> Result<Bytes, CodecError> {
        if let Source::Plain(rest) = self.source {
            return Ok(Bytes::copy_from_slice(rest));
        }
        let mut out = Vec::new();
        while self.append(&mut out)? {}
        Ok(Bytes::from(out))
    }

    /// Appends at least one byte, or tells that there is none.
    fn append(&mut self, out: &mut Vec<u8>) -> Result<bool, CodecError> {
        let Some(scratch) = self.scratch.as_deref_mut() else { return Ok(false) };
        let before = out.len();
        let left = self.limit - self.produced;
        let more = match &mut self.source {
            Source::Plain(_) => Ok(false),
            Source::Gzip(source) => source.append(&mut scratch.gzip, out),
            Source::Snappy(source) => source.append(&mut scratch.snappy, out, left),
            Source::Lz4(source) => source.append(out),
            Source::Zstd(source) => source.append(&mut scratch.zstd, out),
        }?;
        let grown = out.len() - before;
        if grown > left {
            return Err(CodecError::TooLarge { limit: self.limit });
        }
        self.produced += grown;
        Ok(more)
    }

    /// The next piece into the scratch's buffer.
    fn refill(&mut self) -> Result<(), CodecError> {
        let Some(scratch) = self.scratch.as_deref_mut() else { return Ok(()) };
        let mut piece = std::mem::take(&mut scratch.piece);
        piece.clear();
        self.position = 0;
        let result = self.append(&mut piece);
        if let Some(scratch) = self.scratch.as_deref_mut() {
            scratch.piece = piece;
        }
        result.map(|_| ())
    }
}

impl BufRead for Stream<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let spent = self.scratch.as_ref().is_some_and(|scratch| self.position >= scratch.piece.len());
        if spent {
            self.refill().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        Ok(match (&self.source, &self.scratch) {
            (Source::Plain(rest), _) => rest,
            (_, Some(scratch)) => scratch.piece.get(self.position..).unwrap_or_default(),
            (_, None) => &[],
        })
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        match &mut self.source {
            Source::Plain(rest) => *rest = rest.get(amount..).unwrap_or_default(),
            _ => self.position += amount,
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let len = ready.len().min(out.len());
        out[..len].copy_from_slice(&ready[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if let Some(mut scratch) = self.scratch.take() {
            if scratch.piece.capacity() > KEPT {
                scratch.piece = Vec::new();
            }
            if let Source::Zstd(source) = &self.source
                && source.has_large_window()
            {
                scratch.zstd = zstd::State::default();
            }
            SCRATCH.set(Some(scratch));
        }
    }
}
