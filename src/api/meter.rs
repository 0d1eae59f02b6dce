//! What a request counts for while there are quotas.
//!
//! The bytes of a Produce are counted when it comes, those of a Fetch before they are answered, the time of every request
//! when its response is made. The pause that follows is told in the response and kept by the server.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::{ApiKey, ErrorCode, Response};

use crate::broker::Broker;
use crate::metadata::{ClientQuotas, RequestError};
use crate::quota::Client;

use super::context::ANONYMOUS;
use super::{Answer, ConnectionContext};

/// The measuring of one request.
pub(super) struct Meter {
    broker: Arc<Broker>,
    connection: Arc<ConnectionContext>,
    client_id: ByteString,
    quotas: Arc<ClientQuotas>,
    /// Time spent on the request, in nanoseconds, without that of the poll under way.
    worked_ns: AtomicU64,
    /// When the poll under way began, in nanoseconds on the monotonic clock.
    poll_began_ns: AtomicU64,
    /// The longest pause so far, in milliseconds.
    pause_ms: AtomicU64,
    /// Whether the time was counted.
    settled: AtomicBool,
}

impl Meter {
    /// `None` while nobody has a quota.
    pub(super) fn begin(
        broker: &Arc<Broker>,
        connection: &Arc<ConnectionContext>,
        client_id: Option<&ByteString>,
        key: ApiKey,
        request_bytes: usize,
    ) -> Option<Arc<Self>> {
        let quotas = broker.metadata().client_quotas()?;
        let meter = Self {
            client_id: client_id.cloned().unwrap_or_default(),
            quotas,
            worked_ns: AtomicU64::new(0),
            poll_began_ns: AtomicU64::new(nanos(broker.monotonic())),
            pause_ms: AtomicU64::new(0),
            settled: AtomicBool::new(false),
            broker: Arc::clone(broker),
            connection: Arc::clone(connection),
        };
        if key == ApiKey::Produce {
            let pause =
                meter.broker.usage().produce(&meter.quotas, meter.client(), request_bytes, meter.broker.monotonic_ms());
            meter.pause(pause);
        }
        Some(Arc::new(meter))
    }

    /// The most bytes that a Fetch may be answered with.
    pub(super) fn fetch_limit(&self) -> Option<usize> {
        self.broker.usage().fetch_limit(&self.quotas, self.client())
    }

    /// Counts a Fetch response of so many bytes, and the request with it. `Err` if it may not be sent now.
    pub(super) fn fetch(&self, response_bytes: usize) -> Result<(), Throttled> {
        let (usage, now_ms) = (self.broker.usage(), self.broker.monotonic_ms());
        self.settle();
        let late = self.pause_ms.load(Ordering::Relaxed) > 0;
        let pause = usage.fetch(&self.quotas, self.client(), response_bytes, now_ms);
        self.pause(pause);
        if late && pause.is_zero() {
            usage.unfetch(&self.quotas, self.client(), response_bytes, now_ms);
        }
        if late || !pause.is_zero() { Err(Throttled) } else { Ok(()) }
    }

    /// Counts partitions that are created or deleted. In versions that know the error, a client that has used up its quota
    /// is refused; in older ones it is told to pause.
    pub(super) fn mutate(&self, partitions: u32, strict: bool) -> Result<(), RequestError> {
        let (usage, now_ms) = (self.broker.usage(), self.broker.monotonic_ms());
        match usage.mutate(&self.quotas, self.client(), partitions, now_ms) {
            Ok(()) if strict => {}
            Ok(()) => self.pause(usage.mutation_debt(&self.quotas, self.client(), now_ms)),
            Err(pause) => {
                self.pause(pause);
                if strict {
                    return Err(ErrorCode::THROTTLING_QUOTA_EXCEEDED.into());
                }
            }
        }
        Ok(())
    }

    /// Tells the pause in the response and has the server keep it.
    pub(super) fn finish<R: Response>(&self, response: &mut R) {
        self.settle();
        let pause_ms = self.pause_ms.load(Ordering::Relaxed);
        if pause_ms > 0 {
            response.set_throttle_time_ms(i32::try_from(pause_ms).unwrap_or(i32::MAX));
        }
    }

    /// The same answer, with the time measured that goes into it.
    pub(super) fn watch<T: Send + 'static>(self: &Arc<Self>, answer: Answer<T>) -> Answer<T> {
        match answer {
            Answer::Barrier(future) => Answer::Barrier(Box::pin(Arc::clone(self).watched(future))),
            Answer::Pipelined(future) => Answer::Pipelined(Box::pin(Arc::clone(self).watched(future))),
            other => other,
        }
    }

    async fn watched<T: Send + 'static>(self: Arc<Self>, mut future: super::BoxFuture<Answer<T>>) -> Answer<T> {
        let answer = poll_fn(|cx| {
            self.poll_began_ns.store(nanos(self.broker.monotonic()), Ordering::Relaxed);
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                self.worked_ns.fetch_add(self.under_way_ns(), Ordering::Relaxed);
            }
            polled
        });
        let answer = answer.await;
        // What the last poll took is still under way: the response is made within it.
        self.watch(answer)
    }

    /// Counts the time of the request, once.
    fn settle(&self) {
        if !self.settled.swap(true, Ordering::Relaxed) {
            let worked = Duration::from_nanos(self.worked_ns.load(Ordering::Relaxed) + self.under_way_ns());
            let pause = self.broker.usage().work(&self.quotas, self.client(), worked, self.broker.monotonic_ms());
            self.pause(pause);
        }
    }

    fn under_way_ns(&self) -> u64 {
        nanos(self.broker.monotonic()).saturating_sub(self.poll_began_ns.load(Ordering::Relaxed))
    }

    fn pause(&self, pause: Duration) {
        if !pause.is_zero() {
            self.pause_ms.fetch_max(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.connection.pause(pause);
        }
    }

    fn client(&self) -> Client<'_> {
        Client { user: ANONYMOUS, id: &self.client_id }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("pause_ms", &self.pause_ms).finish_non_exhaustive()
    }
}

/// The client is above its quota: it is answered without what it asked for.
#[derive(Debug)]
pub(super) struct Throttled;

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
