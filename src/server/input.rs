//! From the bytes of a socket to frames: a four-byte length, then that many bytes of request.
//!
//! Bytes land in a pooled buffer first. Frames that are complete there leave it without a copy, small ones with one, so
//! that a request which waits long never pins a whole buffer. A frame that does not fit is moved to a buffer of its own,
//! which the socket then fills directly. No length is believed before it is checked, and none sizes more than
//! [`AT_ONCE`] bytes before bytes have arrived to justify it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::buffers::{BufferPool, READ_BUFFER};

/// Frames up to this size are copied out of the pooled buffer.
const SMALL: usize = 4 << 10;

/// A frame's own buffer is allocated whole up to this size; a larger one doubles as bytes arrive.
const AT_ONCE: usize = 1 << 20;

const PREFIX: usize = 4;

/// A length prefix that cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes was announced; at most {max} are allowed (socket.request.max.bytes)")]
pub struct FrameError {
    length: i32,
    max: usize,
}

/// How much of a frame is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    /// Bytes received, at least one.
    pub(super) received: usize,
    /// Bytes announced; while not even the length is here, the length's own size.
    pub(super) expected: usize,
}

impl Partial {
    /// How much of the frame is here, in thousandths.
    pub(super) fn progress(self) -> usize {
        self.received.saturating_mul(1000) / self.expected.max(1)
    }
}

/// The receiving half of a connection.
pub(super) struct Input {
    max_frame: usize,
    /// A pooled buffer, a small parked rest, or nothing.
    shared: BytesMut,
    /// The frame that outgrew the pooled buffer; while it is here, `shared` is empty.
    own: Option<OwnFrame>,
}

struct OwnFrame {
    bytes: BytesMut,
    length: usize,
}

impl Input {
    pub(super) fn new(max_frame: usize) -> Self {
        Self { max_frame, shared: BytesMut::new(), own: None }
    }

    /// Bytes held that no frame was made of yet.
    pub(super) fn held(&self) -> usize {
        self.shared.len() + self.own.as_ref().map_or(0, |own| own.bytes.len())
    }

    /// The frame that has begun and is not complete.
    pub(super) fn partial(&self) -> Option<Partial> {
        if let Some(own) = &self.own {
            return Some(Partial { received: own.bytes.len(), expected: own.length });
        }
        if self.shared.is_empty() {
            return None;
        }
        let expected = self.announced().map_or(PREFIX, |length| usize::try_from(length).unwrap_or(0) + PREFIX);
        (self.shared.len() < expected).then_some(Partial { received: self.shared.len(), expected })
    }

    fn announced(&self) -> Option<i32> {
        self.shared.first_chunk().map(|prefix| i32::from_be_bytes(*prefix))
    }

