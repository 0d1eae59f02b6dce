//! Frames out of a stream of bytes.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Error;

/// Room that is made at least, in bytes.
const READ: usize = 64 << 10;

/// A frame up to this size gets its buffer at once; the buffer of a larger one doubles as its bytes arrive.
const AT_ONCE: usize = 1 << 20;

/// Cuts what arrives into frames: a length of four bytes, then as many bytes.
#[derive(Debug)]
pub(crate) struct Frames {
    received: BytesMut,
    max: usize,
}

impl Frames {
    /// Accepts frames of up to `max` bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self { received: BytesMut::new(), max }
    }

    /// The next frame, without its length. Cancellation safe: what was read is kept.
    pub(crate) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, Error> {
        loop {
            let missing = match self.announced()? {
                Some(whole) if self.received.len() >= 4 + whole => {
                    self.received.advance(4);
                    return Ok(self.received.split_to(whole).freeze());
                }
                Some(whole) => 4 + whole - self.received.len(),
                None => 0,
            };
            self.make_room(missing);
            if stream.read_buf(&mut self.received).await? == 0 {
                return Err(Error::Closed);
            }
        }
    }

    /// The length of the frame that has begun.
    fn announced(&self) -> Result<Option<usize>, Error> {
        let Some(prefix) = self.received.first_chunk() else { return Ok(None) };
        let (length, max) = (i32::from_be_bytes(*prefix), self.max);
        let whole = usize::try_from(length).ok().filter(|&whole| whole <= max);
        whole.map(Some).ok_or(Error::FrameSize { length, max })
    }

    /// Room to read into. The announced length alone sizes nothing large.
    fn make_room(&mut self, missing: usize) {
        if self.received.len() == self.received.capacity() {
            self.received.reserve(missing.min(self.received.len().max(AT_ONCE)).max(READ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_out_whole_however_they_arrive() {
        let mut stream = tokio_test_stream(&[&[0, 0], &[0, 3, b'a', b'b'], &[b'c', 0, 0, 0, 0, 0, 0, 0, 1, b'd']]);
        let mut frames = Frames::new(16);
        assert_eq!(frames.next(&mut stream).await.unwrap(), "abc");
        assert_eq!(frames.next(&mut stream).await.unwrap(), "");
        assert_eq!(frames.next(&mut stream).await.unwrap(), "d");
        assert!(matches!(frames.next(&mut stream).await, Err(Error::Closed)));
    }

    #[tokio::test]
    async fn a_length_that_lies_is_refused() {
        for length in [-1, 17, i32::MAX] {
            let bytes = length.to_be_bytes();
            let mut stream = tokio_test_stream(&[&bytes]);
            assert!(matches!(Frames::new(16).next(&mut stream).await, Err(Error::FrameSize { .. })), "{length}");
        }
    }

    /// A stream that gives the chunks one at a time.
    fn tokio_test_stream(chunks: &[&[u8]]) -> impl AsyncRead + Unpin + use<> {
        let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.to_vec()).collect();
        let (mut near, far) = tokio::io::duplex(8);
        tokio::spawn(async move {
            for chunk in chunks {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut near, &chunk).await;
            }
        });
        far
    }
}
