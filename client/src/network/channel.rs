//! One connection to one broker, shared by many callers.
//!
//! Requests leave in the order of the calls of [`Channel::submit`]; a task writes whatever has gathered with one vectored
//! write, another reads the answers and hands each to whoever waits for it. When anything breaks, the whole channel is
//! closed, everyone who waits is told so, and the pool makes a new one.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::{ApiKey, Request, Response, decode_response, encode_request};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Versions;
use crate::error::{Error, ErrorKind};
use crate::raw::{self, Connection, Frames, Options};

/// A connected broker.
pub(crate) struct Channel {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    client_id: Option<ByteString>,
    versions: Versions,
    queue: Mutex<Queue>,
    /// Wakes the writer.
    gathered: Notify,
    /// Becomes true when the channel is of no more use.
    closed: watch::Sender<bool>,
}

/// What waits to be written, and who waits for answers, in order.
struct Queue {
    outgoing: Vec<Bytes>,
    waiting: VecDeque<Waiting>,
    /// Who waits for what is outgoing to be written, and for no answer.
    unanswered: Vec<oneshot::Sender<Result<(), Error>>>,
    /// Number of the next request; its low bits are the correlation id.
    next: u64,
    /// Requests below this number may have reached the broker.
    written: u64,
    /// Until when the broker wants to hear nothing (KIP-219).
    quiet_until: Option<Instant>,
    failure: Option<Error>,
}

struct Waiting {
    number: u64,
    api: ApiKey,
    answer: oneshot::Sender<Result<Bytes, Error>>,
}

impl Channel {
    /// Connects to `host:port` and asks which versions the broker speaks. `options.timeout` bounds each of the two.
    pub(crate) async fn connect(address: &str, options: Options) -> Result<Arc<Self>, Error> {
        let client_id = options.client_id.clone();
        let mut connection = Connection::connect_with(address, options).await?;
        let versions = Versions::ask(&mut connection).await.map_err(|error| error.at(address))?;
        let (stream, frames, next) = connection.into_parts();
        let (read, write) = stream.into_split();
        let next = u64::from(next.unsigned_abs());
        let queue = Queue {
            outgoing: Vec::new(),
            waiting: VecDeque::new(),
            unanswered: Vec::new(),
            next,
            written: next,
            quiet_until: None,
            failure: None,
        };
        let shared = Arc::new(Shared {
            address: address.to_owned(),
            client_id,
            versions,
            queue: Mutex::new(queue),
            gathered: Notify::new(),
            closed: watch::Sender::new(false),
        });
        tokio::spawn(Arc::clone(&shared).read(read, frames));
        tokio::spawn(Arc::clone(&shared).write(write));
        Ok(Arc::new(Self { shared }))
    }

    /// The broker's address, `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.shared.address
    }

    /// The newest version within `wanted` that both sides speak.
    pub(crate) fn newest<R: Request>(&self, wanted: RangeInclusive<i16>) -> Result<i16, Error> {
        self.shared.versions.newest::<R>(wanted).map_err(|error| error.at(&self.shared.address))
    }

    /// Sends a request, in the order of the calls, and returns its answer as a future. An answer that takes longer than
    /// `limit` closes the channel: what else is in flight on it would wait behind it. Dropping the future is fine; the
    /// answer is read and thrown away.
    pub(crate) fn submit<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<impl Future<Output = Result<R::Response, Error>> + Send + 'static + use<R>, Error> {
        let (answer, receiver) = oneshot::channel();
        self.shared.enqueue(request, version, |queue, number| {
            queue.waiting.push_back(Waiting { number, api: R::KEY, answer });
        })?;
        let shared = Arc::clone(&self.shared);
        let submitted = Instant::now();
        Ok(async move {
            let Some(received) = shared.receive(receiver, submitted, limit).await else {
                shared.fail(&Error::new(ErrorKind::Disconnected, "an earlier request got no answer in time"));
                let error = Error::timed_out("an answer", limit).of(R::KEY).at(&shared.address);
                return Err(if reads_only(R::KEY) { error } else { error.maybe_written() });
            };
            let frame = received.unwrap_or_else(|_| Err(closed()))?;
            let decoded = decode_response::<R::Response>(frame, version);
            let decoded = decoded.map(|(_, body)| body).inspect(|body| shared.throttle(body.throttle_time_ms()));
            decoded.map_err(|error| {
                let error = Error::from(error).of(R::KEY).at(&shared.address);
                if reads_only(R::KEY) { error } else { error.maybe_written() }
            })
        })
    }

    /// Sends a request that gets no answer: Produce with acks=0. The future resolves when it is written to the connection;
    /// dropping it changes nothing.
    pub(crate) fn submit_unanswered<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<impl Future<Output = Result<(), Error>> + Send + 'static + use<R>, Error> {
        let (written, receiver) = oneshot::channel();
        self.shared.enqueue(request, version, |queue, _| queue.unanswered.push(written))?;
        let shared = Arc::clone(&self.shared);
        Ok(async move {
            let written = receiver.await.unwrap_or_else(|_| Err(closed().maybe_written()));
            written.map_err(|error| error.of(R::KEY).at(&shared.address))
        })
    }

    /// Whether the channel is of no more use.
    pub(crate) fn is_closed(&self) -> bool {
        *self.shared.closed.borrow()
    }

    /// Returns when the channel is of no more use. Cancellation safe.
    #[cfg(test)]
    pub(crate) async fn closed(&self) {
        let _ = self.shared.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Closes it; who waits for an answer is told so.
    pub(crate) fn close(&self) {
        self.shared.fail(&closed());
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Disconnected, "the connection was closed")
}

