//! Buffers of cold reads, used again and again, and a bound on all of them together.
//!
//! A fresh megabyte costs as much as the read that fills it: its pages have to be found and zeroed, and none of them is in
//! the processor's cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

/// The sizes that buffers are made in, so that any of a size fits, and a small read does not pin a large one. A larger buffer is
/// made to measure and given back to the system: a consumer that asks for 50 MiB at once is rare.
const SIZES: [usize; 2] = [64 << 10, 1 << 20];

/// What is kept of each size for the next readers; an idle broker holds no more than this.
const KEPT_BUFFERS: usize = 4;

/// What may be on loan at once. Clients that ask for much and never read their answers hold it until they are closed; from half
/// of it on, readers get one batch at a time.
const MOST_LENT: usize = 256 << 20;

/// Lends buffers.
#[derive(Debug, Default)]
pub(super) struct ReadBuffers {
    kept: [Mutex<Vec<Vec<u8>>>; SIZES.len()],
    lent: AtomicUsize,
}

/// A buffer on loan; it comes back when the last slice of it is dropped.
pub(super) struct ReadBuffer {
    bytes: Vec<u8>,
    len: usize,
    home: Arc<ReadBuffers>,
}

impl ReadBuffers {
    /// A buffer of `len` bytes with whatever was in it before. `None` when too much is on loan; the only loan may have any
    /// size, so that the largest batch can be read.
    pub(super) fn lend(self: &Arc<Self>, len: usize) -> Option<ReadBuffer> {
        let class = SIZES.iter().position(|size| len <= *size);
        let size = class.map_or(len, |class| SIZES[class]);
        let before = self.lent.fetch_add(size, Ordering::Relaxed);
        if before > 0 && before + size > MOST_LENT {
            self.lent.fetch_sub(size, Ordering::Relaxed);
            return None;
        }
        let kept = class.and_then(|class| self.kept[class].lock().pop());
        let bytes = kept.unwrap_or_else(|| vec![0; size]);
        Some(ReadBuffer { bytes, len, home: Arc::clone(self) })
    }

    /// Whether readers should take little.
    pub(super) fn is_short(&self) -> bool {
        self.lent.load(Ordering::Relaxed) > MOST_LENT / 2
    }
}

impl ReadBuffer {
    /// What is to be filled.
    pub(super) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// The buffer as shared bytes.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for ReadBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.home.lent.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        let Some(class) = SIZES.iter().position(|size| self.bytes.len() == *size) else { return };
        let mut kept = self.home.kept[class].lock();
        if kept.len() < KEPT_BUFFERS {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_slice_is_gone() {
        let buffers = Arc::<ReadBuffers>::default();
        let mut buffer = buffers.lend(4).unwrap();
        buffer.as_mut().copy_from_slice(b"naru");
        let slice = buffer.freeze().slice(1..3);
        assert!(buffers.kept[0].lock().is_empty());
        assert_eq!(&slice[..], b"ar");
        drop(slice);
        assert_eq!(buffers.kept[0].lock().len(), 1);
        assert_eq!(buffers.lend(2).unwrap().as_ref(), b"na");
    }

    #[test]
    fn no_more_is_kept_than_the_limits_say() {
        let buffers = Arc::<ReadBuffers>::default();
        drop(buffers.lend(SIZES[1] + 1));
        assert!(buffers.kept.iter().all(|kept| kept.lock().is_empty()));
        let lent: Vec<_> = (0..2 * KEPT_BUFFERS).map(|_| buffers.lend(10)).collect();
        drop(lent);
        assert_eq!(buffers.kept[0].lock().len(), KEPT_BUFFERS);
    }

    #[test]
    fn small_reads_leave_large_buffers_alone_and_large_ones_lose_no_small_buffer() {
        let buffers = Arc::<ReadBuffers>::default();
        drop([10, SIZES[0] + 1].map(|len| buffers.lend(len)));
        let small = buffers.lend(SIZES[0]);
        assert_eq!([buffers.kept[0].lock().len(), buffers.kept[1].lock().len()], [0, 1]);
        drop(small);
        let large = buffers.lend(SIZES[1]);
        assert_eq!([buffers.kept[0].lock().len(), buffers.kept[1].lock().len()], [1, 0]);
        assert_eq!(buffers.lent.load(Ordering::Relaxed), SIZES[1]);
        drop(large);
    }

    #[test]
    fn loans_are_bounded_but_for_a_single_large_one() {
        let buffers = Arc::<ReadBuffers>::default();
        let large = buffers.lend(MOST_LENT + 1);
        assert!(large.is_some() && buffers.is_short());
        assert!(buffers.lend(1).is_none());
        drop(large);
        assert!(!buffers.is_short());
        assert!(buffers.lend(1).is_some());
    }
}
