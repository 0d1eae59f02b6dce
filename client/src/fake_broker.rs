//! A broker for unit tests: it answers what it is told to, and misbehaves on request.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use naru_protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use naru_protocol::{ApiKey, ErrorCode, Request, RequestHeader, Response, decode_request, encode_response};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::raw::Frames;

/// What the broker does with a request.
pub(crate) enum Reply {
    /// Sends these bytes.
    Bytes(Bytes),
    /// Sends these bytes and hangs up.
    Last(Bytes),
    /// Sends these bytes when it is told to.
    Later(oneshot::Receiver<()>, Bytes),
    /// Says nothing and goes on.
    Silence,
}

impl Reply {
    /// An answer as it should be.
    pub(crate) fn answer<M: Response>(header: &RequestHeader, answer: &M) -> Self {
        Self::Bytes(encode_response(header.correlation_id, answer, header.api_version).unwrap().concat().into())
    }

    /// The first bytes of this answer, then nothing more.
    pub(crate) fn cut(self, length: usize) -> Self {
        match self {
            Self::Bytes(bytes) | Self::Last(bytes) | Self::Later(_, bytes) => Self::Last(bytes.slice(..length)),
            Self::Silence => Self::Silence,
        }
    }

    /// The same, not before somebody says so.
    pub(crate) fn when(self, told: oneshot::Receiver<()>) -> Self {
        match self {
            Self::Bytes(bytes) | Self::Last(bytes) | Self::Later(_, bytes) => Self::Later(told, bytes),
            Self::Silence => Self::Silence,
        }
    }
}

/// Listens on a free port and answers every request by a function. `ApiVersions` it answers by itself.
pub(crate) struct FakeBroker {
    pub(crate) address: String,
    /// The names of the APIs that were called, in order.
    pub(crate) seen: Arc<Mutex<Vec<ApiKey>>>,
    /// `ApiVersions` requests above this version are refused, as an old broker does.
    pub(crate) newest_api_versions: Arc<Mutex<i16>>,
    connections: Arc<Mutex<usize>>,
}

impl FakeBroker {
    pub(crate) async fn start(reply: impl FnMut(RequestHeader, Bytes) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = Self {
            address: listener.local_addr().unwrap().to_string(),
            seen: Arc::default(),
            newest_api_versions: Arc::new(Mutex::new(4)),
            connections: Arc::default(),
        };
        let (seen, newest) = (Arc::clone(&broker.seen), Arc::clone(&broker.newest_api_versions));
        let (reply, connections) = (Arc::new(Mutex::new(reply)), Arc::clone(&broker.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (seen, newest, reply) = (Arc::clone(&seen), Arc::clone(&newest), Arc::clone(&reply));
                let connections = Arc::clone(&connections);
                tokio::spawn(async move {
                    serve(stream, |header, body| {
                        if header.api_key == ApiKey::ApiVersions as i16 {
                            return api_versions(&header, *newest.lock().unwrap());
                        }
                        seen.lock().unwrap().push(header.api().unwrap());
                        (reply.lock().unwrap())(header, body)
                    })
                    .await;
                    *connections.lock().unwrap() -= 1;
                });
            }
        });
        broker
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// Reads a request's body.
pub(crate) fn body<R: Request>(header: &RequestHeader, body: Bytes) -> R {
    decode_request(body, header.api_version).unwrap()
}

async fn serve(mut stream: TcpStream, mut reply: impl FnMut(RequestHeader, Bytes) -> Reply) {
    let mut frames = Frames::new(1 << 20);
    while let Ok(frame) = frames.next(&mut stream).await {
        let (header, body) = RequestHeader::split(frame).unwrap();
        let (bytes, last) = match reply(header, body) {
            Reply::Bytes(bytes) => (bytes, false),
            Reply::Last(bytes) => (bytes, true),
            Reply::Later(told, bytes) => {
                // Whoever forgets it lets it go.
                let _ = told.await;
                (bytes, false)
            }
            Reply::Silence => continue,
        };
        if stream.write_all(&bytes).await.is_err() || last {
            return;
        }
    }
}

fn api_versions(header: &RequestHeader, newest: i16) -> Reply {
    let ranges = ApiKey::ALL.iter().map(|api| {
        let range = if *api == ApiKey::ApiVersions { 0..=newest } else { api.versions() };
        ApiVersion { api_key: *api as i16, min_version: *range.start(), max_version: *range.end() }
    });
    let mut answer = ApiVersionsResponse { api_keys: ranges.collect(), ..Default::default() };
    if header.api_version > newest {
        answer.error_code = ErrorCode::UNSUPPORTED_VERSION;
        return Reply::Bytes(encode_response(header.correlation_id, &answer, 0).unwrap().concat().into());
    }
    Reply::answer(header, &answer)
}
