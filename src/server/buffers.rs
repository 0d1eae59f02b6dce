//! Read buffers, shared by all connections: one is held only while bytes are in it.

use bytes::BytesMut;
use parking_lot::Mutex;

/// Size of a read buffer: five 16 KiB batches, the usual number in flight, fit into one read.
pub(super) const READ_BUFFER: usize = 128 << 10;

/// Buffers kept for reuse; more are made when more connections are busy at once.
const KEPT: usize = 16;

/// A small stock of empty read buffers.
#[derive(Default)]
pub(super) struct BufferPool {
    free: Mutex<Vec<BytesMut>>,
}

impl BufferPool {
    /// An empty buffer of [`READ_BUFFER`] bytes.
    pub(super) fn take(&self) -> BytesMut {
        self.free.lock().pop().unwrap_or_else(|| BytesMut::with_capacity(READ_BUFFER))
    }

    /// Takes a buffer back, unless a request still borrows from it or enough are here.
    pub(super) fn give(&self, mut buffer: BytesMut) {
        buffer.clear();
        if buffer.try_reclaim(READ_BUFFER) {
            let mut free = self.free.lock();
            if free.len() < KEPT {
                free.push(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_a_request_borrows_from_is_not_handed_out_again() {
        let pool = BufferPool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(&[7; 10_000]);
        let request = buffer.split_to(9_000).freeze();
        pool.give(buffer);
        assert!(pool.free.lock().is_empty());
        pool.take().extend_from_slice(&[9; 10_000]);
        assert!(request.iter().all(|&byte| byte == 7));
    }

    #[test]
    fn a_returned_buffer_has_its_whole_size_again() {
        let pool = BufferPool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(&[7; 10_000]);
        drop(buffer.split_to(9_000));
        pool.give(buffer);
        assert_eq!(pool.free.lock().len(), 1);
        assert!(pool.take().capacity() >= READ_BUFFER);
    }
}
