//! What the client's tests share: brokers to run against, waiting, and a look into logs past the client.
#![allow(dead_code, reason = "each set of tests uses a part of it")]

pub mod cluster;
pub mod log;
pub mod members;
pub mod owners;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Longer than anything here takes; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a future, and fails the test when it does not come.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let came = tokio::time::timeout(PATIENCE, future).await;
    came.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// Waits until a condition holds that is looked at again and again.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Polls a future so many times, each time when it was woken, and drops it. `Some`: it was ready by then.
pub async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    within(
        "a wake-up of the future",
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        }),
    )
    .await
}

/// Records `from..to`, each with its number as value.
pub fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}
