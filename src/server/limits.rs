//! Every bound that the server puts on its clients.

use std::sync::Arc;
use std::time::Duration;

use super::Admission;
use crate::config::ConnectionLimits;

/// Longer than any connection lasts, and short enough to be added to a clock.
const FOREVER: Duration = Duration::from_hours(100 * 365 * 24);

/// Bounds on connections, frames and waiting. The fields that Kafka has a name for carry that name's default.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest request, in bytes without its length prefix (`socket.request.max.bytes`).
    pub max_frame_bytes: usize,
    /// Bytes of requests, half arrived ones included, that all connections together may hold (`queued.max.request.bytes`).
    pub max_request_bytes: usize,
    /// Requests of one connection that may wait for their answers at a time.
    pub max_pipelined_requests: usize,
    /// Bytes of requests of one connection that may wait for their answers at a time; one larger request is let in alone.
    pub max_pipelined_bytes: usize,
    /// Bytes of responses waiting for a slow reader beyond which no further request of that connection is applied.
    pub max_output_bytes: usize,
    /// Connections that may wait to be accepted (`socket.listen.backlog.size`).
    pub backlog: u32,
    /// Receive buffer of a connection (`socket.receive.buffer.bytes`); `None` leaves it to the system.
    pub receive_buffer_bytes: Option<u32>,
    /// Send buffer of a connection (`socket.send.buffer.bytes`); `None` leaves it to the system.
    pub send_buffer_bytes: Option<u32>,
    /// Connections of all listeners together, and from one address (`max.connections`, `max.connections.per.ip`).
    pub admission: Arc<Admission>,
    /// A connection with nothing to do is closed after this time (`connections.max.idle.ms`).
    pub idle: Duration,
    /// Every 64 KiB of a frame that has begun, and its end, must arrive within this time.
    pub frame_progress: Duration,
    /// A client that takes nothing of its responses for this time is closed. Long by default: a consumer that is not in a
    /// group reads its socket only when the application polls.
    pub write_progress: Duration,
    /// Time for answers that are still due after the client has half closed, or after shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: 100 << 20,
            max_request_bytes: 256 << 20,
            max_pipelined_requests: 256,
            max_pipelined_bytes: 16 << 20,
            max_output_bytes: 1 << 20,
            backlog: 1024,
            receive_buffer_bytes: None,
            send_buffer_bytes: None,
            admission: Arc::default(),
            idle: Duration::from_mins(10),
            frame_progress: Duration::from_secs(30),
            write_progress: Duration::from_mins(10),
            drain: Duration::from_secs(5),
        }
    }
}

impl From<&ConnectionLimits> for Limits {
    fn from(config: &ConnectionLimits) -> Self {
        let usual = Self::default();
        Self {
            max_frame_bytes: config.socket_request_max_bytes as usize,
            max_request_bytes: config
                .queued_max_request_bytes
                .map_or(usual.max_request_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            backlog: config.socket_listen_backlog_size,
            receive_buffer_bytes: config.socket_receive_buffer_bytes,
            send_buffer_bytes: config.socket_send_buffer_bytes,
            admission: Arc::new(Admission::new(
                config.max_connections as usize,
                config.max_connections_per_ip as usize,
            )),
            // Kafka takes a negative time as none at all.
            idle: u64::try_from(config.connections_max_idle_ms).map_or(FOREVER, Duration::from_millis).min(FOREVER),
            ..usual
        }
    }
}
