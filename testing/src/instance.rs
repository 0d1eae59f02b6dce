//! One run of a broker, from its start to its end, on threads of its own.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use naru_broker::config::BrokerConfig;
use naru_broker::{Broker, RunningBroker, StartError, StopError};
use tokio::sync::oneshot;

/// Threads that serve connections: two, so that requests can overtake each other as they do in production.
const SERVING_THREADS: usize = 2;

/// A killed broker's blocking calls get so long to end; they take milliseconds unless the disk hangs.
const BLOCKING_CALLS: Duration = Duration::from_secs(10);

/// Drop waits at most so long. Only a disk that hangs makes it more than milliseconds.
const DROP: Duration = Duration::from_secs(1);

/// How a broker ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Requests in flight are answered, logs are closed.
    Orderly,
    /// As SIGKILL would.
    Kill,
}

/// A broker that runs. Dropping it kills the broker.
#[derive(Debug)]
pub(crate) struct Instance {
    end: Option<oneshot::Sender<Ending>>,
    ended: oneshot::Receiver<Result<(), StopError>>,
    /// Disconnected when the broker's threads have gone.
    gone: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    /// Starts a broker; returns when it listens.
    pub(crate) async fn start(config: BrokerConfig) -> Result<Self, StartError> {
        let (started, start) = oneshot::channel();
        let (end, ending) = oneshot::channel();
        let (end_reached, ended) = oneshot::channel();
        let (alive, gone) = mpsc::channel();
        let thread = std::thread::Builder::new().name("naru-test-broker".into()).spawn(move || {
            let outcome = run(config, started, ending);
            // Whoever asked may have stopped waiting.
            let _ = end_reached.send(outcome);
            drop(alive);
        });
        let thread = Some(thread.expect("a thread for the broker"));
        let instance = Self { end: Some(end), ended, gone, thread };
        start.await.unwrap_or(Err(StartError::Interrupted))?;
        Ok(instance)
    }

    /// Ends the broker; returns when its data directory is free. It ends as well if the caller stops waiting.
    pub(crate) async fn end(mut self, how: Ending) -> Result<(), StopError> {
        self.tell(how);
        // Without an answer the broker's thread has panicked, and has said so.
        (&mut self.ended).await.unwrap_or(Ok(()))
    }

    fn tell(&mut self, how: Ending) {
        if let Some(end) = self.end.take() {
            let _ = end.send(how);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.tell(Ending::Kill);
        // The broker needs nothing of the caller's runtime for its end, so this cannot be a deadlock.
        if self.gone.recv_timeout(DROP) == Err(mpsc::RecvTimeoutError::Disconnected)
            && let Some(thread) = self.thread.take()
        {
            // A panic has been printed already, and this may run while another one unwinds.
            let _ = thread.join();
        }
    }
}

fn run(
    config: BrokerConfig,
    started: oneshot::Sender<Result<(), StartError>>,
    ending: oneshot::Receiver<Ending>,
) -> Result<(), StopError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVING_THREADS)
        .thread_name("naru-test-broker")
        .enable_all()
        .build()
        .expect("a runtime for the broker");
    let killed: Result<Option<RunningBroker>, StopError> = runtime.block_on(async {
        let broker = match Broker::start(config).await {
            Ok(broker) => broker,
            Err(error) => {
                let _ = started.send(Err(error));
                return Ok(None);
            }
        };
        let _ = started.send(Ok(()));
        match ending.await {
            Ok(Ending::Orderly) => broker.shutdown().await.map(|()| None),
            Ok(Ending::Kill) | Err(_) => Ok(Some(broker)),
        }
    });
    // First every task, wherever it is: connections close with what they have not answered. Then the storage engine, which
    // forgets what it was asked to flush and frees the directory.
    runtime.shutdown_timeout(BLOCKING_CALLS);
    killed.map(drop)
}
