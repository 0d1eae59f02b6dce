//! The LZ4 frame format, as far as Kafka reads it: independent blocks and no dictionary.

use std::hash::Hasher;

use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size};
use twox_hash::XxHash32;

use super::stream::with_scratch;
use super::{Codec, CodecError};

/// Magic; version 1 with independent blocks and nothing optional; blocks of up to 64 KiB; the header's checksum.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];

/// Uncompressed bytes of a block that we write, as the header says.
const BLOCK: usize = 64 << 10;

/// The top bit of a block's length: stored as it is, because compression gained nothing.
const STORED: u32 = 1 << 31;

/// A byte of a length makes at most 255 bytes.
const DENSEST: usize = 256;

/// The compressor's table. A decoder needs no memory.
#[derive(Default)]
pub(super) struct State(CompressTable);

pub(super) fn compress(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    with_scratch(|scratch| compress_with(&mut scratch.lz4.0, payload, out))
}

fn compress_with(table: &mut CompressTable, payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&HEADER);
    for block in payload.chunks(BLOCK) {
        let start = out.len();
        out.resize(start + 4 + get_maximum_output_size(block.len()), 0);
        let len = compress_into_with_table(block, out.get_mut(start + 4..)?, table).ok()?;
        let length_field = if len < block.len() {
            out.truncate(start + 4 + len);
            len as u32
        } else {
            out.truncate(start + 4);
            out.extend_from_slice(block);
            block.len() as u32 | STORED
        };
        out.get_mut(start..start + 4)?.copy_from_slice(&length_field.to_le_bytes());
    }
    out.extend_from_slice(&[0; 4]);
    Some(())
}

/// What a frame's header says.
struct Descriptor {
    block_checksums: bool,
    block_max: usize,
    content_size: Option<u64>,
    content_checksum: Option<XxHash32>,
}

/// The frame of a payload. A second one is not read, as in Kafka.
pub(super) struct Frame<'a> {
    rest: &'a [u8],
    descriptor: Option<Descriptor>,
    written: u64,
    ended: bool,
}

impl<'a> Frame<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, descriptor: None, written: 0, ended: false }
    }

    pub(super) fn append(&mut self, out: &mut Vec<u8>) -> Result<bool, CodecError> {
        if self.ended {
            return Ok(false);
        }
        let mut descriptor = match self.descriptor.take() {
            Some(descriptor) => descriptor,
            None => self.read_header()?,
        };
        let before = out.len();
        let field = u32::from_le_bytes(self.take()?);
        if field == 0 {
            self.end(&descriptor)?;
            return Ok(false);
        }
        self.read_block(&descriptor, field, out)?;
        let grown = out.get(before..).unwrap_or_default();
        self.written += grown.len() as u64;
        if let Some(hash) = &mut descriptor.content_checksum {
            hash.write(grown);
        }
        self.descriptor = Some(descriptor);
        Ok(true)
    }

    fn read_header(&mut self) -> Result<Descriptor, CodecError> {
        if self.take::<4>()? != HEADER[..4] {
            return Err(Codec::Lz4.corrupt("not an LZ4 frame"));
        }
        let described = self.rest;
        let [flags, block_descriptor] = self.take()?;
        if flags & 0b1100_0010 != 0b0100_0000 || block_descriptor & 0b1000_1111 != 0 {
            return Err(Codec::Lz4.corrupt("a frame of an unknown version"));
        }
        if flags & 0b0010_0000 == 0 {
            return Err(Codec::Lz4.corrupt("blocks that depend on each other, which Kafka's clients cannot read"));
        }
        if flags & 1 != 0 {
            return Err(Codec::Lz4.corrupt("a dictionary"));
        }
        let block_max = match block_descriptor >> 4 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(Codec::Lz4.corrupt("a block size that does not exist")),
        };
        let content_size = if flags & 0b1000 != 0 { Some(u64::from_le_bytes(self.take()?)) } else { None };
        let described = described.get(..described.len() - self.rest.len()).unwrap_or_default();
        let [checksum] = self.take()?;
        if (XxHash32::oneshot(0, described) >> 8) as u8 != checksum {
            return Err(Codec::Lz4.corrupt("the header's checksum does not match"));
        }
        Ok(Descriptor {
            block_checksums: flags & 0b1_0000 != 0,
            block_max,
            content_size,
            content_checksum: (flags & 0b100 != 0).then(|| XxHash32::with_seed(0)),
        })
    }

    fn read_block(&mut self, descriptor: &Descriptor, field: u32, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let len = (field & !STORED) as usize;
        if len > descriptor.block_max {
            return Err(Codec::Lz4.corrupt("a block larger than the frame allows"));
        }
        let (block, rest) = self.rest.split_at_checked(len).ok_or(Codec::Lz4.corrupt("it ends too early"))?;
        self.rest = rest;
        if descriptor.block_checksums && u32::from_le_bytes(self.take()?) != XxHash32::oneshot(0, block) {
            return Err(Codec::Lz4.corrupt("a block's checksum does not match"));
        }
        // Kafka's reader takes it for the end of the data.
        let empty = Codec::Lz4.corrupt("an empty block");
        if len == 0 {
            return Err(empty);
        }
        if field & STORED != 0 {
            out.extend_from_slice(block);
            return Ok(());
        }
        let start = out.len();
        out.resize(start + descriptor.block_max.min(len * DENSEST), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let wrote = decompress_into(block, room).map_err(|_| Codec::Lz4.corrupt("a block does not decompress"))?;
        out.truncate(start + wrote);
        if wrote == 0 { Err(empty) } else { Ok(()) }
    }

    /// Checks what follows the last block.
    fn end(&mut self, descriptor: &Descriptor) -> Result<(), CodecError> {
        if let Some(hash) = &descriptor.content_checksum
            && u32::from_le_bytes(self.take()?) != hash.finish_32()
        {
            return Err(Codec::Lz4.corrupt("the content's checksum does not match"));
        }
        if descriptor.content_size.is_some_and(|size| size != self.written) {
            return Err(Codec::Lz4.corrupt("the content's size does not match"));
        }
        if !self.rest.is_empty() {
            return Err(Codec::Lz4.corrupt("bytes follow the frame"));
        }
        self.ended = true;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Codec::Lz4.corrupt("it ends too early"))?;
        self.rest = rest;
        Ok(*bytes)
    }
}
