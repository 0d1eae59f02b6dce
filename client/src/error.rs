//! The one error of the client, and the questions it answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use naru_protocol::{ApiKey, DecodeError, EncodeError, ErrorCode};

use crate::raw;

/// What went wrong, where, and what a caller can do about it.
///
/// Cheap to clone: all records of a failed batch share one.
///
/// ```
/// # fn handle(error: naru_client::Error) {
/// if error.is_retriable() {
///     // the same call may succeed a little later
/// } else if error.may_have_been_written() {
///     // the broker may have done it; asking again could do it twice
/// }
/// if error.code() == Some(naru_client::ErrorCode::TOPIC_AUTHORIZATION_FAILED) { /* ... */ }
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    api: Option<ApiKey>,
    broker: Option<String>,
    maybe_written: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of errors, by what a caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting or an argument makes no sense. Fatal: change it.
    Config,
    /// No connection to any broker could be made.
    Connect,
    /// The connection broke, or the broker closed it.
    Disconnected,
    /// A time limit passed.
    TimedOut,
    /// The broker answered with an error code.
    Broker(ErrorCode),
    /// The broker does not speak the API, or none of the versions that the call needs.
    Unsupported,
    /// An answer cannot be read, or makes no sense.
    Protocol,
    /// A record is larger than a request, a batch or the buffer may be.
    TooLarge,
    /// The call would have to wait, and was asked not to: the buffer is full, or a topic is still being looked up.
    WouldBlock,
    /// The client, producer or consumer was closed.
    Closed,
    /// Another instance took this one's place. Fatal: this one must end.
    Fenced,
    /// A batch that was fetched is damaged.
    Corrupt,
    /// A position has no record and no reset policy says where to go on.
    NoOffset,
    /// A handler failed, and the service was told to stop then.
    Handler,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Arc::new(Inner { kind, message, api: None, broker: None, maybe_written: false, source: None }))
    }

    /// The broker's own words for an error code.
    pub(crate) fn broker_code(api: ApiKey, code: ErrorCode) -> Self {
        Self::broker_said(api, code, None)
    }

    /// An error code with the broker's explanation, if it sent one.
    pub(crate) fn broker_said(api: ApiKey, code: ErrorCode, explanation: Option<&str>) -> Self {
        let message = explanation.filter(|text| !text.is_empty()).unwrap_or_else(|| code.message());
        Self::new(ErrorKind::Broker(code), format!("{message} ({})", code.name())).of(api)
    }

    pub(crate) fn timed_out(doing: impl fmt::Display, limit: Duration) -> Self {
        Self::new(ErrorKind::TimedOut, format!("{doing} took longer than {limit:?}"))
    }

    /// A handler's own error.
    pub(crate) fn handler(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let mut failed = Self::new(ErrorKind::Handler, format!("a handler failed: {error}"));
        failed.inner().source = Some(error.into());
        failed
    }

    /// Names the API that was called.
    #[must_use]
    pub(crate) fn of(mut self, api: ApiKey) -> Self {
        self.inner().api = Some(api);
        self
    }

    /// Names the broker that was asked.
    #[must_use]
    pub(crate) fn at(mut self, broker: impl fmt::Display) -> Self {
        self.inner().broker = Some(broker.to_string());
        self
    }

    /// The request may have reached the broker and been done.
    #[must_use]
    pub(crate) fn maybe_written(mut self) -> Self {
        self.inner().maybe_written = true;
        self
    }

    /// Says first what was tried, as in `cannot create topic "orders": …`.
    #[must_use]
    pub(crate) fn context(mut self, doing: impl fmt::Display) -> Self {
        let inner = self.inner();
        inner.message = format!("{doing}: {}", inner.message);
        self
    }

    /// Says more behind what it says.
    #[must_use]
    pub(crate) fn followed_by(mut self, more: &str) -> Self {
        self.inner().message.push_str(more);
        self
    }

    #[must_use]
    fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.inner().source = Some(Arc::new(source));
        self
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed a little later. The library tries again by itself until a time limit; a caller
    /// sees a retriable error when that has passed.
    pub fn is_retriable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Connect | ErrorKind::Disconnected | ErrorKind::TimedOut | ErrorKind::WouldBlock => true,
            ErrorKind::Broker(code) => code.is_retriable(),
            _ => false,
        }
    }

    /// Whether the producer, consumer or client that gave it is of no more use, and no retry can help.
    pub fn is_fatal(&self) -> bool {
        match self.0.kind {
            ErrorKind::Config | ErrorKind::Closed | ErrorKind::Fenced | ErrorKind::Unsupported => true,
            ErrorKind::Broker(code) => matches!(
                code,
                ErrorCode::PRODUCER_FENCED
                    | ErrorCode::FENCED_INSTANCE_ID
                    | ErrorCode::UNSUPPORTED_VERSION
                    | ErrorCode::SASL_AUTHENTICATION_FAILED
                    | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            ),
            _ => false,
        }
    }

    /// Whether the broker may have done what was asked, though no answer says so: the request was sent, and the
    /// connection broke or the time passed before its answer came.
    pub fn may_have_been_written(&self) -> bool {
        self.0.maybe_written
    }

    /// Whether the broker says that what was named does not exist: a topic, a partition, a group.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                    | ErrorCode::UNKNOWN_TOPIC_ID
                    | ErrorCode::GROUP_ID_NOT_FOUND
                    | ErrorCode::RESOURCE_NOT_FOUND
            )
        )
    }

    /// Whether the broker says that what was to be made exists already.
    pub fn is_already_exists(&self) -> bool {
        self.code() == Some(ErrorCode::TOPIC_ALREADY_EXISTS)
    }

    /// The API that was called, if it came to that.
    pub fn api(&self) -> Option<ApiKey> {
        self.0.api
    }

    /// The error code that the broker answered with, if it did.
    pub fn code(&self) -> Option<ErrorCode> {
        match self.0.kind {
            ErrorKind::Broker(code) => Some(code),
            _ => None,
        }
    }

    /// The address of the broker that was asked, if it came to that.
    pub fn broker(&self) -> Option<&str> {
        self.0.broker.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match (self.0.api, &self.0.broker) {
            (Some(api), Some(broker)) => write!(f, " [{} at {broker}]", api.name()),
            (Some(api), None) => write!(f, " [{}]", api.name()),
            (None, Some(broker)) => write!(f, " [{broker}]"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("api", &self.0.api)
            .field("broker", &self.0.broker)
            .field("may_have_been_written", &self.0.maybe_written)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<raw::Error> for Error {
    fn from(error: raw::Error) -> Self {
        let kind = match &error {
            raw::Error::Connect { .. } => ErrorKind::Connect,
            raw::Error::Closed | raw::Error::Io(_) => ErrorKind::Disconnected,
            raw::Error::TimedOut(_) => ErrorKind::TimedOut,
            raw::Error::Encode(EncodeError::TooLong { .. }) => ErrorKind::TooLarge,
            raw::Error::Encode(_) => ErrorKind::Config,
            _ => ErrorKind::Protocol,
        };
        Self::new(kind, error.to_string()).because(error)
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        raw::Error::from(error).into()
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        raw::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_and_where() {
        let error = Error::broker_code(ApiKey::Produce, ErrorCode::NOT_LEADER_OR_FOLLOWER).at("localhost:9092");
        assert_eq!(
            error.to_string(),
            "the broker is neither leader nor follower of the partition (NOT_LEADER_OR_FOLLOWER) [Produce at localhost:9092]"
        );
        assert!(error.is_retriable() && !error.is_fatal() && !error.may_have_been_written());
        assert_eq!(error.code(), Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    }

    #[test]
    fn clones_of_an_error_do_not_share_what_is_added_later() {
        let shared = Error::new(ErrorKind::Disconnected, "the connection broke");
        let mine = shared.clone().maybe_written();
        assert!(mine.may_have_been_written() && !shared.may_have_been_written());
    }
}
