//! Frames as they are: a length of four bytes, then as many bytes.

use std::io;

use bytes::{Bytes, BytesMut};
use naru_protocol::ApiKey;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longer frames are no Kafka traffic.
const MAX_FRAME: usize = 1 << 30;

/// Room that is made at a time.
const READ: usize = 64 << 10;

/// What the proxy knows of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) api: ApiKey,
    pub(super) correlation_id: i32,
}

/// Cuts a stream into frames, each with its length prefix.
pub(super) struct Frames<R> {
    stream: R,
    received: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, received: BytesMut::new() }
    }

    /// The next frame; `None` at the end of the stream, which may be in the middle of one.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(prefix) = self.received.first_chunk() {
                let length = usize::try_from(i32::from_be_bytes(*prefix)).ok().filter(|&length| length <= MAX_FRAME);
                let whole = 4 + length.ok_or(io::ErrorKind::InvalidData)?;
                if self.received.len() >= whole {
                    return Ok(Some(self.received.split_to(whole).freeze()));
                }
            }
            self.received.reserve(READ);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// The head of a request frame; `None` for an API that does not exist.
pub(super) fn request(frame: &[u8]) -> Option<Request> {
    let (_, header) = frame.split_first_chunk::<4>()?;
    let (api, header) = header.split_first_chunk()?;
    let (_version, header) = header.split_first_chunk::<2>()?;
    let correlation_id = i32::from_be_bytes(*header.first_chunk()?);
    Some(Request { api: i16::from_be_bytes(*api).try_into().ok()?, correlation_id })
}

/// The correlation id of an answer frame.
pub(super) fn correlation_id(frame: &[u8]) -> Option<i32> {
    frame.split_first_chunk::<4>()?.1.first_chunk().copied().map(i32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use naru_protocol::encode_request;
    use naru_protocol::messages::heartbeat::HeartbeatRequest;

    use super::*;

    #[test]
    fn the_head_of_a_request_is_read() {
        let frame: Vec<u8> = encode_request(77, None, &HeartbeatRequest::default(), 4).unwrap().concat();
        assert_eq!(request(&frame), Some(Request { api: ApiKey::Heartbeat, correlation_id: 77 }));
        assert_eq!(request(&frame[..11]), None);
    }

    #[tokio::test]
    async fn frames_come_whole_with_their_length_and_lies_are_errors() {
        let mut frames = Frames::new(&[0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0][..]);
        assert_eq!(frames.next().await.unwrap().unwrap(), &[0, 0, 0, 1, 9][..]);
        assert_eq!(frames.next().await.unwrap().unwrap(), &[0, 0, 0, 0][..]);
        assert!(frames.next().await.unwrap().is_none());
        assert!(Frames::new(&[255; 4][..]).next().await.is_err());
    }
}
