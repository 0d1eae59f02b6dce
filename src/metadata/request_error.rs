//! Why an entry of a request is refused.

use naru_protocol::ErrorCode;

/// An error code with a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// Kafka's code.
    pub code: ErrorCode,
    /// What was wrong. Kafka sends none for some codes.
    pub message: Option<String>,
}

impl RequestError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_REQUEST, message)
    }
}

impl From<ErrorCode> for RequestError {
    fn from(code: ErrorCode) -> Self {
        Self { code, message: None }
    }
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code.name()),
            None => write!(f, "{}: {}", self.code.name(), self.code.message()),
        }
    }
}

impl std::error::Error for RequestError {}
