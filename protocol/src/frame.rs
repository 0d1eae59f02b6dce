//! Whole requests and responses: header, body, and the length in front of both.

use bytes::Bytes;
use bytestring::ByteString;

use crate::header::{RequestHeader, ResponseHeader};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};
use crate::{ApiKey, ErrorCode};

/// A message of an API: a request or a response.
pub trait ApiMessage: Message {
    /// The API.
    const KEY: ApiKey;
}

/// What a client sends.
pub trait Request: ApiMessage {
    /// What the broker answers.
    type Response: Response;
}

/// What a broker answers.
pub trait Response: ApiMessage {
    /// How long the client shall send nothing, in milliseconds (KIP-219); 0 for an answer that cannot tell.
    fn throttle_time_ms(&self) -> i32 {
        0
    }

    /// Tells the client to send nothing for so many milliseconds. Without effect on an answer that cannot tell.
    fn set_throttle_time_ms(&mut self, _ms: i32) {}
}

/// Reads the body of a request: what follows the header. Bytes behind the body are ignored, as Kafka does.
pub fn decode_request<R: Request>(body: Bytes, version: i16) -> Result<R, DecodeError> {
    let version = R::known_version(version).ok_or(DecodeError::UnknownVersion { name: R::NAME, version })?;
    R::decode(&mut Reader::new(body), version)
}

/// A request as a frame: length, header and body, ready for a vectored write.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: Option<ByteString>,
    request: &R,
    version: i16,
) -> Result<Vec<Bytes>, EncodeError> {
    let known = R::known_version(version).ok_or(EncodeError::UnknownVersion { name: R::NAME, version })?;
    let header = RequestHeader { api_key: R::KEY as i16, api_version: version, correlation_id, client_id };
    let mut w = Writer::for_frame();
    header.encode(&mut w)?;
    request.encode(&mut w, known)?;
    w.into_frame()
}

/// Reads a response, header and body, without the length in front of it.
pub fn decode_response<M: Response>(frame: Bytes, version: i16) -> Result<(ResponseHeader, M), DecodeError> {
    let known = M::known_version(version).ok_or(DecodeError::UnknownVersion { name: M::NAME, version })?;
    let mut r = Reader::new(frame);
    let header = ResponseHeader::decode(&mut r, M::KEY, version)?;
    Ok((header, M::decode(&mut r, known)?))
}

/// A response as a frame: length, header and body, ready for a vectored write. Large record sets are chunks of their own.
pub fn encode_response<M: Response>(
    correlation_id: i32,
    response: &M,
    version: i16,
) -> Result<Vec<Bytes>, EncodeError> {
    encode_response_with_error(correlation_id, response, version).map(|(frame, _)| frame)
}

/// The same as [`encode_response`], and the first error code that the response carries anywhere in it; `NONE` when all went well.
/// For whoever counts failures without knowing the messages.
pub fn encode_response_with_error<M: Response>(
    correlation_id: i32,
    response: &M,
    version: i16,
) -> Result<(Vec<Bytes>, ErrorCode), EncodeError> {
    let known = M::known_version(version).ok_or(EncodeError::UnknownVersion { name: M::NAME, version })?;
    let mut w = Writer::for_frame();
    ResponseHeader { correlation_id }.encode(&mut w, M::KEY, version);
    response.encode(&mut w, known)?;
    let error = w.first_error();
    Ok((w.into_frame()?, error))
}

#[cfg(test)]
mod tests;
