//! A broker of one's own, for a run that needs nothing else.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use naru_client::raw::Connection;

/// A broker starts in milliseconds; one that takes this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of this program that serves on a free port of the loopback interface. Killed when dropped.
pub struct OwnBroker {
    process: Child,
    address: String,
}

impl OwnBroker {
    /// Starts it with its data below `directory` and waits until it answers. `settings` are Kafka's, as `name=value`.
    pub async fn start(directory: &Path, settings: &[&str]) -> io::Result<Self> {
        // Another program could take the port in between; then the broker says so, and the user runs this again.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--data-dir").arg(directory).args(["--listen", &address]);
        for setting in settings {
            command.args(["-X", setting]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut broker = Self { process, address };
        broker.answers().await?;
        Ok(broker)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn answers(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while Connection::connect(&self.address).await.is_err() {
            if let Some(status) = self.process.try_wait()? {
                return Err(io::Error::other(format!("the broker of this run ended at once ({status})")));
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("the broker of this run did not answer"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        // Its data is thrown away, so nothing is lost by a kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
