//! Arrays, and values that may be null.

use super::{DecodeError, EncodeError, Reader, Struct, Version, Wire, Writer};

/// A value for which the wire has a null.
pub trait Nullable: Wire {
    /// Reads a value or null.
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError>;

    /// Appends a value or null.
    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version) -> Result<(), EncodeError>;

    /// Reads a value where null is an error.
    fn decode_not_null(r: &mut Reader, v: Version) -> Result<Self, DecodeError> {
        let position = r.position();
        Self::decode_nullable(r, v)?.ok_or(DecodeError::UnexpectedNull { position })
    }
}

impl<T: Nullable> Wire for Option<T> {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, v: Version) -> Result<Option<T>, DecodeError> {
        T::decode_nullable(r, v)
    }

    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        T::encode_nullable(self.as_ref(), w, v)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, v: Version) -> Result<Vec<T>, DecodeError> {
        Nullable::decode_not_null(r, v)
    }

    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        Nullable::encode_nullable(Some(self), w, v)
    }
}

impl<T: Wire> Nullable for Vec<T> {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = r.length(v)? else {
            return Ok(None);
        };
        r.expect_elements(count, T::MIN_SIZE, size_of::<T>())?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::decode(r, v)?);
        }
        Ok(Some(elements))
    }

    fn encode_nullable(value: Option<&Vec<T>>, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        w.put_length(value.map(Vec::len), v)?;
        value.into_iter().flatten().try_for_each(|element| element.encode(w, v))
    }
}

/// A nullable struct has a byte in front of it: negative is null (KIP-893).
impl<T: Struct> Nullable for T {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<T>, DecodeError> {
        if (r.byte()? as i8) < 0 { Ok(None) } else { T::decode(r, v).map(Some) }
    }

    fn encode_nullable(value: Option<&T>, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        w.put_byte(if value.is_some() { 1 } else { 0xff });
        value.map_or(Ok(()), |value| value.encode(w, v))
    }
}
