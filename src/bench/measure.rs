//! What the processes used during the measured time.

use std::time::Instant;

use super::report::{Counted, Latency, Report};
use super::{BenchError, Phases, Workload};
use crate::process::Usage;

/// The usages at both ends of the measured time.
pub(super) struct Measure {
    own: (Usage, Usage),
    broker: Option<(Usage, Usage)>,
}

impl Measure {
    /// Waits for both ends, and looks.
    pub(super) async fn between(workload: &Workload, begun: Instant, phases: Phases) -> Result<Self, BenchError> {
        tokio::time::sleep_until((begun + phases.warm_up).into()).await;
        let before = look(workload)?;
        tokio::time::sleep_until((begun + phases.end).into()).await;
        Ok(Self::of(before, look(workload)?))
    }

    /// From two looks.
    pub(super) fn of(before: Look, after: Look) -> Self {
        Self { own: (before.own, after.own), broker: before.broker.zip(after.broker) }
    }

    pub(super) fn report(
        self,
        run: &'static str,
        workload: &Workload,
        counted: Counted,
        latency: Option<Latency>,
    ) -> Report {
        Report::new(run, workload, counted, latency, self.own, self.broker)
    }
}

/// The usages at one moment.
#[derive(Clone, Copy)]
pub(super) struct Look {
    own: Usage,
    broker: Option<Usage>,
}

/// Looks at this process and, if it is known, at the broker's.
pub(super) fn look(workload: &Workload) -> Result<Look, BenchError> {
    let own = Usage::of(std::process::id()).map_err(|error| BenchError::System(error.to_string()))?;
    let broker = workload.broker_pid.map(|pid| {
        Usage::of(pid)
            .map_err(|error| BenchError::System(format!("the broker's process {pid} cannot be looked at: {error}")))
    });
    Ok(Look { own, broker: broker.transpose()? })
}
