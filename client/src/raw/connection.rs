//! One TCP connection to one broker.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::{ApiKey, Request, decode_response, encode_request};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Error, Frames};

/// How a connection behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the client calls itself in request headers.
    pub client_id: Option<ByteString>,
    /// Time limit of connecting, of writing one request and of waiting for one response.
    pub timeout: Duration,
    /// Largest response that is accepted, in bytes.
    pub max_response: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { client_id: Some("naru-client".into()), timeout: Duration::from_secs(30), max_response: 256 << 20 }
    }
}

/// A connection that sends requests and reads their responses in order.
///
/// ```no_run
/// use naru_client::raw::{Connection, Error};
/// use naru_protocol::messages::api_versions::ApiVersionsRequest;
///
/// # async fn example() -> Result<(), Error> {
/// let mut broker = Connection::connect("localhost:9092").await?;
/// let answer = broker.send(&ApiVersionsRequest::default(), 0).await?;
/// println!("{} APIs", answer.api_keys.len());
/// # Ok(())
/// # }
/// ```
///
/// Receiving is cancellation safe: a response that was read in part is kept. Sending is not.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    options: Options,
    frames: Frames,
    next_correlation_id: i32,
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
struct Pending {
    correlation_id: i32,
    api: ApiKey,
    version: i16,
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn connect(address: &str) -> Result<Self, Error> {
        Self::connect_with(address, Options::default()).await
    }

    /// Connects to `host:port` with other than the usual options.
    pub async fn connect_with(address: &str, options: Options) -> Result<Self, Error> {
        let connecting = timeout(options.timeout, TcpStream::connect(address)).await;
        let stream = connecting
            .map_err(|_| Error::TimedOut(options.timeout))?
            .map_err(|source| Error::Connect { address: address.to_owned(), source })?;
        stream.set_nodelay(true)?;
        let frames = Frames::new(options.max_response);
        Ok(Self { stream, options, frames, next_correlation_id: 1, pending: VecDeque::new() })
    }

    /// Sends a request and waits for its response. Nothing else may be waiting.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, Error> {
        self.submit(request, version).await?;
        self.receive::<R>().await
    }

    /// Sends a request without waiting; [`Connection::receive`] returns the responses in the order of the requests.
    pub async fn submit<R: Request>(&mut self, request: &R, version: i16) -> Result<(), Error> {
        let correlation_id = self.submit_unanswered(request, version).await?;
        self.pending.push_back(Pending { correlation_id, api: R::KEY, version });
        Ok(())
    }

    /// Sends a request that gets no response, as Produce with acks=0. Returns the correlation id.
    pub async fn submit_unanswered<R: Request>(&mut self, request: &R, version: i16) -> Result<i32, Error> {
        let correlation_id = self.next_correlation_id;
        let frame = encode_request(correlation_id, self.options.client_id.clone(), request, version)?;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        self.write(&frame).await?;
        Ok(correlation_id)
    }

    /// The response to the oldest request that waits for one.
    pub async fn receive<R: Request>(&mut self) -> Result<R::Response, Error> {
        if let Some(next) = self.pending.front()
            && next.api != R::KEY
        {
            return Err(Error::OtherApi { next: next.api.name(), asked: R::KEY.name() });
        }
        let frame = self.receive_raw().await?;
        let got = frame.first_chunk().map_or(0, |id| i32::from_be_bytes(*id));
        let Some(next) = self.pending.pop_front_if(|next| next.correlation_id == got) else {
            return Err(Error::OutOfOrder { expected: self.pending.front().map(|next| next.correlation_id), got });
        };
        Ok(decode_response::<R::Response>(frame, next.version)?.1)
    }

    /// Sends bytes as they are, frame or not.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write(&[Bytes::copy_from_slice(bytes)]).await
    }

    /// The next frame, header and body, without its length.
    pub async fn receive_raw(&mut self) -> Result<Bytes, Error> {
        let limit = self.options.timeout;
        timeout(limit, self.frames.next(&mut self.stream)).await.map_err(|_| Error::TimedOut(limit))?
    }

    /// Waits until the broker hangs up. An answer that comes instead is [`Error::OutOfOrder`].
    pub async fn closed(&mut self) -> Result<(), Error> {
        match self.receive_raw().await {
            Err(Error::Closed) => Ok(()),
            Err(error) => Err(error),
            Ok(frame) => Err(Error::OutOfOrder {
                expected: None,
                got: frame.first_chunk().map_or(0, |id| i32::from_be_bytes(*id)),
            }),
        }
    }

    /// Sends nothing more; responses can still be received.
    pub async fn finish(&mut self) -> Result<(), Error> {
        Ok(self.stream.shutdown().await?)
    }

    /// Requests that wait for their responses.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    async fn write(&mut self, chunks: &[Bytes]) -> Result<(), Error> {
        let limit = self.options.timeout;
        timeout(limit, write_all(&mut self.stream, chunks)).await.map_err(|_| Error::TimedOut(limit))?
    }

    /// The parts, for a connection that many share.
    pub(crate) fn into_parts(self) -> (TcpStream, Frames, i32) {
        (self.stream, self.frames, self.next_correlation_id)
    }
}

/// Writes all chunks with as few system calls as it takes.
pub(crate) async fn write_all(stream: &mut (impl AsyncWrite + Unpin), chunks: &[Bytes]) -> Result<(), Error> {
    let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        let written = stream.write_vectored(rest).await?;
        if written == 0 {
            return Err(Error::Closed);
        }
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}
