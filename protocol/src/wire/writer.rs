//! Writing: bytes are appended to a buffer; large shared bytes become chunks of their own.

use bytes::{BufMut, Bytes, BytesMut};

use super::{EncodeError, Version, Wire};
use crate::ErrorCode;

/// From this length on, shared bytes are referenced instead of copied: below it, one more entry in the vectored write costs
/// more than the copy.
pub const SHARE_FROM: usize = 1024;

/// Most requests and responses fit into this; the buffer of others grows.
const FRAME_CAPACITY: usize = 512;

/// The length in front of a frame is an int32.
const FRAME_PREFIX: usize = 4;

/// The longest string, the largest positive int16: Kafka's limit also where lengths are written as varints.
const MAX_STRING: usize = i16::MAX as usize;

/// Collects the bytes of a message as a list of chunks.
#[derive(Debug, Default)]
pub struct Writer {
    /// The first chunk once it is complete; kept apart because the length of the frame is written into it at the end.
    head: Option<BytesMut>,
    /// The complete chunks behind the head.
    chunks: Vec<Bytes>,
    /// The chunk that is being written.
    tail: BytesMut,
    /// The length of everything before the tail.
    before_tail: usize,
    /// Whether shared bytes are copied all the same: a tagged field must stay in one chunk until its size is known.
    in_tagged_field: bool,
    /// The first error code that was written.
    first_error: ErrorCode,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// An empty writer with room for a frame of the usual size, and for its length at the beginning.
    pub(crate) fn for_frame() -> Writer {
        let mut w = Writer { tail: BytesMut::with_capacity(FRAME_CAPACITY), ..Writer::default() };
        w.put_slice(&[0; FRAME_PREFIX]);
        w
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.before_tail + self.tail.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Remembers an error code that is being written.
    pub(crate) fn note_error(&mut self, code: ErrorCode) {
        if self.first_error.is_none() {
            self.first_error = code;
        }
    }

    /// The first error code that was written; `NONE` when there was none.
    pub(crate) fn first_error(&self) -> ErrorCode {
        self.first_error
    }

    /// Appends bytes by copying them.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.tail.put_slice(bytes);
    }

    /// Appends a single byte.
    pub fn put_byte(&mut self, byte: u8) {
        self.tail.put_u8(byte);
    }

