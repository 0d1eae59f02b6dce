//! What came out, for people and for programs.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use super::latencies::Percentiles;
use super::workload::{Workload, acks_property};
use crate::process::Usage;

/// From this share of the cores on, the client itself may be what limits the figures.
const SATURATED: f64 = 0.9;

/// The outcome of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `produce`, `consume` or `latency`.
    pub run: &'static str,
    /// What was asked of the broker.
    pub load: Load,
    /// Records that were acknowledged or received within the measured time.
    pub records: u64,
    /// Records that failed, with the first reason.
    pub failed: u64,
    /// Why the first of them failed.
    pub first_failure: Option<String>,
    /// The measured time, in seconds.
    pub seconds: f64,
    /// Records a second.
    pub records_per_second: f64,
    /// Values in MiB a second.
    pub mib_per_second: f64,
    /// How long records took, if the run has that.
    pub latency_ms: Option<Latency>,
    /// What the broker used, if its process is known.
    pub broker: Option<BrokerUsage>,
    /// What this process used.
    pub client: ClientUsage,
}

/// How long records took, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// From when to when.
    pub of: &'static str,
    /// How it is distributed.
    #[serde(flatten)]
    pub percentiles: Percentiles,
}

/// The workload as it is told.
#[derive(Clone, Debug, Serialize)]
pub struct Load {
    record_size: usize,
    partitions: i32,
    acks: &'static str,
    codec: &'static str,
    clients: usize,
    records_per_second: Option<f64>,
}

/// What the broker used during the measured time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BrokerUsage {
    /// Processor seconds.
    pub cpu_seconds: f64,
    /// Processor seconds for each GiB of values.
    pub cpu_seconds_per_gib: f64,
    /// The most memory it ever had resident, in MiB.
    pub peak_mib: f64,
}

/// What the clients used during the measured time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClientUsage {
    /// Processor seconds.
    pub cpu_seconds: f64,
    /// Processor seconds for each million records.
    pub cpu_seconds_per_million: f64,
    /// Cores that were busy on average.
    pub cores_busy: f64,
    /// Cores that this process may use.
    pub cores: usize,
    /// Whether the clients, not the broker, may be the limit.
    pub saturated: bool,
}

/// What was counted, before it is put into proportion.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Records that went well.
    pub records: u64,
    /// Records that did not.
    pub failed: u64,
    /// Why the first did not.
    pub first_failure: Option<String>,
    /// The measured time.
    pub elapsed: Duration,
}

impl Counted {
    /// Adds what another has counted.
    pub(super) fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.failed += other.failed;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
    }

    /// Counts a record that did not go well.
    pub(super) fn failure(&mut self, why: &impl fmt::Display) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(|| why.to_string());
    }
}

impl Load {
    /// As it is told.
    pub fn of(workload: &Workload) -> Self {
        Self {
            record_size: workload.record_size,
            partitions: workload.partitions,
            acks: acks_property(workload.acks),
            codec: workload.codec.name(),
            clients: workload.clients,
            records_per_second: workload.rate,
        }
    }
}

