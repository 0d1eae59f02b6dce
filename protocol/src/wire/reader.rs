//! Reading: a position in a frame, and what may be taken from there.

use bytes::Bytes;
use bytestring::ByteString;

use super::{DecodeError, Version};

/// How many bytes of memory the decoded elements may take for each byte of the frame.
///
/// Elements are larger in memory than on the wire (an empty string is one byte there and 32 here). No message of a real client
/// comes near this; a frame of nothing but empty elements does.
pub const MEMORY_PER_BYTE: usize = 16;

/// What the decoded elements of a message of any size may take, so that the bound never meets small messages.
pub const BASE_MEMORY: usize = 64 * 1024;

/// The longest string, the largest positive int16: Kafka's limit also where lengths are written as varints.
const MAX_STRING: usize = i16::MAX as usize;

/// Reads values from a frame. Strings and bytes are slices of the frame, not copies.
#[derive(Debug)]
pub struct Reader {
    frame: Bytes,
    position: usize,
    /// Memory that decoded elements may still take.
    memory: usize,
}

impl Reader {
    /// A reader at the beginning of `frame`.
    pub fn new(frame: Bytes) -> Reader {
        let memory = frame.len().saturating_mul(MEMORY_PER_BYTE).saturating_add(BASE_MEMORY);
        Reader { frame, position: 0, memory }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.frame.len() - self.position
    }

    /// The bytes that are left.
    pub fn into_rest(mut self) -> Bytes {
        self.frame.split_off(self.position)
    }

    /// Fails when bytes are left.
    pub fn expect_end(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = self.frame.get(self.position..).unwrap_or_default();
        let Some(array) = rest.first_chunk::<N>() else {
            return Err(self.truncated(N));
        };
        self.position += N;
        Ok(*array)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next `length` bytes, as a slice of the frame.
    pub fn bytes(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        self.check_remaining(length)?;
        let bytes = self.frame.slice(self.position..self.position + length);
        self.position += length;
        Ok(bytes)
    }

    /// The next `length` bytes as text, a slice of the frame if it is UTF-8; what is not is replaced by U+FFFD, as Kafka does.
    pub fn string(&mut self, length: usize) -> Result<ByteString, DecodeError> {
        let position = self.position;
        if length > MAX_STRING {
            return Err(DecodeError::StringTooLong { position, length });
        }
        if let Ok(text) = ByteString::try_from(self.bytes(length)?) {
            return Ok(text);
        }
        // A replacement is three bytes and stands for at least one; the buffer of the text may be twice as large as the text.
        self.charge(length, 6)?;
        let bytes = self.frame.get(position..self.position).unwrap_or_default();
        Ok(String::from_utf8_lossy(bytes).into_owned().into())
    }

    /// Passes over the next `length` bytes.
    pub fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        self.check_remaining(length)?;
        self.position += length;
        Ok(())
    }

    /// An unsigned 32-bit integer in one to five bytes of seven bits, the lowest first.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let position = self.position;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong { position })
    }

    /// An unsigned 64-bit integer in one to ten bytes of seven bits, the lowest first.
    pub fn unsigned_varlong(&mut self) -> Result<u64, DecodeError> {
        let position = self.position;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong { position })
    }

    /// A signed 32-bit integer in zigzag order, as in record headers and lengths.
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let value = self.unsigned_varint()?;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// A signed 64-bit integer in zigzag order.
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let value = self.unsigned_varlong()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The length of a string, or `None` for null: an int16, or compact.
    pub fn string_length(&mut self, v: Version) -> Result<Option<usize>, DecodeError> {
        if v.flexible {
            return self.compact_length();
        }
        Ok(usize::try_from(i16::from_be_bytes(self.array()?)).ok())
    }

    /// The length of bytes, or the number of elements of an array, or `None` for null: an int32, or compact.
    ///
    /// Null is written as −1 and read from every negative number, as Kafka does.
    pub fn length(&mut self, v: Version) -> Result<Option<usize>, DecodeError> {
        if v.flexible {
            return self.compact_length();
        }
        Ok(usize::try_from(i32::from_be_bytes(self.array()?)).ok())
    }

    /// Lengths in flexible versions are written plus one; zero is null.
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        let length = (self.unsigned_varint()? as i32).wrapping_sub(1);
        Ok(usize::try_from(length).ok())
    }

    /// Checks that `count` elements can be there and may be held. After that, room for all of them may be reserved at once.
    pub(super) fn expect_elements(
        &mut self,
        count: usize,
        min_size: usize,
        size_in_memory: usize,
    ) -> Result<(), DecodeError> {
        let remaining = self.remaining();
        if count > remaining / min_size.max(1) {
            return Err(DecodeError::TooManyElements { position: self.position, count, remaining });
        }
        self.charge(count, size_in_memory)
    }

    /// Reads the tagged fields of a flexible version. `read` takes the value of the field with the given tag, or says `false`
    /// if it does not know the tag; the field is then skipped.
    pub fn tagged_fields(
        &mut self,
        v: Version,
        read: &mut dyn FnMut(&mut Reader, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        if !v.flexible {
            return Ok(());
        }
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            // A known value tells its own length; like Kafka, believe that one.
            if !read(self, tag)? {
                self.skip(size)?;
            }
        }
        Ok(())
    }

    /// Passes over the tagged fields of a flexible version.
    pub fn skip_tagged_fields(&mut self, v: Version) -> Result<(), DecodeError> {
        self.tagged_fields(v, &mut |_, _| Ok(false))
    }

    /// Counts memory that decoded values take.
    fn charge(&mut self, count: usize, size: usize) -> Result<(), DecodeError> {
        match self.memory.checked_sub(count.saturating_mul(size)) {
            Some(memory) => self.memory = memory,
            None => return Err(DecodeError::MemoryExceeded { position: self.position, count }),
        }
        Ok(())
    }

    fn check_remaining(&self, length: usize) -> Result<(), DecodeError> {
        if length > self.remaining() { Err(self.truncated(length)) } else { Ok(()) }
    }

    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::Truncated { position: self.position, needed, remaining: self.remaining() }
    }
}