    /// Appends bytes that others hold too. Long ones become a chunk of their own and are not copied; short ones are copied.
    pub fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_FROM || self.in_tagged_field {
            self.put_slice(bytes);
            return;
        }
        self.finish_chunk();
        self.before_tail += bytes.len();
        self.chunks.push(bytes.clone());
    }

    fn finish_chunk(&mut self) {
        self.before_tail += self.tail.len();
        if self.head.is_none() {
            self.head = Some(self.tail.split());
        } else if !self.tail.is_empty() {
            self.chunks.push(self.tail.split().freeze());
        }
    }

    /// Appends an unsigned integer in one to five bytes of seven bits, the lowest first.
    pub fn put_unsigned_varint(&mut self, value: u32) {
        self.put_unsigned_varlong(u64::from(value));
    }

    /// Appends an unsigned integer in one to ten bytes of seven bits, the lowest first.
    pub fn put_unsigned_varlong(&mut self, mut value: u64) {
        while value > 0x7f {
            self.put_byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.put_byte(value as u8);
    }

    /// Appends a signed 32-bit integer in zigzag order.
    pub fn put_varint(&mut self, value: i32) {
        self.put_unsigned_varint(((value << 1) ^ (value >> 31)) as u32);
    }

    /// Appends a signed 64-bit integer in zigzag order.
    pub fn put_varlong(&mut self, value: i64) {
        self.put_unsigned_varlong(((value << 1) ^ (value >> 63)) as u64);
    }

    /// Appends text, or null, with its length: an int16, or compact.
    pub fn put_string(&mut self, text: Option<&str>, v: Version) -> Result<(), EncodeError> {
        let length = text.map(str::len);
        if let Some(length) = length.filter(|length| *length > MAX_STRING) {
            return Err(EncodeError::StringTooLong { length });
        }
        if v.flexible {
            self.put_unsigned_varint(length.map_or(0, |length| length as u32 + 1));
        } else {
            self.tail.put_i16(length.map_or(-1, |length| length as i16));
        }
        self.put_slice(text.unwrap_or_default().as_bytes());
        Ok(())
    }

    /// Appends the length of bytes or the number of elements of an array, or null: an int32, or compact.
    pub fn put_length(&mut self, length: Option<usize>, v: Version) -> Result<(), EncodeError> {
        if let Some(length) = length.filter(|length| *length >= i32::MAX as usize) {
            return Err(EncodeError::TooLong { length });
        }
        if v.flexible {
            self.put_unsigned_varint(length.map_or(0, |length| length as u32 + 1));
        } else {
            self.tail.put_i32(length.map_or(-1, |length| length as i32));
        }
        Ok(())
    }

    /// Appends an empty list of tagged fields in a flexible version.
    pub fn put_no_tagged_fields(&mut self, v: Version) {
        if v.flexible {
            self.put_byte(0);
        }
    }

    /// Inserts the number of bytes since `start` at `start`: values are written once, without measuring them first.
    fn put_size_before(&mut self, start: usize) {
        let size = self.tail.len() - start;
        self.put_unsigned_varint(size as u32);
        if let Some(value_and_size) = self.tail.get_mut(start..) {
            value_and_size.rotate_left(size);
        }
    }

    /// The chunks, in order.
    pub fn into_chunks(mut self) -> Vec<Bytes> {
        self.finish_chunk();
        let head = self.head.take().unwrap_or_default().freeze();
        let mut chunks = Vec::with_capacity(self.chunks.len() + 1);
        if !head.is_empty() {
            chunks.push(head);
        }
        chunks.append(&mut self.chunks);
        chunks
    }

    /// The chunks as one piece; copies when there is more than one.
    pub fn into_bytes(self) -> Bytes {
        let length = self.len();
        let mut chunks = self.into_chunks();
        if chunks.len() <= 1 {
            return chunks.pop().unwrap_or_default();
        }
        let mut joined = BytesMut::with_capacity(length);
        for chunk in &chunks {
            joined.put_slice(chunk);
        }
        joined.freeze()
    }

    /// The chunks of a frame, with its length at the beginning; the writer is one that was made by [`Writer::for_frame`].
    pub(crate) fn into_frame(mut self) -> Result<Vec<Bytes>, EncodeError> {
        let length = self.len().saturating_sub(FRAME_PREFIX);
        let prefix = i32::try_from(length).map_err(|_| EncodeError::TooLong { length })?.to_be_bytes();
        let first = self.head.as_mut().unwrap_or(&mut self.tail);
        if let Some(room) = first.get_mut(..FRAME_PREFIX) {
            room.copy_from_slice(&prefix);
        }
        Ok(self.into_chunks())
    }
}

/// The tagged fields of a struct while they are written.
#[derive(Debug)]
#[must_use = "the number of fields is written by `end`"]
pub struct TaggedFields {
    /// Where in the tail the number of fields is.
    position: usize,
    count: u8,
    nested: bool,
}

impl TaggedFields {
    /// Begins the tagged fields.
    pub fn begin(w: &mut Writer) -> TaggedFields {
        let fields = TaggedFields { position: w.tail.len(), count: 0, nested: w.in_tagged_field };
        w.put_byte(0);
        w.in_tagged_field = true;
        fields
    }

    /// Appends one field. Tags are written in ascending order; a struct has at most 127 of them.
    pub fn put<T: Wire>(&mut self, w: &mut Writer, tag: u32, value: &T, v: Version) -> Result<(), EncodeError> {
        self.count += 1;
        w.put_unsigned_varint(tag);
        let start = w.tail.len();
        value.encode(w, v)?;
        w.put_size_before(start);
        Ok(())
    }

    /// Ends the tagged fields.
    pub fn end(self, w: &mut Writer) {
        if let Some(count) = w.tail.get_mut(self.position) {
            *count = self.count;
        }
        w.in_tagged_field = self.nested;
    }
}