impl Report {
    /// Puts what was counted into proportion. `own` and `broker` are the usages before and after.
    pub fn new(
        run: &'static str,
        workload: &Workload,
        counted: Counted,
        latency_ms: Option<Latency>,
        own: (Usage, Usage),
        broker: Option<(Usage, Usage)>,
    ) -> Self {
        let seconds = counted.elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let bytes = counted.records as f64 * workload.record_size as f64;
        let spent = |(before, after): (Usage, Usage)| after.cpu.saturating_sub(before.cpu).as_secs_f64();
        let cpu_seconds = spent(own);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores_busy = cpu_seconds / seconds;
        let client = ClientUsage {
            cpu_seconds,
            cpu_seconds_per_million: cpu_seconds * 1e6 / (counted.records.max(1) as f64),
            cores_busy,
            cores,
            // Another process on the same machine needs a core, too.
            saturated: cores_busy >= SATURATED * (cores as f64 - f64::from(broker.is_some())).max(1.0),
        };
        let broker = broker.map(|usages| BrokerUsage {
            cpu_seconds: spent(usages),
            cpu_seconds_per_gib: spent(usages) * f64::from(1 << 30) / bytes.max(1.0),
            peak_mib: usages.1.peak_rss as f64 / f64::from(1 << 20),
        });
        Self {
            run,
            load: Load::of(workload),
            records: counted.records,
            failed: counted.failed,
            first_failure: counted.first_failure,
            seconds,
            records_per_second: counted.records as f64 / seconds,
            mib_per_second: bytes / seconds / f64::from(1 << 20),
            latency_ms,
            broker,
            client,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record_size, partitions, acks, codec, clients, records_per_second } = self;
        let plural = if *clients == 1 { "" } else { "s" };
        write!(
            f,
            "{record_size} B records, {partitions} partitions, acks={acks}, codec {codec}, {clients} client{plural}"
        )?;
        records_per_second.map_or(Ok(()), |rate| write!(f, ", {} records/s asked for", grouped(rate)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8} {}", self.run, self.load)?;
        writeln!(
            f,
            "  through  {} records/s, {:.1} MiB/s ({} records in {:.1} s)",
            grouped(self.records_per_second),
            self.mib_per_second,
            grouped(self.records as f64),
            self.seconds
        )?;
        if let Some(Latency { of, percentiles }) = &self.latency_ms {
            let Percentiles { p50, p90, p99, p999, max, .. } = percentiles;
            writeln!(f, "  latency  p50 {p50:.2}, p90 {p90:.2}, p99 {p99:.2}, p99.9 {p999:.2}, max {max:.2} ms, {of}")?;
        }
        if let Some(BrokerUsage { cpu_seconds_per_gib, peak_mib, cpu_seconds }) = self.broker {
            writeln!(
                f,
                "  broker   {cpu_seconds_per_gib:.2} CPU-s/GiB ({cpu_seconds:.2} s), peak {peak_mib:.0} MiB resident"
            )?;
        }
        let ClientUsage { cpu_seconds_per_million, cores_busy, cores, saturated, .. } = self.client;
        let verdict = if saturated { "the client may be the limit" } else { "not the limit" };
        writeln!(
            f,
            "  client   {cpu_seconds_per_million:.2} CPU-s per million records, {cores_busy:.1} of {cores} cores busy: {verdict}"
        )?;
        if self.failed > 0 {
            let reason = self.first_failure.as_deref().unwrap_or("no reason given");
            writeln!(f, "  FAILED   {} records; the first: {reason}", grouped(self.failed as f64))?;
        }
        Ok(())
    }
}

/// A whole number in groups of three digits.
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        let _ = text.write_char(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(cpu_ms: u64) -> Usage {
        Usage { cpu: Duration::from_millis(cpu_ms), peak_rss: 32 << 20 }
    }

    fn report(failed: u64, own_ms: u64) -> Report {
        let workload = Workload { record_size: 1024, rate: Some(1e6), ..Workload::default() };
        let first_failure = (failed > 0).then(|| "the disk is full".to_owned());
        let counted = Counted { records: 1 << 20, failed, first_failure, elapsed: Duration::from_secs(2) };
        let percentiles = Percentiles { p50: 1.0, p90: 2.0, p99: 3.0, p999: 4.0, max: 5.25, mean: 1.5 };
        let latency = Latency { of: "until acknowledged", percentiles };
        let (own, broker) = ((usage(0), usage(own_ms)), Some((usage(100), usage(1600))));
        Report::new("produce", &workload, counted, Some(latency), own, broker)
    }

    #[test]
    fn the_summary_says_everything_that_matters() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(
            report(0, 500).to_string(),
            format!(
                "produce  1024 B records, 6 partitions, acks=all, codec none, 1 client, 1 000 000 records/s asked for\n\
                 \x20 through  524 288 records/s, 512.0 MiB/s (1 048 576 records in 2.0 s)\n\
                 \x20 latency  p50 1.00, p90 2.00, p99 3.00, p99.9 4.00, max 5.25 ms, until acknowledged\n\
                 \x20 broker   1.50 CPU-s/GiB (1.50 s), peak 32 MiB resident\n\
                 \x20 client   0.48 CPU-s per million records, 0.2 of {cores} cores busy: not the limit\n"
            )
        );
    }

    #[test]
    fn a_program_finds_the_percentiles_by_name() {
        let json = serde_json::to_value(report(0, 500)).unwrap();
        assert_eq!(json["latency_ms"]["p99"], 3.0);
        assert_eq!(json["latency_ms"]["of"], "until acknowledged");
    }

    #[test]
    fn failures_and_saturation_are_said() {
        let text = report(3, 1_000_000).to_string();
        assert!(text.contains("the client may be the limit"), "{text}");
        assert!(text.ends_with("FAILED   3 records; the first: the disk is full\n"), "{text}");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0.0, "0"), (999.4, "999"), (1000.0, "1 000"), (1_234_567.0, "1 234 567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
