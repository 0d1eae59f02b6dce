//! Apache Kafka's wire protocol and record batches. No I/O, no runtime.
//!
//! - [`messages`]: every request and response of a client listener, one file per API;
//! - [`ApiKey`], [`ErrorCode`], [`RequestHeader`], [`ResponseHeader`] and the functions that make and read whole frames;
//! - [`wire`]: how values become bytes, and the bounds that hold for bytes from outside;
//! - [`state`]: the records of Kafka's internal topics;
//! - [`consumer_protocol`]: what members of a classic group tell each other.
//!
//! ```
//! use naru_protocol::messages::find_coordinator::FindCoordinatorRequest;
//! use naru_protocol::{RequestHeader, decode_request, encode_request};
//!
//! let request = FindCoordinatorRequest { coordinator_keys: vec!["billing".into()], ..Default::default() };
//! let frame = encode_request(7, Some("example".into()), &request, 4)?.concat();
//!
//! let (header, body) = RequestHeader::split(frame[4..].to_vec().into())?;
//! assert_eq!(header.correlation_id, 7);
//! assert_eq!(decode_request::<FindCoordinatorRequest>(body, header.api_version)?, request);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

// The derive macros name this crate in full, inside it as well.
extern crate self as naru_protocol;

mod api_key;
pub mod consumer_protocol;
mod error_code;
mod frame;
mod header;
#[cfg(feature = "json")]
pub mod json;
pub mod messages;
pub mod records;
pub mod state;
mod versioned;
pub mod wire;

pub use self::api_key::ApiKey;
pub use self::error_code::ErrorCode;
pub use self::frame::{
    ApiMessage, Request, Response, decode_request, decode_response, encode_request, encode_response,
    encode_response_with_error,
};
pub use self::header::{RequestHeader, ResponseHeader};
pub use self::wire::{DecodeError, EncodeError, Message, Records};
