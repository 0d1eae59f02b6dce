//! The HTTP listener: health and metrics, for orchestrators, monitoring and people with `curl`.
//!
//! It is off unless `admin.listen` says where to listen. It opens before recovery and closes after the last flush, so that a broker
//! that is busy starting or stopping is seen to be alive. It reads what the rooms count about themselves when somebody asks,
//! and nothing is counted for its sake on the way of a request.
//!
//! | path | answer |
//! |---|---|
//! | `/health/live` | 200 as long as the process serves anything |
//! | `/health/ready` | 200, or 503 and the reason while clients cannot be served |
//! | `/metrics` | OpenMetrics text |
//!
//! There is no access control: whoever reaches the listener can read all of it, and change nothing.

mod health;
mod metrics;
mod series;
mod status;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::HostPort;
use crate::server::{Limits, bind_all};

pub use status::{Observed, Status};

/// Connections served at once; more wait to be accepted. Probes and scrapes need one or two.
const MOST_CONNECTIONS: usize = 32;

/// A connection brings one request and takes one answer, within this time.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

/// A pause after a failed accept: without descriptors (EMFILE) accepting fails at once, again and again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The HTTP listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP listener cannot be opened on {address}: {source}. Choose another address with --admin-listen")]
pub struct AdminBindError {
    address: String,
    #[source]
    source: io::Error,
}

/// The open listener. Dropping it closes it.
pub struct AdminServer {
    address: SocketAddr,
    status: Arc<Status>,
    /// One task a socket; dropping the set ends them.
    accepting: JoinSet<()>,
}

impl AdminServer {
    /// Opens the listener and answers for `status` on the current runtime.
    pub async fn start(at: &HostPort, status: Arc<Status>) -> Result<Self, AdminBindError> {
        let refused = |source| AdminBindError { address: at.to_string(), source };
        let sockets = bind_all(&at.host, at.port, &Limits::default()).await.map_err(refused)?;
        let none = || refused(io::ErrorKind::AddrNotAvailable.into());
        let address = sockets.first().ok_or_else(none)?.local_addr().map_err(refused)?;
        let (routes, places) = (routes(Arc::clone(&status)), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        let accepting = sockets.into_iter().map(|socket| accept(socket, routes.clone(), Arc::clone(&places))).collect();
        Ok(Self { address, status, accepting })
    }

    /// Where it listens, the first of several addresses; the port is the real one even when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more. Answers on their way are finished as long as the runtime runs.
    pub async fn shutdown(mut self) {
        self.accepting.shutdown().await;
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        // The broker is not kept alive, nor its directory locked, by a listener that is gone.
        self.status.goes_on("stopped");
    }
}

fn routes(status: Arc<Status>) -> Router {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::answer))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is /health/live, /health/ready and /metrics\n") })
        .with_state(status)
}

async fn accept(socket: TcpListener, routes: Router, places: Arc<Semaphore>) {
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match socket.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    serve(stream, routes).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, routes: Router) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    match tokio::time::timeout(CONNECTION_LIMIT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection broke"),
        Err(_) => tracing::debug!("an HTTP connection took too long and was closed"),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::RunningBroker;
    use crate::broker::Broker;
    use crate::config::{BrokerConfig, Setting, SettingSource};

    async fn get(server: &AdminServer, path: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: naru\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn start(data: &TempDir) -> RunningBroker {
        let data = data.path().to_string_lossy();
        let settings = [("listeners", "127.0.0.1:0"), ("log.dirs", &data)].map(|(name, value)| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            source: SettingSource::Override,
        });
        Broker::start(BrokerConfig::from_sources(settings).unwrap()).await.unwrap()
    }

    fn anywhere() -> HostPort {
        HostPort { host: "127.0.0.1".to_owned(), port: 0 }
    }

    #[tokio::test]
    async fn a_broker_that_recovers_is_alive_and_says_what_it_is_doing() {
        let status = Arc::new(Status::starting("recovering the logs"));
        let server = AdminServer::start(&anywhere(), Arc::clone(&status)).await.unwrap();
        assert!(get(&server, "/health/live").await.starts_with("HTTP/1.1 200"));
        let answer = get(&server, "/health/ready").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nstarting: recovering the logs\n"), "{answer}");
        assert!(get(&server, "/metrics").await.contains("\nnaru_ready 0\n"));
        status.goes_on("replaying groups and committed offsets");
        assert!(get(&server, "/health/ready").await.contains("replaying groups"));
    }

    #[tokio::test]
    async fn a_broker_that_stops_is_alive_and_not_ready() {
        let data = TempDir::new().unwrap();
        let running = start(&data).await;
        let status = Arc::new(Status::starting("starting"));
        status.serves(running.observed());
        let server = AdminServer::start(&anywhere(), status).await.unwrap();
        assert!(get(&server, "/health/ready").await.starts_with("HTTP/1.1 200"));
        running.broker().stopping.cancel();
        assert!(get(&server, "/health/ready").await.ends_with("\r\n\r\nstopping\n"));
        assert!(get(&server, "/health/live").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_listener_that_is_dropped_keeps_nothing_of_the_broker() {
        let data = TempDir::new().unwrap();
        let running = start(&data).await;
        let status = Arc::new(Status::starting("starting"));
        let server = AdminServer::start(&anywhere(), Arc::clone(&status)).await.unwrap();
        status.serves(running.observed());
        drop(server);
        assert!(status.observed().is_none());
    }
}
