//! `/metrics`: the numbers of all rooms as OpenMetrics text. What each of them means is in `docs/operations.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use crate::broker::{ApiTraffic, Broker};
use crate::group::GroupMeasure;
use crate::measure::LatencySummary;
use crate::metadata::MetadataImage;
use crate::process::{Process, wall_clock};

use super::series::Series;
use super::status::Observed;
use super::{Status, health};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn answer(State(status): State<Arc<Status>>) -> Response {
    let groups = match status.observed() {
        Some(observed) => Some(Groups::measure(&observed.broker).await),
        None => None,
    };
    // Looking at every partition takes its time when there are many.
    match tokio::task::spawn_blocking(move || render(&status, groups)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        failed => {
            tracing::warn!(?failed, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn render(status: &Status, groups: Option<Groups>) -> Result<String, fmt::Error> {
    let numbers = Numbers {
        ready: health::readiness(status).is_ok(),
        uptime: status.begun().elapsed(),
        process: Process::look(),
        broker: status.observed().map(|observed| BrokerNumbers::read(&observed)),
        groups,
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(numbers));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

/// Everything that one answer shows.
#[derive(Debug)]
struct Numbers {
    ready: bool,
    uptime: Duration,
    process: Process,
    /// Absent while the broker starts.
    broker: Option<BrokerNumbers>,
    groups: Option<Groups>,
}

#[derive(Debug)]
struct BrokerNumbers {
    by_api: BTreeMap<&'static str, ApiTraffic>,
    failures: BTreeMap<(&'static str, &'static str), u64>,
    flushes: LatencySummary,
    connections: usize,
    accepted: u64,
    refused: u64,
    request_bytes: usize,
    fetch_sessions: usize,
    fetch_session_partitions: usize,
    fetch_session_evictions: u64,
    topics: Topics,
}

impl BrokerNumbers {
    fn read(observed: &Observed) -> Self {
        let Observed { broker, data, load } = observed;
        Self {
            by_api: broker.traffic().by_api(),
            failures: broker.traffic().failures(),
            flushes: data.flushes().summary(),
            connections: load.connections(),
            accepted: load.accepted(),
            refused: load.refused(),
            request_bytes: load.request_bytes(),
            fetch_sessions: broker.fetch_sessions().len(),
            fetch_session_partitions: broker.fetch_sessions().partitions(),
            fetch_session_evictions: broker.fetch_sessions().evictions(),
            topics: Topics::measure(broker),
        }
    }
}

#[derive(Debug)]
struct Topics {
    topics: i64,
    partitions: i64,
    offline: usize,
    size_bytes: Series<1>,
    log_start: Series<2>,
    high_watermark: Series<2>,
    log_end: Series<2>,
}

impl Topics {
    fn measure(broker: &Broker) -> Self {
        let limit = series_limit(broker);
        let mut topics = Self {
            topics: 0,
            partitions: 0,
            offline: health::offline(broker).len(),
            size_bytes: Series::new(limit),
            log_start: Series::new(limit),
            high_watermark: Series::new(limit),
            log_end: Series::new(limit),
        };
        for topic in broker.metadata().image().topics() {
            topics.topics += 1;
            topics.partitions += i64::from(topic.partitions);
            for index in 0..topic.partitions {
                let Some(partition) = broker.partitions().get(&topic.id, index) else { continue };
                let log = partition.log();
                topics.size_bytes.add([&topic.name], log.size_bytes() as i64);
                let number = index.to_string();
                let labels = [&*topic.name, number.as_str()];
                topics.log_start.add(labels, log.log_start().0);
                topics.high_watermark.add(labels, partition.high_watermark().get().0);
                topics.log_end.add(labels, log.log_end().0);
            }
        }
        topics
    }
}

#[derive(Debug)]
struct Groups {
    by_state: BTreeMap<&'static str, i64>,
    members: Series<1>,
    lag: Series<2>,
}

impl Groups {
    async fn measure(broker: &Broker) -> Self {
        let limit = series_limit(broker);
        let mut groups = Self { by_state: BTreeMap::new(), members: Series::new(limit), lag: Series::new(limit) };
        let image = broker.metadata().image();
        broker.groups().measure(|group| groups.add(broker, &image, group)).await;
        groups
    }

    fn add(&mut self, broker: &Broker, image: &MetadataImage, group: &GroupMeasure<'_>) {
        *self.by_state.entry(group.state.name()).or_default() += 1;
        self.members.add([group.group], group.members as i64);
        for (topic, offsets) in group.topics() {
            // Offsets of a topic that is gone are about to go, too.
            let Some(known) = image.topic(topic) else { continue };
            let lag = offsets.iter().filter_map(|(index, committed)| {
                let partition = broker.partitions().get(&known.id, *index)?;
                Some((partition.high_watermark().get().0 - committed.offset).max(0))
            });
            self.lag.add([group.group, topic], lag.sum());
        }
    }
}

fn series_limit(broker: &Broker) -> usize {
    broker.config().admin_metrics_max_series as usize
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut families = Families(encoder);
        self.write_process(&mut families)?;
        if let Some(broker) = &self.broker {
            broker.write_requests(&mut families)?;
            broker.write_server(&mut families)?;
            broker.topics.write(&mut families)?;
        }
        self.groups.as_ref().map_or(Ok(()), |groups| groups.write(&mut families))
    }
}

impl Numbers {
    fn write_process(&self, families: &mut Families) -> fmt::Result {
        let uptime = self.uptime.as_secs_f64();
        families.info("naru_build", "This build.", [("version", env!("CARGO_PKG_VERSION"))])?;
        families.gauge("naru_ready", "Whether clients can be served.", i64::from(self.ready))?;
        families.float_gauge("naru_uptime_seconds", "Time since the start began.", uptime)?;
        families.float_gauge(
            "process_start_time_seconds",
            "When the process started, since 1970.",
            wall_clock() - uptime,
        )?;
        families.counter_seconds("process_cpu_seconds", "Processor time of all threads.", self.process.cpu)?;
        let resident = self.process.resident_bytes as i64;
        families.gauge("process_resident_memory_bytes", "Memory in use, mapped segments included.", resident)?;
        families.gauge("process_open_fds", "Open files and connections.", self.process.descriptors as i64)
    }
}

impl BrokerNumbers {
    fn write_requests(&self, families: &mut Families) -> fmt::Result {
        let by_api = |number: fn(&ApiTraffic) -> u64| {
            self.by_api.iter().map(move |(api, traffic)| ([("api", *api)], number(traffic)))
        };
        families.counters("naru_requests", "Requests served.", by_api(|api| api.latency.count()))?;
        families.counters("naru_request_bytes", "Bytes of requests.", by_api(|api| api.request_bytes))?;
        families.counters("naru_response_bytes", "Bytes of responses.", by_api(|api| api.response_bytes))?;
        families.counters(
            "naru_request_errors",
            "Requests that failed, by the first error code in the response.",
            self.failures.iter().map(|((api, error), count)| ([("api", *api), ("error", *error)], *count)),
        )?;
        families.latencies(
            "naru_request_duration_seconds",
            "From the last byte of a request to its whole response, waiting included.",
            self.by_api.iter().map(|(api, traffic)| ([("api", *api)], &traffic.latency)),
        )
    }

    fn write_server(&self, families: &mut Families) -> fmt::Result {
        families.latency("naru_flush_duration_seconds", "Flushes of a log to stable storage.", &self.flushes)?;
        families.gauge("naru_connections", "Connections open.", self.connections as i64)?;
        families.counter("naru_connections_accepted", "Connections let in.", self.accepted)?;
        families.counter("naru_connections_refused", "Connections turned away at a limit.", self.refused)?;
        families.gauge("naru_queued_request_bytes", "Bytes of requests in memory.", self.request_bytes as i64)?;
        families.gauge("naru_fetch_sessions", "Fetch sessions kept.", self.fetch_sessions as i64)?;
        families.gauge(
            "naru_fetch_session_partitions",
            "Partitions of all fetch sessions.",
            self.fetch_session_partitions as i64,
        )?;
        families.counter(
            "naru_fetch_session_evictions",
            "Fetch sessions that made room for another one.",
            self.fetch_session_evictions,
        )
    }
}

impl Topics {
    fn write(&self, families: &mut Families) -> fmt::Result {
        families.gauge("naru_topics", "Topics, the broker's own included.", self.topics)?;
        families.gauge("naru_partitions", "Partitions of all topics.", self.partitions)?;
        families.gauge("naru_partitions_offline", "Partitions that take no records.", self.offline as i64)?;
        families.series("naru_topic_size_bytes", "Bytes of record batches.", ["topic"], &self.size_bytes)?;
        let labels = ["topic", "partition"];
        families.series("naru_partition_log_start_offset", "The first offset.", labels, &self.log_start)?;
        families.series("naru_partition_high_watermark", "Below it, readers see.", labels, &self.high_watermark)?;
        families.series("naru_partition_log_end_offset", "The next record's offset.", labels, &self.log_end)
    }
}

impl Groups {
    fn write(&self, families: &mut Families) -> fmt::Result {
        let by_state = self.by_state.iter().map(|(state, groups)| ([("state", *state)], *groups));
        families.gauges("naru_groups", "Groups by state.", by_state)?;
        families.series("naru_group_members", "Members of a group.", ["group"], &self.members)?;
        families.series(
            "naru_group_lag",
            "Records between committed offsets and high watermarks, over all partitions of a topic.",
            ["group", "topic"],
            &self.lag,
        )
    }
}

type Labels<'a, const N: usize> = [(&'a str, &'a str); N];

/// Writes metric families.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn begin(&mut self, name: &'static str, help: &str, kind: MetricType) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn info(&mut self, name: &'static str, help: &str, labels: Labels<'_, 1>) -> fmt::Result {
        self.begin(name, help, MetricType::Info)?.encode_info(&labels)
    }

    fn gauge(&mut self, name: &'static str, help: &str, value: i64) -> fmt::Result {
        self.begin(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn float_gauge(&mut self, name: &'static str, help: &str, value: f64) -> fmt::Result {
        self.begin(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        values: impl Iterator<Item = (Labels<'l, N>, i64)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Gauge)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn series<const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        labels: [&str; N],
        series: &Series<N>,
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Gauge)?;
        for (values, value) in series.iter() {
            let labels: Labels<'_, N> = std::array::from_fn(|at| (labels[at], values[at]));
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &'static str, help: &str, value: u64) -> fmt::Result {
        self.begin(name, help, MetricType::Counter)?.encode_counter(&value, NO_EXEMPLAR)
    }

    fn counter_seconds(&mut self, name: &'static str, help: &str, value: Duration) -> fmt::Result {
        self.begin(name, help, MetricType::Counter)?.encode_counter(&value.as_secs_f64(), NO_EXEMPLAR)
    }

    fn counters<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        values: impl Iterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Counter)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_counter(&value, NO_EXEMPLAR)?;
        }
        Ok(())
    }

    fn latency(&mut self, name: &'static str, help: &str, latency: &LatencySummary) -> fmt::Result {
        encode_latency(&mut self.begin(name, help, MetricType::Histogram)?, latency)
    }

    fn latencies<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        values: impl Iterator<Item = (Labels<'l, N>, &'l LatencySummary)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Histogram)?;
        for (labels, latency) in values {
            encode_latency(&mut encoder.encode_family(&labels)?, latency)?;
        }
        Ok(())
    }
}

const NO_EXEMPLAR: Option<&Exemplar<Labels<'static, 0>, u64>> = None;

fn encode_latency(encoder: &mut MetricEncoder, latency: &LatencySummary) -> fmt::Result {
    let buckets: Vec<(f64, u64)> = latency.buckets().collect();
    encoder.encode_histogram::<Labels<'static, 0>>(latency.seconds(), latency.count(), &buckets, None)
}