    /// Reads once. 0 bytes are the end of the stream.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        pool: &BufferPool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Some(own) = &mut self.own {
            let missing = own.length - own.bytes.len();
            if own.bytes.len() == own.bytes.capacity() {
                own.bytes.reserve(missing.min(own.bytes.len()));
            }
            return poll_read_buf(Pin::new(stream), cx, &mut (&mut own.bytes).limit(missing));
        }
        self.make_room(pool);
        poll_read_buf(Pin::new(stream), cx, &mut self.shared)
    }

    /// Room in the pooled buffer: at least for the rest of the frame in it.
    fn make_room(&mut self, pool: &BufferPool) {
        let room = self.shared.capacity() - self.shared.len();
        let length_unknown = self.shared.len() < PREFIX;
        if room == 0 || (length_unknown && room < READ_BUFFER / 2) {
            let mut fresh = pool.take();
            fresh.extend_from_slice(&self.shared);
            pool.give(std::mem::replace(&mut self.shared, fresh));
        }
    }

    /// The next complete frame, without its length.
    pub(super) fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        if let Some(own) = self.own.take_if(|own| own.bytes.len() == own.length) {
            return Ok(Some(own.bytes.freeze()));
        }
        let Some(length) = self.announced() else { return Ok(None) };
        let max = self.max_frame;
        let whole = usize::try_from(length).ok().filter(|&l| l <= max).ok_or(FrameError { length, max })?;
        if self.shared.len() < PREFIX + whole {
            if self.shared.capacity() < PREFIX + whole {
                self.move_to_own_buffer(whole);
            }
            return Ok(None);
        }
        self.shared.advance(PREFIX);
        if whole <= SMALL {
            let frame = Bytes::copy_from_slice(&self.shared[..whole]);
            self.shared.advance(whole);
            return Ok(Some(frame));
        }
        Ok(Some(self.shared.split_to(whole).freeze()))
    }

    fn move_to_own_buffer(&mut self, length: usize) {
        self.shared.advance(PREFIX);
        let mut bytes = BytesMut::with_capacity(length.min(AT_ONCE));
        bytes.extend_from_slice(&self.shared);
        self.shared.clear();
        self.own = Some(OwnFrame { bytes, length });
    }

    /// Gives the pooled buffer back before a wait, when little or nothing is in it.
    pub(super) fn park(&mut self, pool: &BufferPool) {
        if self.shared.len() <= SMALL && self.shared.capacity() > SMALL {
            let rest = BytesMut::from(&self.shared[..]);
            pool.give(std::mem::replace(&mut self.shared, rest));
        }
    }

    /// Forgets everything that no frame was made of.
    pub(super) fn discard(&mut self) {
        self.shared = BytesMut::new();
        self.own = None;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 3 << 20;

    fn frame(length: usize) -> Vec<u8> {
        let mut bytes = (length as u32).to_be_bytes().to_vec();
        bytes.extend((0..length).map(|i| (i % 251) as u8));
        bytes
    }

    /// Feeds `wire` in pieces of `step` bytes and returns the frames, parking after every read if asked to.
    fn feed(wire: &[u8], step: usize, park: bool) -> Result<Vec<Bytes>, FrameError> {
        let pool = BufferPool::default();
        let mut input = Input::new(MAX);
        let mut frames = Vec::new();
        for mut piece in wire.chunks(step) {
            while !piece.is_empty() {
                let mut cx = Context::from_waker(Waker::noop());
                let Poll::Ready(Ok(_)) = input.poll_read(&mut piece, &pool, &mut cx) else { panic!("read failed") };
                while let Some(frame) = input.next_frame()? {
                    frames.push(frame);
                }
                if park {
                    input.park(&pool);
                }
            }
        }
        assert_eq!(input.held(), 0, "bytes are left over");
        Ok(frames)
    }

    #[test]
    fn a_negative_or_oversize_length_is_refused_before_anything_is_allocated() {
        for length in [-1, i32::MIN, MAX as i32 + 1, i32::MAX] {
            assert_eq!(feed(&length.to_be_bytes(), 4, false), Err(FrameError { length, max: MAX }));
        }
    }

    #[test]
    fn a_large_frame_gets_no_more_than_a_mebibyte_before_its_bytes_arrive() {
        let pool = BufferPool::default();
        let mut input = Input::new(MAX);
        let mut cx = Context::from_waker(Waker::noop());
        let wire = frame(MAX);
        let mut piece = &wire[..100];
        assert!(input.poll_read(&mut piece, &pool, &mut cx).is_ready());
        assert_eq!(input.next_frame(), Ok(None));
        let own = input.own.as_ref().map(|own| own.bytes.capacity());
        assert_eq!(own, Some(AT_ONCE));
        assert_eq!(input.partial(), Some(Partial { received: 96, expected: MAX }));
    }

    #[test]
    fn a_small_frame_does_not_pin_the_read_buffer() {
        let pool = BufferPool::default();
        let mut input = Input::new(MAX);
        let mut cx = Context::from_waker(Waker::noop());
        let wire = frame(100);
        assert!(input.poll_read(&mut &wire[..], &pool, &mut cx).is_ready());
        let held = input.next_frame();
        input.park(&pool);
        assert!(matches!(held, Ok(Some(_))));
        assert_eq!(input.shared.capacity(), 0);
        assert!(pool.take().capacity() >= READ_BUFFER);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn frames_arrive_whole_however_the_stream_is_cut(
            lengths in prop::collection::vec(prop_oneof![0usize..20, 3_000..6_000usize, 60_000..70_000usize, 120_000..300_000usize], 1..8),
            step in prop_oneof![1usize..9, 1_000..5_000usize, 100_000..200_000usize],
            park: bool,
        ) {
            let wire: Vec<u8> = lengths.iter().flat_map(|&length| frame(length)).collect();
            let step = if wire.len() > 400_000 { step.max(512) } else { step };
            let frames = feed(&wire, step, park).unwrap();
            prop_assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), lengths.clone());
            for (got, length) in frames.iter().zip(lengths) {
                prop_assert!(got[..] == frame(length)[4..]);
            }
        }
    }
}
