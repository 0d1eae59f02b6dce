//! One client connection: frames in, requests applied in order, answers out in order.
//!
//! A single task does all of it, by hand-written polling, because the parts depend on each other in both directions: what
//! may be read depends on what waits to be answered, what is answered depends on what the client takes. The loop decodes
//! everything that is in the read buffer, collects every answer that is ready, and sends them with one write.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::api::{CloseReason, ConnectionContext};
use crate::broker::Served;

use super::Service;
use super::budget::{Budget, Permit, Room};
use super::buffers::BufferPool;
use super::input::{FrameError, Input};
use super::limits::Limits;
use super::output::Output;
use super::pipeline::{Arrival, Finished, Outcome, Pipeline};

/// A frame must bring this many bytes, or its end, within [`Limits::frame_progress`].
const PROGRESS: usize = 64 << 10;

/// As good as for ever, and short enough to be added to a clock; an idle connection is closed long before.
const LONGEST_PAUSE: Duration = Duration::from_hours(24 * 365);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    #[error("the client closed the connection")]
    ByClient,
    #[error("the broker is shutting down")]
    Shutdown,
    #[error("the connection was idle (connections.max.idle.ms)")]
    Idle,
    #[error("a request arrived too slowly")]
    SlowRequest,
    #[error("the client did not read its responses")]
    SlowReader,
    #[error(
        "the memory for requests (queued.max.request.bytes) was used up and this request had made the least progress"
    )]
    Evicted,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Request(#[from] CloseReason),
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

impl Closed {
    /// Whether the broker, not the client, is to blame.
    pub(super) fn is_own_fault(&self) -> bool {
        matches!(self, Self::Request(CloseReason::Unencodable { .. }))
    }
}

/// What all connections of a server share.
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) limits: Limits,
    pub(super) budget: Arc<Budget>,
    pub(super) buffers: BufferPool,
    pub(super) shutdown: CancellationToken,
}

pub(super) struct Connection<S> {
    shared: Arc<Shared<S>>,
    context: Arc<ConnectionContext>,
    stream: TcpStream,
    input: Input,
    /// The bytes in `input`, counted.
    held: Permit,
    pipeline: Pipeline,
    output: Output,
    /// Set once nothing more is read: what is in flight is answered, then the connection ends for this reason.
    ending: Option<Closed>,
    clocks: Clocks,
    /// Whether bytes have come that may not be read yet: the memory for requests is used up.
    waits_for_room: bool,
    /// Whether the budget knows of a half frame here.
    tracked: bool,
    /// Set while the client is over its quota: until then nothing of it is read or applied.
    paused: Option<Pin<Box<Sleep>>>,
    /// Gone once shutdown was seen.
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    timer: Pin<Box<Sleep>>,
}

/// When something last happened; each deadline is one of these plus a limit.
struct Clocks {
    active: Instant,
    read: Instant,
    written: Instant,
    ending: Instant,
    /// Since when a half frame has been waiting for bytes, and how many it had then.
    frame: Option<(Instant, usize)>,
}

