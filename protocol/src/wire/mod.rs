//! The codec's ground floor: how Kafka writes integers, strings, arrays and tagged fields.
//!
//! A message is decoded from a [`Reader`] over one frame and encoded into a [`Writer`]; [`Wire`] is what both know how to do
//! with a value. The trait is derived for structs (see `naru-protocol-derive`); the impls for everything else are here.
//!
//! What a peer sends is never trusted: every length is checked against the bytes that are really there, the memory of decoded
//! values is bounded by a small multiple of the frame ([`MEMORY_PER_BYTE`]), and nothing panics.

mod error;
mod primitives;
mod reader;
mod record_set;
mod sequences;
mod writer;

use std::ops::RangeInclusive;

pub use self::error::{DecodeError, EncodeError};
pub use self::reader::{BASE_MEMORY, MEMORY_PER_BYTE, Reader};
pub use self::record_set::Records;
pub use self::sequences::Nullable;
pub use self::writer::{SHARE_FROM, TaggedFields, Writer};

/// The version in which a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number that the request header carries.
    pub number: i16,
    /// Whether the version has compact lengths and tagged fields (KIP-482).
    pub flexible: bool,
}

/// A value that can be read from and written to a frame.
pub trait Wire: Sized {
    /// The least number of bytes that a value takes in any version. A count of elements is checked against it.
    const MIN_SIZE: usize;

    /// Reads a value.
    fn decode(r: &mut Reader, v: Version) -> Result<Self, DecodeError>;

    /// Appends the value.
    fn encode(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError>;
}

/// A struct of fields, as opposed to a primitive: derived, never implemented by hand.
pub trait Struct: Wire + Default {}

/// A whole message: a struct that knows which versions of it exist.
pub trait Message: Struct {
    /// The name of the struct, which is Kafka's.
    const NAME: &'static str;

    /// The versions that Kafka 4.4 knows.
    const VERSIONS: RangeInclusive<i16>;

    /// The first flexible version, if there is one.
    const FLEXIBLE_FROM: Option<i16>;

    /// The version with this number; the number is not checked against [`Message::VERSIONS`].
    fn version(number: i16) -> Version {
        Version { number, flexible: Self::FLEXIBLE_FROM.is_some_and(|first| number >= first) }
    }

    /// The version with this number, if it exists.
    fn known_version(number: i16) -> Option<Version> {
        Self::VERSIONS.contains(&number).then(|| Self::version(number))
    }
}

/// Whether a value is the one that an absent field has.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a field that may be null only if `allowed`.
pub fn decode_nullable_if<T: Nullable>(
    allowed: bool,
    field: &'static str,
    r: &mut Reader,
    v: Version,
) -> Result<Option<T>, DecodeError> {
    let value = T::decode_nullable(r, v)?;
    if value.is_none() && !allowed {
        return Err(DecodeError::NullField { field });
    }
    Ok(value)
}

/// Writes a field that may be null only if `allowed`.
pub fn encode_nullable_if<T: Nullable>(
    allowed: bool,
    field: &'static str,
    value: &Option<T>,
    w: &mut Writer,
    v: Version,
) -> Result<(), EncodeError> {
    if value.is_none() && !allowed {
        return Err(EncodeError::NullField { field, version: v.number });
    }
    T::encode_nullable(value.as_ref(), w, v)
}

#[cfg(test)]
mod tests;
