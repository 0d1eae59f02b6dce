//! What can go wrong between a client and a broker.

use std::io;
use std::time::Duration;

use naru_protocol::{DecodeError, EncodeError};

/// Why a call on a connection failed. Except after [`Error::Encode`], the connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made.
    #[error("cannot connect to {address}: {source}. Is a broker listening there?")]
    Connect {
        /// The address that was tried.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The broker closed the connection. It does so when it does not know an API or version, or cannot read a request.
    #[error("the broker closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[source] io::Error),
    /// The broker took longer than the connection's time limit.
    #[error("the broker did not answer within {0:?}")]
    TimedOut(Duration),
    /// A response does not parse.
    #[error("the broker's response cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A request does not fit the version it should be sent in.
    #[error("the request cannot be written: {0}")]
    Encode(#[from] EncodeError),
    /// A response is larger than the client accepts, or its length is negative.
    #[error("the broker announced a response of {length} bytes; at most {max} are accepted")]
    FrameSize {
        /// The announced length.
        length: i32,
        /// The limit.
        max: usize,
    },
    /// A response came that belongs to no request, or to another one than the next.
    #[error("a response with correlation id {got} came where {expected:?} was due")]
    OutOfOrder {
        /// The correlation id that was due, if any request waits for a response.
        expected: Option<i32>,
        /// The correlation id that came.
        got: i32,
    },
    /// The next response belongs to a request of another API than was asked for.
    #[error("the next response is one of {next}, not of {asked}")]
    OtherApi {
        /// The API of the request whose response is next.
        next: &'static str,
        /// The API asked for.
        asked: &'static str,
    },
}

impl From<io::Error> for Error {
    /// A reset is how a broker's close looks when it still had unread bytes.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}
