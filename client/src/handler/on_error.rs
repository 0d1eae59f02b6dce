//! What a service does about a record that its handler failed on.

use std::time::Duration;

/// What happens when a handler fails, by an error or a panic.
///
/// ```
/// use std::time::Duration;
/// use naru_client::handler::OnError;
///
/// let patient = OnError::Retry { first: Duration::from_secs(1), most: Duration::from_secs(60) };
/// assert_ne!(patient, OnError::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// The record is handled again after a pause, until it succeeds: `first`, then twice as long each time, up to `most`.
    /// What must keep its order behind it waits; everything else goes on, up to a bound. Nothing is lost and nothing overtakes:
    /// the right choice when it is the database that is down. A record that can never succeed needs one of the others.
    Retry {
        /// The pause before the first new try.
        first: Duration,
        /// The longest pause.
        most: Duration,
    },
    /// The record counts as done. It is lost for this group.
    Skip,
    /// No record is started any more; those that were started are finished, and the service ends with an error. The record is
    /// handled again after the next start.
    Stop,
}

impl Default for OnError {
    /// Again and again, after 100 milliseconds at first and 30 seconds at most.
    fn default() -> Self {
        Self::Retry { first: Duration::from_millis(100), most: Duration::from_secs(30) }
    }
}
