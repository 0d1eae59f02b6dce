//! What a handler hands back: a response, or the promise of one.
//!
//! Requests of a connection are applied and answered in order. How far the next request may come in before this one is
//! answered is what the variants of [`Answer`] say.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use naru_protocol::ErrorCode;

/// A future on the heap that may move between the runtime's threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An encoded response, length prefix included, as the slices of one vectored write.
pub type Chunks = Vec<Bytes>;

/// A response on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its bytes.
    pub chunks: Chunks,
    /// The first error code in it; `NONE` when all went well.
    pub error: ErrorCode,
}

impl From<Chunks> for Encoded {
    /// A response without an error.
    fn from(chunks: Chunks) -> Self {
        Self { chunks, error: ErrorCode::NONE }
    }
}

/// The outcome of one request.
pub enum Answer<T> {
    /// The response is here.
    Ready(T),
    /// The request is applied and its response waits for durability alone: the next request of the connection is let in.
    /// The future is polled only once every response before it has left.
    Pipelined(BoxFuture<Answer<T>>),
    /// The request is not applied yet, or waits for something that others do: nothing behind it is let in until the
    /// future is done. What it comes to may be any answer; an append, for one, becomes [`Answer::Pipelined`].
    Barrier(BoxFuture<Answer<T>>),
    /// The client expects no response (Produce with acks=0).
    Nothing,
    /// No response can be made: what came before is answered, then the connection is closed.
    Close(CloseReason),
}

impl<T: Send + 'static> Answer<T> {
    /// An answer that waits for durability alone.
    pub fn pipelined(response: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Pipelined(Box::pin(async move { Self::Ready(response.await) }))
    }

    /// An answer that holds back whatever is behind it.
    pub fn barrier(response: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Barrier(Box::pin(async move { Self::Ready(response.await) }))
    }

    /// The same answer with its response turned into something else, for example into bytes.
    pub fn and_then<U: Send + 'static>(self, f: impl FnOnce(T) -> Answer<U> + Send + 'static) -> Answer<U> {
        match self {
            Self::Ready(response) => f(response),
            Self::Pipelined(future) => Answer::Pipelined(Box::pin(async move { future.await.and_then(f) })),
            Self::Barrier(future) => Answer::Barrier(Box::pin(async move { future.await.and_then(f) })),
            Self::Nothing => Answer::Nothing,
            Self::Close(reason) => Answer::Close(reason),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(response) => f.debug_tuple("Ready").field(response).finish(),
            Self::Pipelined(_) => f.write_str("Pipelined"),
            Self::Barrier(_) => f.write_str("Barrier"),
            Self::Nothing => f.write_str("Nothing"),
            Self::Close(reason) => f.debug_tuple("Close").field(reason).finish(),
        }
    }
}

/// Why the broker hangs up on a request that it cannot answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The request's header does not parse.
    #[error("the request header is malformed: {0}")]
    MalformedHeader(String),
    /// The request names an API or a version that is not in the table, so the client could not read any answer.
    #[error("api key {key} version {version} is not supported")]
    Unsupported {
        /// The API key on the wire.
        key: i16,
        /// The version on the wire.
        version: i16,
    },
    /// The request's body does not parse.
    #[error("the {api} request (version {version}) is malformed: {reason}")]
    MalformedBody {
        /// The API's name.
        api: &'static str,
        /// The version on the wire.
        version: i16,
        /// What was wrong.
        reason: String,
    },
    /// The response does not fit the version that the client speaks: a fault of the broker's own.
    #[error("the {api} response (version {version}) cannot be encoded: {reason}")]
    Unencodable {
        /// The API's name.
        api: &'static str,
        /// The version of the request.
        version: i16,
        /// What was wrong.
        reason: String,
    },
    /// Produce with acks=0 failed; closing is the only way to tell.
    #[error("a produce request with acks=0 failed: {0}")]
    UnacknowledgedFailure(String),
}

/// What a handler may return: an [`Answer`], or a future of one. An async handler is a [`Answer::Barrier`] until it is
/// done, so that its requests are applied in order.
pub trait Respond<T> {
    /// The answer, with its response turned into something else.
    fn into_answer<U: Send + 'static>(self, f: impl FnOnce(T) -> Answer<U> + Send + 'static) -> Answer<U>;
}

impl<T: Send + 'static> Respond<T> for Answer<T> {
    fn into_answer<U: Send + 'static>(self, f: impl FnOnce(T) -> Answer<U> + Send + 'static) -> Answer<U> {
        self.and_then(f)
    }
}

impl<T: Send + 'static, F: Future<Output = Answer<T>> + Send + 'static> Respond<T> for F {
    fn into_answer<U: Send + 'static>(self, f: impl FnOnce(T) -> Answer<U> + Send + 'static) -> Answer<U> {
        Answer::Barrier(Box::pin(async move { self.await.and_then(f) }))
    }
}
