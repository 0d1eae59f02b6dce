//! Requests served, counted by API.
//!
//! Connections share a few sets of numbers, so that threads rarely write to the same cache line; reading adds the sets up.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use naru_protocol::ApiKey;
use parking_lot::Mutex;

use crate::measure::{Counter, Latency, LatencySummary};

/// A power of two, so that a connection finds its set without a division.
const SETS: usize = 4;

/// APIs have lower numbers; whatever claims a higher one counts as unknown.
const KEYS: usize = 128;

/// Stands for everything that is no API of Kafka's.
const UNKNOWN: &str = "(unknown)";

/// A request that is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The API key of its header, whether there is such an API or not.
    pub api_key: i16,
    /// Its length on the wire.
    pub request_bytes: usize,
    /// The length of the response; 0 when there is none.
    pub response_bytes: usize,
    /// Why it failed: the name of the first error code in the response, or [`Served::CLOSED`].
    pub failure: Option<&'static str>,
    /// From the last byte of the request to the whole response, waiting included.
    pub took: Duration,
}

impl Served {
    /// The failure of a request that could only be answered by closing the connection.
    pub const CLOSED: &'static str = "(connection closed)";
}

/// The counts of a broker.
#[derive(Default)]
pub struct Traffic {
    sets: [Set; SETS],
    /// Behind a lock: failures are not the hot path, and only those that occur take room.
    failures: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

/// Numbers by API key; an API takes room from its first request on.
struct Set([OnceLock<Box<Counts>>; KEYS]);

impl Default for Set {
    fn default() -> Self {
        Self([const { OnceLock::new() }; KEYS])
    }
}

#[derive(Default)]
#[repr(align(64))]
struct Counts {
    latency: Latency,
    request_bytes: Counter,
    response_bytes: Counter,
}

/// The numbers of one API at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiTraffic {
    /// How long its requests took, and how many there were.
    pub latency: LatencySummary,
    /// Bytes of all requests.
    pub request_bytes: u64,
    /// Bytes of all responses.
    pub response_bytes: u64,
}

impl Traffic {
    /// Counts a request of this connection.
    pub fn record(&self, connection: u64, served: &Served) {
        let key = usize::try_from(served.api_key).map_or(KEYS - 1, |key| key.min(KEYS - 1));
        let counts = self.sets[connection as usize % SETS].0[key].get_or_init(Box::default);
        counts.latency.record(served.took);
        counts.request_bytes.add(served.request_bytes as u64);
        counts.response_bytes.add(served.response_bytes as u64);
        if let Some(failure) = served.failure {
            *self.failures.lock().entry((name(key), failure)).or_default() += 1;
        }
    }

    /// The numbers by the API's name. APIs that nobody asked for are left out.
    pub fn by_api(&self) -> BTreeMap<&'static str, ApiTraffic> {
        let mut apis: BTreeMap<&'static str, ApiTraffic> = BTreeMap::new();
        for (key, counts) in self.sets.iter().flat_map(|set| set.0.iter().enumerate()) {
            let Some(counts) = counts.get() else { continue };
            let api = apis.entry(name(key)).or_default();
            api.latency.add(&counts.latency.summary());
            api.request_bytes += counts.request_bytes.get();
            api.response_bytes += counts.response_bytes.get();
        }
        apis
    }

    /// How many requests failed, by API and [`Served::failure`].
    pub fn failures(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.failures.lock().clone()
    }
}

fn name(key: usize) -> &'static str {
    i16::try_from(key).ok().and_then(|key| ApiKey::try_from(key).ok()).map_or(UNKNOWN, ApiKey::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(api_key: i16) -> Served {
        Served { api_key, request_bytes: 100, response_bytes: 10, failure: None, took: Duration::from_millis(1) }
    }

    #[test]
    fn the_requests_of_all_connections_are_added_up_by_api() {
        let traffic = Traffic::default();
        for connection in 0..10 {
            traffic.record(connection, &served(ApiKey::Produce as i16));
        }
        traffic.record(3, &served(ApiKey::Fetch as i16));
        let apis = traffic.by_api();
        assert_eq!(apis.keys().copied().collect::<Vec<_>>(), ["Fetch", "Produce"]);
        let produce = &apis["Produce"];
        assert_eq!((produce.latency.count(), produce.request_bytes, produce.response_bytes), (10, 1_000, 100));
    }

    #[test]
    fn whatever_is_no_api_is_counted_under_one_name() {
        let traffic = Traffic::default();
        for key in [-1, i16::MIN, 120, i16::MAX] {
            traffic.record(0, &Served { failure: Some(Served::CLOSED), ..served(key) });
        }
        assert_eq!(traffic.by_api()[UNKNOWN].latency.count(), 4);
        assert_eq!(traffic.failures(), [((UNKNOWN, Served::CLOSED), 4)].into());
    }
}
