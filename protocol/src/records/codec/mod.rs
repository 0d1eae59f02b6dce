//! Compression of a batch's payload: gzip, snappy, LZ4 and Zstandard as Kafka's clients write and read them.
//!
//! Decompression is a stream ([`Stream`]) that hands out a piece at a time and stops at a limit, so that a few hostile
//! bytes cannot become gigabytes. Buffers and decoder states are kept per thread and used again.
//!
//! All payload must be compressed data: bytes behind its end are refused for every codec. Kafka itself skips them for some
//! codecs and not for others, and so do the readers of other clients: such a batch is one that somebody cannot read.

mod gzip;
mod lz4;
mod snappy;
mod stream;
mod zstd;

use bytes::Bytes;

pub(super) use stream::Stream;

/// How the payload of a batch is compressed (`compression.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// Not at all.
    #[default]
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// Snappy, framed as Java's snappy library does; unframed is read too.
    Snappy = 2,
    /// The LZ4 frame format with independent blocks.
    Lz4 = 3,
    /// Zstandard, RFC 8878. Fetch and Produce carry it from version 10 and 7 on.
    Zstd = 4,
}

/// Why a payload cannot be compressed or decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The data is not what the codec writes.
    #[error("corrupt {} data: {reason}", codec.name())]
    Corrupt {
        /// The codec the batch names.
        codec: Codec,
        /// What is wrong.
        reason: &'static str,
    },
    /// The data becomes larger than is allowed.
    #[error("the data decompresses to more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The compressor refused: too much data, or no memory.
    #[error("{} cannot compress {len} bytes", codec.name())]
    Compress {
        /// The codec.
        codec: Codec,
        /// Bytes it was given.
        len: usize,
    },
}

impl Codec {
    /// All of them, by number.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec of a number in the batch attributes.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.get(usize::from(id)).copied()
    }

    /// Its number in the batch attributes.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// Its name in `compression.type`; no compression is `none`, as producers name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The codec of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Compresses a whole payload and appends it to `out`.
    pub fn compress(self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.compress_at(None, payload, out)
    }

    /// Compresses a whole payload at a level of the codec's own scale, as `compression.gzip.level` and
    /// `compression.zstd.level` have it, and appends it to `out`. Snappy and LZ4 have one level here, Zstandard without its
    /// own library too.
    pub fn compress_at(self, level: Option<i32>, payload: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let done = match self {
            Self::None => {
                out.extend_from_slice(payload);
                Some(())
            }
            Self::Gzip => gzip::compress(payload, level, out),
            Self::Snappy => snappy::compress(payload, out),
            Self::Lz4 => lz4::compress(payload, out),
            Self::Zstd => zstd::compress(payload, level, out),
        };
        done.ok_or(CodecError::Compress { codec: self, len: payload.len() })
    }

    /// Decompresses a whole payload into one buffer of at most `limit` bytes.
    pub fn decompress(self, payload: &[u8], limit: usize) -> Result<Bytes, CodecError> {
        if self == Self::None {
            return if payload.len() > limit {
                Err(CodecError::TooLarge { limit })
            } else {
                Ok(Bytes::copy_from_slice(payload))
            };
        }
        Stream::new(self, payload, limit).into_bytes()
    }

    fn corrupt(self, reason: &'static str) -> CodecError {
        CodecError::Corrupt { codec: self, reason }
    }
}

/// Bytes that a compressed payload of `compressed` bytes may become: 64 MiB, or 100 times its size where that is more.
///
/// Deflate and Zstandard can exceed 1,000:1 on hostile input, honest records seldom 20:1; 64 MiB leaves room for a batch
/// of one constant value, and is what the broker's memory budget can stand per request in work.
pub fn decompressed_limit(compressed: usize) -> usize {
    compressed.saturating_mul(100).max(64 << 20)
}