impl<S: Service> Connection<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, context: ConnectionContext, stream: TcpStream) -> Self {
        let now = Instant::now();
        Self {
            input: Input::new(shared.limits.max_frame_bytes),
            held: Permit::empty(&shared.budget),
            pipeline: Pipeline::default(),
            output: Output::default(),
            ending: None,
            clocks: Clocks { active: now, read: now, written: now, ending: now, frame: None },
            waits_for_room: false,
            tracked: false,
            paused: None,
            shutdown: Some(Box::pin(shared.shutdown.clone().cancelled_owned())),
            timer: Box::pin(sleep_until(now + shared.limits.idle)),
            context: Arc::new(context),
            shared,
            stream,
        }
    }

    /// Serves the connection until it ends.
    pub(super) async fn run(mut self) -> Closed {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        match self.work(cx).and_then(|()| self.poll_deadlines(cx)) {
            Ok(()) => Poll::Pending,
            Err(closed) => Poll::Ready(closed),
        }
    }

    /// Does everything that can be done now; the task is woken when more can be.
    fn work(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        if std::mem::take(&mut self.tracked) && self.shared.budget.untrack(self.context.id) {
            return Err(Closed::Evicted);
        }
        if let Some(shutdown) = &mut self.shutdown
            && shutdown.as_mut().poll(cx).is_ready()
        {
            self.shutdown = None;
            self.end(Closed::Shutdown);
        }
        loop {
            let mut progress = self.dispatch(cx);
            progress |= self.collect(cx);
            progress |= self.write(cx)?;
            progress |= self.read(cx)?;
            progress |= self.pass_pause(cx);
            if !progress {
                break;
            }
        }
        if self.pipeline.is_empty()
            && self.output.is_empty()
            && !self.has_more_after_pause()
            && let Some(closed) = self.ending.take()
        {
            return Err(closed);
        }
        self.park(cx);
        Ok(())
    }

    /// Reads nothing more; ends when everything in flight is answered.
    fn end(&mut self, why: Closed) {
        if self.ending.is_none() {
            self.clocks.ending = Instant::now();
        }
        self.ending = Some(why);
    }

    /// Begins or lengthens a pause that was asked for. True if one is over.
    fn pass_pause(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(pause) = self.context.take_pause() {
            let until = Instant::now() + pause.min(LONGEST_PAUSE);
            match &mut self.paused {
                Some(sleep) if sleep.deadline() >= until => {}
                Some(sleep) => sleep.as_mut().reset(until),
                None => self.paused = Some(Box::pin(sleep_until(until))),
            }
        }
        self.paused.take_if(|sleep| sleep.as_mut().poll(cx).is_ready()).is_some()
    }

    /// Whether the client has closed its side, and some of what it sent before waits for the end of a pause.
    fn has_more_after_pause(&self) -> bool {
        self.paused.is_some() && matches!(self.ending, Some(Closed::ByClient)) && self.input.held() > 0
    }

    fn may_apply(&self) -> bool {
        let limits = &self.shared.limits;
        matches!(self.ending, None | Some(Closed::ByClient))
            && self.paused.is_none()
            && !self.pipeline.is_blocked()
            && self.pipeline.len() < limits.max_pipelined_requests
            && (self.pipeline.bytes() < limits.max_pipelined_bytes)
            && self.output.bytes() < limits.max_output_bytes
    }

    /// Applies every request that is here and may be applied.
    fn dispatch(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = self.pipeline.poll_barrier(cx);
        while self.may_apply() {
            match self.input.next_frame() {
                Ok(Some(frame)) => {
                    let permit = self.held.split(self.held.bytes().saturating_sub(self.input.held()));
                    let arrival = Arrival { api_key: api_key(&frame), at: self.clocks.read };
                    let answer = self.shared.service.call(&self.context, frame);
                    self.pipeline.push(arrival, answer, permit);
                    self.pipeline.poll_barrier(cx);
                    self.pass_pause(cx);
                    self.clocks.frame = None;
                    progress = true;
                }
                Ok(None) => break,
                Err(error) => {
                    self.end(Closed::Frame(error));
                    self.forget_input();
                }
            }
        }
        progress
    }

    /// Moves finished answers to the output.
    fn collect(&mut self, cx: &mut Context<'_>) -> bool {
        // What is finished together shares one look at the clock.
        let mut now = None;
        while self.output.bytes() < self.shared.limits.max_output_bytes {
            let Poll::Ready(Finished { arrival, bytes, outcome }) = self.pipeline.poll_front(cx) else { break };
            let now = *now.get_or_insert_with(Instant::now);
            let mut served = Served {
                api_key: arrival.api_key,
                request_bytes: bytes,
                response_bytes: 0,
                failure: None,
                took: now.saturating_duration_since(arrival.at),
            };
            match outcome {
                Outcome::Response(response) => {
                    if self.output.is_empty() {
                        self.clocks.written = now;
                    }
                    let before = self.output.bytes();
                    self.output.push(response.chunks);
                    served.response_bytes = self.output.bytes() - before;
                    served.failure = response.error.is_error().then(|| response.error.name());
                    self.shared.service.served(&self.context, &served);
                }
                Outcome::Nothing => self.shared.service.served(&self.context, &served),
                Outcome::Close(reason) => {
                    served.failure = Some(Served::CLOSED);
                    self.shared.service.served(&self.context, &served);
                    self.pipeline.clear();
                    self.forget_input();
                    self.end(Closed::Request(reason));
                }
            }
        }
        now.is_some()
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Closed> {
        let mut progress = false;
        while !self.output.is_empty() {
            let Poll::Ready(written) = self.output.poll_write(&mut self.stream, cx) else { break };
            written?;
            self.clocks.written = Instant::now();
            self.clocks.active = self.clocks.written;
            progress = true;
        }
        Ok(progress)
    }

    /// While requests cannot be applied, one read is still made: it is how the end of the stream is noticed.
    fn wants_to_read(&self) -> bool {
        self.ending.is_none() && self.paused.is_none() && (self.may_apply() || self.input.held() == 0)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Closed> {
        self.waits_for_room = false;
        if !self.wants_to_read() {
            return Ok(false);
        }
        // Readiness first: no buffer is taken for a socket that has nothing.
        if let Poll::Ready(ready) = self.stream.poll_read_ready(cx) {
            ready?;
        } else {
            return Ok(false);
        }
        match self.shared.budget.room(self.context.id, self.input.partial(), cx.waker()) {
            Room::Free => {}
            Room::Wait => {
                self.waits_for_room = true;
                return Ok(false);
            }
            Room::Evicted => return Err(Closed::Evicted),
        }
        let Poll::Ready(read) = self.input.poll_read(&mut self.stream, &self.shared.buffers, cx) else {
            return Ok(false);
        };
        let read = read?;
        if read == 0 {
            self.end(Closed::ByClient);
        } else {
            self.held.grow(read);
            self.clocks.active = Instant::now();
            self.clocks.read = self.clocks.active;
        }
        Ok(true)
    }

    fn forget_input(&mut self) {
        self.input.discard();
        self.held = Permit::empty(&self.shared.budget);
    }

    /// Prepares for a wait: gives buffers back, and starts or moves the clock of a half frame.
    fn park(&mut self, cx: &mut Context<'_>) {
        self.input.park(&self.shared.buffers);
        let partial = self.input.partial().filter(|_| self.wants_to_read() || self.paused.is_some());
        let Some(partial) = partial else {
            self.clocks.frame = None;
            return;
        };
        self.shared.budget.track(self.context.id, partial, cx.waker());
        self.tracked = true;
        match &mut self.clocks.frame {
            // The client has sent; who cannot be read is not slow.
            clock if self.waits_for_room || self.paused.is_some() => *clock = None,
            Some((_, had)) if partial.received < *had + PROGRESS => {}
            clock => *clock = Some((Instant::now(), partial.received)),
        }
    }

    /// The next moment at which the connection is too late with something, and with what.
    fn deadline(&self) -> (Instant, Closed) {
        let limits = &self.shared.limits;
        let clocks = &self.clocks;
        let mut next = (clocks.active + limits.idle, Closed::Idle);
        let mut or = |at: Instant, closed: Closed| {
            if at < next.0 {
                next = (at, closed);
            }
        };
        if let Some((since, _)) = clocks.frame {
            or(since + limits.frame_progress, Closed::SlowRequest);
        }
        if !self.output.is_empty() {
            or(clocks.written + limits.write_progress, Closed::SlowReader);
        }
        match self.ending {
            Some(Closed::Shutdown) => or(clocks.ending + limits.drain, Closed::Shutdown),
            Some(_) => or(clocks.ending + limits.drain, Closed::ByClient),
            None => {}
        }
        next
    }

    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        loop {
            let (at, closed) = self.deadline();
            // A timer that is early costs one wake-up; moving it at every request would cost more.
            if at < self.timer.deadline() {
                self.timer.as_mut().reset(at);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            let now = Instant::now();
            if at > now {
                self.timer.as_mut().reset(at);
            } else if matches!(closed, Closed::Idle) && !self.pipeline.is_empty() {
                // A request that waits keeps its connection.
                self.clocks.active = now;
            } else {
                return Err(closed);
            }
        }
    }
}

/// The API key that every request begins with; −1, which is none, for a frame that is too short.
fn api_key(frame: &[u8]) -> i16 {
    frame.first_chunk().map_or(-1, |key| i16::from_be_bytes(*key))
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        if self.tracked {
            self.shared.budget.untrack(self.context.id);
        }
    }
}
