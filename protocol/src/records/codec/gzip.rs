//! Gzip (RFC 1952): members one after the other.

use std::io::Write;

use crc_fast::{CrcAlgorithm, Digest};
use flate2::write::GzEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

use super::stream::PIECE;
use super::{Codec, CodecError};

/// The inflater, about 50 KiB, reset for each member.
pub(super) struct State(Decompress);

impl Default for State {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

/// Levels are 1 to 9.
pub(super) fn compress(payload: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> Option<()> {
    let level = level.map_or_else(Compression::default, |level| Compression::new(level.clamp(1, 9).unsigned_abs()));
    let mut encoder = GzEncoder::new(out, level);
    encoder.write_all(payload).ok()?;
    encoder.finish().ok().map(|_| ())
}

/// The members of a payload.
pub(super) struct Members<'a> {
    rest: &'a [u8],
    /// The checksum of the open member's output.
    open: Option<Digest>,
    first: bool,
}

impl<'a> Members<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, open: None, first: true }
    }

    pub(super) fn append(&mut self, state: &mut State, out: &mut Vec<u8>) -> Result<bool, CodecError> {
        let before = out.len();
        while out.len() == before {
            let Some(crc) = &mut self.open else {
                if self.rest.is_empty() && !self.first {
                    return Ok(false);
                }
                self.rest = skip_header(self.rest).ok_or(Codec::Gzip.corrupt("not a gzip header"))?;
                self.open = Some(Digest::new(CrcAlgorithm::Crc32IsoHdlc));
                self.first = false;
                state.0.reset(false);
                continue;
            };
            out.reserve(PIECE);
            let (read, wrote) = (state.0.total_in(), state.0.total_out());
            let status = state
                .0
                .decompress_vec(self.rest, out, FlushDecompress::None)
                .map_err(|_| Codec::Gzip.corrupt("not deflate data"))?;
            let read = (state.0.total_in() - read) as usize;
            self.rest = self.rest.get(read..).unwrap_or_default();
            crc.update(out.get(before..).unwrap_or_default());
            match status {
                Status::StreamEnd => {
                    let sums = (crc.finalize() as u32, state.0.total_out() as u32);
                    self.rest = check_trailer(self.rest, sums)?;
                    self.open = None;
                }
                Status::Ok | Status::BufError if read == 0 && state.0.total_out() == wrote => {
                    return Err(Codec::Gzip.corrupt("it ends too early"));
                }
                Status::Ok | Status::BufError => {}
            }
        }
        Ok(true)
    }
}

/// Compares a member's trailer, and returns what follows it.
fn check_trailer(rest: &[u8], (crc, len): (u32, u32)) -> Result<&[u8], CodecError> {
    let (trailer, rest) = rest.split_first_chunk::<8>().ok_or(Codec::Gzip.corrupt("it ends too early"))?;
    let expected = u64::from(len) << 32 | u64::from(crc);
    if u64::from_le_bytes(*trailer) != expected {
        return Err(Codec::Gzip.corrupt("checksum or length do not match"));
    }
    Ok(rest)
}

/// What follows a member's header; `None` when there is none.
fn skip_header(bytes: &[u8]) -> Option<&[u8]> {
    const HEADER_CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    let (header, mut rest) = bytes.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = *header else { return None };
    if flags & RESERVED != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (len, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_optional_header_fields_are_skipped() {
        let mut plain = Vec::new();
        compress(b"payload", None, &mut plain).unwrap();
        let mut decorated = vec![0x1f, 0x8b, 8, 0b1_1110, 0, 0, 0, 0, 0, 255];
        decorated.extend_from_slice(&[3, 0, 1, 2, 3]);
        decorated.extend_from_slice(b"name\0comment\0");
        decorated.extend_from_slice(&[0xaa, 0xbb]);
        decorated.extend_from_slice(&plain[10..]);
        assert_eq!(&Codec::Gzip.decompress(&decorated, 100).unwrap()[..], b"payload");
        for len in 0..decorated.len() {
            assert!(Codec::Gzip.decompress(&decorated[..len], 100).is_err(), "{len}");
        }
    }
}
