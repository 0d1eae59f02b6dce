//! Record batches inside a message: opaque bytes, in one or several pieces.

use bytes::Bytes;

use super::{DecodeError, EncodeError, Nullable, Reader, Version, Wire, Writer};

/// The record batches of one partition in a Produce request or a Fetch response.
///
/// A Fetch response may take its batches from several places (the end of one segment and the beginning of the next), so they
/// are a list of chunks; what a peer sent is one chunk, a slice of the frame. Two values are equal when their bytes are.
#[derive(Clone, Debug, Default)]
pub struct Records(Chunks);

/// The usual single chunk needs no list.
#[derive(Clone, Debug)]
enum Chunks {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Default for Chunks {
    fn default() -> Chunks {
        Chunks::One(Bytes::new())
    }
}

impl Records {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.chunks().iter().map(Bytes::len).sum()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces, in order.
    pub fn chunks(&self) -> &[Bytes] {
        match &self.0 {
            Chunks::One(chunk) => std::slice::from_ref(chunk),
            Chunks::Many(chunks) => chunks,
        }
    }

    /// The bytes as one piece; copies when there are several chunks.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Chunks::One(chunk) => chunk.clone(),
            Chunks::Many(chunks) => chunks.concat().into(),
        }
    }
}

impl From<Bytes> for Records {
    fn from(chunk: Bytes) -> Records {
        Records(Chunks::One(chunk))
    }
}

impl From<Vec<Bytes>> for Records {
    fn from(chunks: Vec<Bytes>) -> Records {
        Records(Chunks::Many(chunks))
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Records) -> bool {
        self.len() == other.len() && self.chunks().iter().flatten().eq(other.chunks().iter().flatten())
    }
}

impl Eq for Records {}

impl Wire for Records {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, v: Version) -> Result<Records, DecodeError> {
        Nullable::decode_not_null(r, v)
    }

    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        Records::encode_nullable(Some(self), w, v)
    }
}

impl Nullable for Records {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Records>, DecodeError> {
        Ok(Bytes::decode_nullable(r, v)?.map(Records::from))
    }

    fn encode_nullable(value: Option<&Records>, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        w.put_length(value.map(Records::len), v)?;
        for chunk in value.into_iter().flat_map(Records::chunks) {
            w.put_shared(chunk);
        }
        Ok(())
    }
}
