//! What stands before every message: which API, which version, which answer belongs to which request.

use bytes::Bytes;
use bytestring::ByteString;

use crate::ApiKey;
use crate::wire::{DecodeError, EncodeError, Nullable, Reader, Version, Wire, Writer};

/// The client id is a string of the old kind in every version of the header.
const OLD_STRINGS: Version = Version { number: 1, flexible: false };

/// The header of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// The number of the API; see [`RequestHeader::api`].
    pub api_key: i16,
    /// The version of the request, and of the response that is expected.
    pub api_version: i16,
    /// Comes back in the response.
    pub correlation_id: i32,
    /// What the client calls itself; for logs and quotas, not for trust.
    pub client_id: Option<ByteString>,
}

impl RequestHeader {
    /// The API.
    pub fn api(&self) -> Result<ApiKey, DecodeError> {
        ApiKey::try_from(self.api_key)
    }

    /// Reads the header of a request whose API is known.
    pub fn decode(r: &mut Reader) -> Result<RequestHeader, DecodeError> {
        let api_key = i16::decode(r, OLD_STRINGS)?;
        let api_version = i16::decode(r, OLD_STRINGS)?;
        let api = ApiKey::try_from(api_key)?;
        let correlation_id = i32::decode(r, OLD_STRINGS)?;
        let client_id = ByteString::decode_nullable(r, OLD_STRINGS)?;
        r.skip_tagged_fields(Version {
            number: api.request_header_version(api_version),
            flexible: api.is_flexible(api_version),
        })?;
        Ok(RequestHeader { api_key, api_version, correlation_id, client_id })
    }

    /// Appends the header.
    pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.put_slice(&self.api_key.to_be_bytes());
        w.put_slice(&self.api_version.to_be_bytes());
        w.put_slice(&self.correlation_id.to_be_bytes());
        w.put_string(self.client_id.as_deref(), OLD_STRINGS)?;
        let flexible = self.api().is_ok_and(|api| api.is_flexible(self.api_version));
        w.put_no_tagged_fields(Version { number: self.api_version, flexible });
        Ok(())
    }

    /// Splits a request, without the length in front of it, into header and body.
    pub fn split(frame: Bytes) -> Result<(RequestHeader, Bytes), DecodeError> {
        let mut r = Reader::new(frame);
        let header = RequestHeader::decode(&mut r)?;
        Ok((header, r.into_rest()))
    }
}

/// The header of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHeader {
    /// The correlation id of the request.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads the header of an answer to a request of `api` in `version`.
    pub fn decode(r: &mut Reader, api: ApiKey, version: i16) -> Result<ResponseHeader, DecodeError> {
        let correlation_id = i32::from_be_bytes(r.array()?);
        r.skip_tagged_fields(Self::version(api, version))?;
        Ok(ResponseHeader { correlation_id })
    }

    /// Appends the header of an answer to a request of `api` in `version`.
    pub fn encode(&self, w: &mut Writer, api: ApiKey, version: i16) {
        w.put_slice(&self.correlation_id.to_be_bytes());
        w.put_no_tagged_fields(Self::version(api, version));
    }

    fn version(api: ApiKey, version: i16) -> Version {
        let number = api.response_header_version(version);
        Version { number, flexible: number >= 1 }
    }
}
