//! Calls about several things, each of which may fail for itself and be tried again for itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::RangeInclusive;

use naru_protocol::{ApiKey, ErrorCode, Request};

use super::{Admin, Each};
use crate::call::Target;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

/// What happens when a request is done twice, because the connection broke before the first answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// The same as when it is done once.
    Harmless,
    /// The second answer would be about what the first request did: that a topic exists already, that none does any more.
    Misleading,
}

impl Admin {
    /// One answer. The request may look different in old versions.
    pub(super) async fn ask<R: Request>(
        &self,
        to: Target,
        versions: RangeInclusive<i16>,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, Error> {
        let channel = self.client.target(to).await?;
        let version = channel.newest::<R>(versions)?;
        channel.submit(&request(version), version, self.client.config().request_timeout)?.await
    }

    /// What became of each entry. An attempt gives the results of the entries that it got, in their order; those that can be
    /// helped by another attempt are tried again until the deadline.
    pub(super) async fn each<K, T, F>(
        &self,
        deadline: Deadline,
        twice: Twice,
        entries: Vec<K>,
        attempt: impl Fn(Vec<K>) -> F,
    ) -> Result<Each<K, T>, Error>
    where
        K: Clone,
        F: Future<Output = Result<Vec<Result<T, Error>>, Error>>,
    {
        let mut results: Vec<Option<Result<T, Error>>> = entries.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..entries.len()).collect();
        let mut answered = false;
        let mut backoff = self.client.backoff();
        while !open.is_empty() {
            let asked = open.iter().map(|&at| entries[at].clone()).collect();
            match deadline.bound("the call", Box::pin(attempt(asked))).await {
                Ok(outcomes) => {
                    answered = true;
                    for (at, outcome) in std::mem::take(&mut open).into_iter().zip(outcomes) {
                        if outcome.as_ref().is_err_and(|error| may_help(error, twice)) {
                            open.push(at);
                        }
                        results[at] = Some(outcome);
                    }
                }
                Err(error) if !may_help(&error, twice) || deadline.passed() => {
                    if !answered {
                        return Err(error);
                    }
                    open.drain(..).for_each(|at| results[at] = Some(Err(error.clone())));
                }
                Err(_) => {}
            }
            if deadline.passed() {
                break;
            }
            if !open.is_empty() {
                self.client.metadata().stale();
                deadline.sleep(backoff.next()).await;
            }
        }
        let results = results.into_iter().map(|result| result.unwrap_or_else(|| Err(deadline.error("the call"))));
        Ok(entries.into_iter().zip(results).collect())
    }

    /// As [`Admin::each`], about one thing.
    pub(super) async fn one<T, F>(&self, deadline: Deadline, twice: Twice, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let each = |_: Vec<()>| {
            let attempt = attempt();
            async { Ok(vec![attempt.await]) }
        };
        single(self.each(deadline, twice, vec![()], each).await)
    }
}

/// Whether another try may end better. What a broker does not know is not tried again: that is an answer.
fn may_help(error: &Error, twice: Twice) -> bool {
    let unsure = error.may_have_been_written() || error.code() == Some(ErrorCode::REQUEST_TIMED_OUT);
    error.is_retriable() && !error.is_not_found() && (twice == Twice::Harmless || !unsure)
}

/// The result of a call about one thing.
pub(super) fn single<K, T>(each: Result<Each<K, T>, Error>) -> Result<T, Error> {
    each?.pop().map_or_else(|| Err(Error::new(ErrorKind::Protocol, "the answer is empty")), |(_, result)| result)
}

/// An error code of an entry, with the broker's explanation.
pub(super) fn check(api: ApiKey, code: ErrorCode, explanation: Option<&str>) -> Result<(), Error> {
    if code.is_none() { Ok(()) } else { Err(Error::broker_said(api, code, explanation)) }
}

/// Results in the order of the request, from answers in any order.
pub(super) fn in_order<'a, K: Hash + Eq + 'a, T: Clone>(
    api: ApiKey,
    keys: impl IntoIterator<Item = &'a K>,
    answers: &HashMap<K, Result<T, Error>>,
) -> Vec<Result<T, Error>> {
    let missing = || Error::new(ErrorKind::Protocol, "the answer leaves out what was asked").of(api);
    keys.into_iter().map(|key| answers.get(key).cloned().unwrap_or_else(|| Err(missing()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_try_can_help_is_tried_again() {
        let code = |code| Error::broker_code(ApiKey::CreateTopics, code);
        for (error, harmless, misleading) in [
            (code(ErrorCode::NOT_CONTROLLER), true, true),
            (code(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS), true, true),
            (code(ErrorCode::REQUEST_TIMED_OUT), true, false),
            (code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), false, false),
            (code(ErrorCode::TOPIC_ALREADY_EXISTS), false, false),
            (Error::new(ErrorKind::Disconnected, "gone"), true, true),
            (Error::new(ErrorKind::Disconnected, "gone").maybe_written(), true, false),
        ] {
            assert_eq!(may_help(&error, Twice::Harmless), harmless, "{error}");
            assert_eq!(may_help(&error, Twice::Misleading), misleading, "{error}");
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_request() {
        let answers = HashMap::from([("b", Ok(2)), ("a", Ok(1))]);
        let results = in_order(ApiKey::Metadata, &["a", "missing", "b", "a"], &answers);
        let results: Vec<_> = results.into_iter().map(|result| result.map_err(|error| error.kind())).collect();
        assert_eq!(results, [Ok(1), Err(ErrorKind::Protocol), Ok(2), Ok(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_failed_is_tried_again() {
        let admin = crate::Client::builder().build().unwrap().admin();
        let rounds = std::sync::Mutex::new(Vec::new());
        let attempt = |entries: Vec<i32>| {
            let first = rounds.lock().unwrap().is_empty();
            rounds.lock().unwrap().push(entries.clone());
            let result = |entry: &i32| match *entry {
                2 if first => Err(Error::broker_code(ApiKey::CreateTopics, ErrorCode::NOT_CONTROLLER)),
                3 => Err(Error::broker_code(ApiKey::CreateTopics, ErrorCode::TOPIC_ALREADY_EXISTS)),
                entry => Ok(entry * 10),
            };
            let results = entries.iter().map(result).collect();
            async { Ok(results) }
        };
        let each = admin.each(admin.deadline(), Twice::Misleading, vec![1, 2, 3], attempt).await.unwrap();
        assert_eq!(*rounds.lock().unwrap(), [vec![1, 2, 3], vec![2]]);
        assert!(matches!(each[..], [(1, Ok(10)), (2, Ok(20)), (3, Err(_))]), "{each:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_gives_up_at_its_deadline_with_the_last_reason() {
        let admin = crate::Client::builder().build().unwrap().admin().timeout(std::time::Duration::from_secs(3));
        let failing = || async { Err::<(), _>(Error::broker_code(ApiKey::CreateTopics, ErrorCode::NOT_CONTROLLER)) };
        let error = admin.one(admin.deadline(), Twice::Harmless, failing).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::NOT_CONTROLLER));
        let hanging = std::future::pending::<Result<(), Error>>;
        let error = admin.one(admin.deadline(), Twice::Harmless, hanging).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
