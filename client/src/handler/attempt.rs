//! The handling of one record, from the first try until it is settled.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::watch;
use tokio::time::sleep;

use super::on_error::OnError;
use crate::network::Backoff;
use crate::record::ConsumerRecord;

/// What a handler may fail with: any error, or text.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How the handling of a record has ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It needs not be handled again.
    Finished,
    /// It was to be tried again, and this member is to end its work.
    GivenUp,
    /// It failed, and that is to stop the service.
    Failed(BoxError),
}

#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {0}")]
struct Panicked(String);

/// Handles a record, again if the policy says so, until `ending` becomes true.
pub(super) async fn handle<F, E>(
    handler: Arc<impl Fn(ConsumerRecord) -> F + Send + Sync>,
    record: ConsumerRecord,
    policy: OnError,
    mut ending: watch::Receiver<bool>,
) -> Outcome
where
    F: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    let mut failures = None;
    loop {
        let attempt = async { handler(record.clone()).await.map_err(Into::into) };
        let Err(error) = caught(attempt).await else { return Outcome::Finished };
        let (partition, offset) = (record.topic_partition(), record.offset);
        match policy {
            OnError::Skip => {
                tracing::warn!(%partition, offset, %error, "a handler failed; the record is skipped");
                return Outcome::Finished;
            }
            OnError::Stop => return Outcome::Failed(error),
            OnError::Retry { first, most } => {
                let pause = failures.get_or_insert_with(|| Backoff::new(first, most)).next();
                tracing::warn!(%partition, offset, %error, ?pause, "a handler failed; the record is handled again");
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = ending.wait_for(|ending| *ending) => return Outcome::GivenUp,
                }
            }
        }
    }
}

/// The result of the work; a panic is an error.
async fn caught(work: impl Future<Output = Result<(), BoxError>>) -> Result<(), BoxError> {
    let mut work = pin!(work);
    // After a panic the future is not polled again: what it left half done is seen by nobody.
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(Panicked(text(&*panic)).into())))
    })
    .await
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use naru_protocol::records::TimestampType;

    use super::*;

    fn record() -> ConsumerRecord {
        ConsumerRecord {
            topic: "orders".into(),
            partition: 0,
            offset: 7,
            leader_epoch: 0,
            timestamp: -1,
            timestamp_type: TimestampType::CreateTime,
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    /// How it ends when the first two tries fail, one with a panic, and how many tries there were.
    async fn third_try_succeeds(policy: OnError, ending: bool) -> (Outcome, u32) {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let handler = Arc::new(move |record: ConsumerRecord| {
            assert_eq!(record.offset, 7);
            let attempt = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match attempt {
                    0 => Err("no"),
                    1 => panic!("never"),
                    _ => Ok(()),
                }
            }
        });
        let (_sender, ending) = watch::channel(ending);
        (handle(handler, record(), policy, ending).await, tries.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_retried_skipped_or_stops() {
        let (retried, tries) = third_try_succeeds(OnError::default(), false).await;
        assert!(matches!(retried, Outcome::Finished) && tries == 3, "{retried:?} after {tries}");
        let (skipped, tries) = third_try_succeeds(OnError::Skip, false).await;
        assert!(matches!(skipped, Outcome::Finished) && tries == 1, "{skipped:?} after {tries}");
        let (stopped, tries) = third_try_succeeds(OnError::Stop, false).await;
        assert!(matches!(&stopped, Outcome::Failed(error) if error.to_string() == "no") && tries == 1, "{stopped:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_again_at_the_end() {
        let (outcome, tries) = third_try_succeeds(OnError::default(), true).await;
        assert!(matches!(outcome, Outcome::GivenUp) && tries == 1, "{outcome:?} after {tries}");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_with_its_words() {
        let error = caught(async { panic!("{} is wrong", 7) }).await.unwrap_err();
        assert_eq!(error.to_string(), "the handler panicked: 7 is wrong");
    }
}
