//! Snappy blocks, in the framing of Java's snappy library or, as some clients send it, a single block without any.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::stream::with_scratch;
use super::{Codec, CodecError};

/// The framing's first bytes.
const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";

/// Magic, version and oldest compatible version. Readers, Kafka's among them, do not look at the versions.
const HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

/// Uncompressed bytes of a block that we write: what Kafka's own producer writes.
const BLOCK: usize = 32 << 10;

/// The densest element of the format makes 64 bytes of three: a block that claims more is lying.
const DENSEST: usize = 22;

/// The decoder, and the encoder with its table.
pub(super) struct State {
    decoder: Decoder,
    encoder: Encoder,
}

impl Default for State {
    fn default() -> Self {
        Self { decoder: Decoder::new(), encoder: Encoder::new() }
    }
}

pub(super) fn compress(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    with_scratch(|scratch| compress_with(&mut scratch.snappy.encoder, payload, out))
}

fn compress_with(encoder: &mut Encoder, payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&HEADER);
    for block in payload.chunks(BLOCK) {
        let start = out.len();
        out.resize(start + 4 + max_compress_len(block.len()), 0);
        let len = encoder.compress(block, out.get_mut(start + 4..)?).ok()?;
        out.get_mut(start..start + 4)?.copy_from_slice(&u32::try_from(len).ok()?.to_be_bytes());
        out.truncate(start + 4 + len);
    }
    Some(())
}

/// The blocks of a payload.
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
    framed: bool,
    first: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, framed: payload.starts_with(&MAGIC), first: true }
    }

    pub(super) fn append(&mut self, state: &mut State, out: &mut Vec<u8>, limit: usize) -> Result<bool, CodecError> {
        loop {
            if self.rest.is_empty() && !self.first {
                return Ok(false);
            }
            self.first = false;
            let block = if self.framed { self.next_block()? } else { Some(std::mem::take(&mut self.rest)) };
            let Some(block) = block else { continue };
            let len = decompress_len(block).map_err(|_| Codec::Snappy.corrupt("a block without a length"))?;
            if len > block.len() * DENSEST {
                return Err(Codec::Snappy.corrupt("a block claims more than it can hold"));
            }
            if len > limit {
                return Err(CodecError::TooLarge { limit });
            }
            let start = out.len();
            out.resize(start + len, 0);
            let room = out.get_mut(start..).unwrap_or_default();
            state.decoder.decompress(block, room).map_err(|_| Codec::Snappy.corrupt("a block does not decompress"))?;
            if len > 0 {
                return Ok(true);
            }
        }
    }

    /// The next block of framed data; `None` after a header, which may come again between blocks.
    fn next_block(&mut self) -> Result<Option<&'a [u8]>, CodecError> {
        let early = Codec::Snappy.corrupt("it ends too early");
        if self.rest.starts_with(&MAGIC) {
            self.rest = self.rest.get(HEADER.len()..).ok_or(early)?;
            return Ok(None);
        }
        let (len, rest) = self.rest.split_first_chunk::<4>().ok_or(early.clone())?;
        let (block, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or(early)?;
        self.rest = rest;
        Ok(Some(block))
    }
}
