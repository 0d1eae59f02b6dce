//! Integers, booleans, floating-point numbers, UUIDs, strings and bytes.

use bytes::Bytes;
use bytestring::ByteString;
use uuid::Uuid;

use super::{DecodeError, EncodeError, Nullable, Reader, Version, Wire, Writer};

macro_rules! big_endian {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            const MIN_SIZE: usize = size_of::<$number>();

            fn decode(r: &mut Reader, _: Version) -> Result<$number, DecodeError> {
                Ok(<$number>::from_be_bytes(r.array()?))
            }

            fn encode(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
                w.put_slice(&self.to_be_bytes());
                Ok(())
            }
        }
    )*};
}

big_endian!(i8, i16, u16, i32, u32, i64, f64);

impl Wire for bool {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, _: Version) -> Result<bool, DecodeError> {
        Ok(r.byte()? != 0)
    }

    fn encode(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.put_byte(u8::from(*self));
        Ok(())
    }
}

impl Wire for Uuid {
    const MIN_SIZE: usize = 16;

    fn decode(r: &mut Reader, _: Version) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(r.array()?))
    }

    fn encode(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.put_slice(self.as_bytes());
        Ok(())
    }
}

impl Wire for ByteString {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, v: Version) -> Result<ByteString, DecodeError> {
        Nullable::decode_not_null(r, v)
    }

    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        w.put_string(Some(self), v)
    }
}

impl Nullable for ByteString {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<ByteString>, DecodeError> {
        let length = r.string_length(v)?;
        length.map(|length| r.string(length)).transpose()
    }

    fn encode_nullable(value: Option<&ByteString>, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        w.put_string(value.map(|text| &**text), v)
    }
}

impl Wire for Bytes {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, v: Version) -> Result<Bytes, DecodeError> {
        Nullable::decode_not_null(r, v)
    }

    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        Bytes::encode_nullable(Some(self), w, v)
    }
}

impl Nullable for Bytes {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Bytes>, DecodeError> {
        let length = r.length(v)?;
        length.map(|length| r.bytes(length)).transpose()
    }

    fn encode_nullable(value: Option<&Bytes>, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        w.put_length(value.map(Bytes::len), v)?;
        if let Some(bytes) = value {
            w.put_shared(bytes);
        }
        Ok(())
    }
}
