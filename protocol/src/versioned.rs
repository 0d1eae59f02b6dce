//! A message behind its version, two bytes: the values of coordinators' topics, and the consumer protocol.

use bytes::Bytes;

use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// Reads the version and the message.
pub(crate) fn decode<M: Message>(bytes: Bytes) -> Result<M, DecodeError> {
    let mut r = Reader::new(bytes);
    let version = i16::from_be_bytes(r.array()?);
    let known = M::known_version(version).ok_or(DecodeError::UnknownVersion { name: M::NAME, version })?;
    M::decode(&mut r, known)
}

/// The bytes of the version and the message.
pub(crate) fn encode<M: Message>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let known = M::known_version(version).ok_or(EncodeError::UnknownVersion { name: M::NAME, version })?;
    let mut w = Writer::new();
    w.put_slice(&version.to_be_bytes());
    message.encode(&mut w, known)?;
    Ok(w.into_bytes())
}