/// Whether asking again can do no harm.
pub(crate) fn reads_only(api: ApiKey) -> bool {
    use ApiKey as Api;
    let name = api.name();
    name.starts_with("Describe")
        || name.starts_with("List")
        || matches!(
            api,
            Api::ApiVersions
                | Api::Metadata
                | Api::Fetch
                | Api::OffsetFetch
                | Api::FindCoordinator
                | Api::OffsetForLeaderEpoch
                | Api::Heartbeat
                | Api::InitProducerId
        )
}

impl Shared {
    /// The broker asked for a pause (KIP-219): what is submitted from now on is written when it is over.
    fn throttle(&self, throttle_time_ms: i32) {
        if let Ok(pause @ 1..) = u64::try_from(throttle_time_ms) {
            let until = Instant::now() + Duration::from_millis(pause);
            let mut queue = self.queue();
            queue.quiet_until = queue.quiet_until.max(Some(until));
        }
    }

    /// The answer to a request; `None` if it does not come in time. While the broker pauses it reads nothing, so time counts
    /// from the end of the pause.
    async fn receive(
        &self,
        mut answer: oneshot::Receiver<Result<Bytes, Error>>,
        submitted: Instant,
        limit: Duration,
    ) -> Option<Result<Result<Bytes, Error>, oneshot::error::RecvError>> {
        loop {
            let counts_from = self.queue().quiet_until.map_or(submitted, |until| until.max(submitted));
            let deadline = counts_from + limit;
            if let Ok(received) = timeout_at(deadline, &mut answer).await {
                return Some(received);
            }
            if self.queue().quiet_until.is_none_or(|until| until + limit <= deadline) {
                return None;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue<R: Request>(&self, request: &R, version: i16, wait: impl FnOnce(&mut Queue, u64)) -> Result<(), Error> {
        let mut queue = self.queue();
        if let Some(failure) = &queue.failure {
            return Err(failure.clone().of(R::KEY).at(&self.address));
        }
        let number = queue.next;
        let frame = encode_request(number as i32, self.client_id.clone(), request, version)
            .map_err(|error| Error::from(error).of(R::KEY))?;
        queue.next += 1;
        queue.outgoing.extend(frame);
        wait(&mut queue, number);
        drop(queue);
        self.gathered.notify_one();
        Ok(())
    }

    /// Ends the channel. Only the first failure counts.
    fn fail(&self, error: &Error) {
        let mut queue = self.queue();
        if queue.failure.is_some() {
            return;
        }
        queue.failure = Some(error.clone());
        queue.outgoing.clear();
        let written = queue.written;
        let waiting = std::mem::take(&mut queue.waiting);
        let unanswered = std::mem::take(&mut queue.unanswered);
        drop(queue);
        self.closed.send_replace(true);
        for Waiting { number, api, answer } in waiting {
            let error = error.clone().of(api).at(&self.address);
            let maybe_written = number < written && !reads_only(api);
            let _ = answer.send(Err(if maybe_written { error.maybe_written() } else { error }));
        }
        for written in unanswered {
            let _ = written.send(Err(error.clone()));
        }
    }

    async fn read(self: Arc<Self>, mut stream: OwnedReadHalf, mut frames: Frames) {
        let mut closed = self.closed.subscribe();
        loop {
            let frame = tokio::select! {
                frame = frames.next(&mut stream) => frame,
                _ = closed.wait_for(|closed| *closed) => return,
            };
            let delivered = frame.map_err(Error::from).and_then(|frame| self.deliver(frame));
            if let Err(error) = delivered {
                return self.fail(&error);
            }
        }
    }

    /// Hands an answer to whoever waits for it. Answers come in the order of the requests.
    fn deliver(&self, frame: Bytes) -> Result<(), Error> {
        let got = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        let next = self.queue().waiting.pop_front_if(|next| Some(next.number as i32) == got);
        let Some(next) = next else {
            let message = format!("an answer came with a correlation id ({got:?}) that is not due");
            return Err(Error::new(ErrorKind::Protocol, message));
        };
        let _ = next.answer.send(Ok(frame));
        Ok(())
    }

    async fn write(self: Arc<Self>, mut stream: OwnedWriteHalf) {
        let mut closed = self.closed.subscribe();
        loop {
            let written = tokio::select! {
                written = self.write_gathered(&mut stream) => written,
                _ = closed.wait_for(|closed| *closed) => return,
            };
            if let Err(error) = written {
                return self.fail(&error.into());
            }
        }
    }

    async fn write_gathered(&self, stream: &mut OwnedWriteHalf) -> Result<(), raw::Error> {
        self.gathered.notified().await;
        loop {
            let quiet_until = self.queue().quiet_until;
            if let Some(until) = quiet_until {
                sleep_until(until).await;
            }
            let (chunks, unanswered) = {
                let mut queue = self.queue();
                queue.written = queue.next;
                (std::mem::take(&mut queue.outgoing), std::mem::take(&mut queue.unanswered))
            };
            if chunks.is_empty() {
                return Ok(());
            }
            raw::write_all(stream, &chunks).await?;
            for written in unanswered {
                let _ = written.send(Ok(()));
            }
        }
    }
}
