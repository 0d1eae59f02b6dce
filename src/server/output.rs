//! Responses on their way out: whatever is ready leaves in one vectored write.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::api::Chunks;

/// Slices in one system call; the kernel takes 1,024, and 64 already hide its cost.
const SLICES: usize = 64;

/// The sending half of a connection.
#[derive(Default)]
pub(super) struct Output {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, chunks: Chunks) {
        for chunk in chunks {
            if !chunk.is_empty() {
                self.bytes += chunk.len();
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Writes once. Ready with the number of bytes that the socket took.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let written = if self.chunks.len() == 1 {
            ready!(Pin::new(stream).poll_write(cx, &self.chunks[0]))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut filled = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                *slice = IoSlice::new(chunk);
                filled += 1;
            }
            ready!(Pin::new(stream).poll_write_vectored(cx, &slices[..filled]))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(chunk) = self.chunks.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.chunks.pop_front();
        }
        // An idle connection keeps no queue.
        self.chunks = VecDeque::new();
    }
}
