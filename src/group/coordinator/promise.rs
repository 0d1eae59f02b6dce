//! An answer that may leave once the log has caught up.

use std::sync::Arc;

use crate::group::{ErrorCode, OffsetsLog};

/// What has to be durable.
#[derive(Clone)]
pub(super) struct Durability {
    pub log: Arc<dyn OffsetsLog>,
    pub until: i64,
}

/// The answer of a step that is already applied. The client may see it when [`Promise::kept`] returns.
#[must_use = "the answer waits in it"]
pub struct Promise<T> {
    answer: Result<T, ErrorCode>,
    durability: Option<Durability>,
}

impl<T> Promise<T> {
    pub(super) fn new(answer: T, durability: Option<Durability>) -> Self {
        Self { answer: Ok(answer), durability }
    }

    pub(super) fn refused(error: ErrorCode) -> Self {
        Self { answer: Err(error), durability: None }
    }

    /// The answer, for what shows and changes nothing durable.
    pub(super) fn without_durability(self) -> Result<T, ErrorCode> {
        self.answer
    }

    /// Waits until everything that the answer rests on is durable. Cancel safe: the step itself is done.
    pub async fn kept(self) -> Result<T, ErrorCode> {
        if let Some(Durability { log, until }) = self.durability {
            log.durable(until).await.map_err(|error| error.code())?;
        }
        self.answer
    }
}

impl<T> Promise<Result<T, ErrorCode>> {
    pub(super) fn flatten(self) -> Promise<T> {
        Promise { answer: self.answer.and_then(|answer| answer), durability: self.durability }
    }
}
