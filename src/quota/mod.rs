//! Keeping clients to their quotas: what each one used is measured, and who is above his bound is told how long to be silent.
//!
//! What the quotas are stands in the metadata ([`ClientQuotas`]); what a pause means is known to the server. Nothing here
//! knows a clock: the time is an argument, in milliseconds since an arbitrary start.

mod accounts;
mod rate;
mod token_bucket;

use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::QuotaSettings;
use crate::metadata::{Applicable, ClientQuotas, QuotaKey};

use accounts::Accounts;
use rate::WindowedRate;
use token_bucket::TokenBucket;

pub use rate::Window;

/// Who is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The client id; empty if the client has none.
    pub id: &'a str,
}

/// What everybody used lately. Only those who have a quota are measured.
pub struct Usage {
    window: Window,
    mutation_window: Window,
    produced: Mutex<Accounts<WindowedRate>>,
    fetched: Mutex<Accounts<WindowedRate>>,
    worked: Mutex<Accounts<WindowedRate>>,
    mutated: Mutex<Accounts<TokenBucket>>,
    connected: Mutex<Accounts<WindowedRate>>,
}

impl Usage {
    /// Nobody used anything yet.
    pub fn new(settings: &QuotaSettings) -> Self {
        Self {
            window: Window { samples: settings.window_num, sample_ms: u64::from(settings.window_size_seconds) * 1000 },
            mutation_window: Window {
                samples: settings.controller_window_num,
                sample_ms: u64::from(settings.controller_window_size_seconds) * 1000,
            },
            produced: Mutex::default(),
            fetched: Mutex::default(),
            worked: Mutex::default(),
            mutated: Mutex::default(),
            connected: Mutex::default(),
        }
    }

    /// Counts a Produce request of so many bytes; the pause that brings its client back to its bound.
    pub fn produce(&self, quotas: &ClientQuotas, client: Client<'_>, bytes: usize, now_ms: u64) -> Duration {
        self.measure(&self.produced, QuotaKey::ProducerByteRate, quotas, client, bytes as f64, now_ms)
    }

    /// Counts a Fetch response of so many bytes. With a pause it must not be sent, and is not counted.
    pub fn fetch(&self, quotas: &ClientQuotas, client: Client<'_>, bytes: usize, now_ms: u64) -> Duration {
        let pause = self.measure(&self.fetched, QuotaKey::ConsumerByteRate, quotas, client, bytes as f64, now_ms);
        if !pause.is_zero() {
            self.unfetch(quotas, client, bytes, now_ms);
        }
        pause
    }

    /// Takes back a Fetch response that was counted and is not sent.
    pub fn unfetch(&self, quotas: &ClientQuotas, client: Client<'_>, bytes: usize, now_ms: u64) {
        self.measure(&self.fetched, QuotaKey::ConsumerByteRate, quotas, client, -(bytes as f64), now_ms);
    }

    /// The most bytes that a Fetch response to this client may have: what its quota lets through in a whole window.
    pub fn fetch_limit(&self, quotas: &ClientQuotas, client: Client<'_>) -> Option<usize> {
        let quota = quotas.of_client(QuotaKey::ConsumerByteRate, client.user, client.id)?;
        Some((quota.bound * self.window.least_seconds()) as usize)
    }

    /// Counts the time that a request took; the pause that brings its client back to its share, one sample at most.
    pub fn work(&self, quotas: &ClientQuotas, client: Client<'_>, took: Duration, now_ms: u64) -> Duration {
        let percent = took.as_secs_f64() * 100.0;
        let pause = self.measure(&self.worked, QuotaKey::RequestPercentage, quotas, client, percent, now_ms);
        pause.min(Duration::from_millis(self.window.sample_ms))
    }

    /// Counts partitions that are created or deleted. `Err` is the pause of a client that had used up its quota before;
    /// then nothing is counted. A request may go beyond the bound, the next one pays for it.
    pub fn mutate(
        &self,
        quotas: &ClientQuotas,
        client: Client<'_>,
        partitions: u32,
        now_ms: u64,
    ) -> Result<(), Duration> {
        let Some(quota) = quotas.of_client(QuotaKey::ControllerMutationRate, client.user, client.id) else {
            return Ok(());
        };
        let mut accounts = self.mutated.lock();
        let window = self.mutation_window;
        let bucket = account(&mut accounts, quota, client, |bucket: &TokenBucket| bucket.is_idle(window, now_ms));
        let debt = bucket.debt(window, quota.bound, now_ms);
        if !debt.is_zero() {
            return Err(debt);
        }
        bucket.take(window, quota.bound, f64::from(partitions), now_ms);
        Ok(())
    }

    /// How long a client has to wait that owes partitions; see [`Usage::mutate`].
    pub fn mutation_debt(&self, quotas: &ClientQuotas, client: Client<'_>, now_ms: u64) -> Duration {
        let Some(quota) = quotas.of_client(QuotaKey::ControllerMutationRate, client.user, client.id) else {
            return Duration::ZERO;
        };
        let mut accounts = self.mutated.lock();
        let window = self.mutation_window;
        account(&mut accounts, quota, client, |bucket: &TokenBucket| bucket.is_idle(window, now_ms)).debt(
            window,
            quota.bound,
            now_ms,
        )
    }

    /// Counts a connection. With a pause, one sample at most, it must be closed when that is over, and is not counted.
    pub fn connect(&self, quotas: &ClientQuotas, address: IpAddr, now_ms: u64) -> Duration {
        let address = address.to_canonical().to_string();
        let Some(bound) = quotas.of_ip(&address) else { return Duration::ZERO };
        let mut accounts = self.connected.lock();
        let window = self.window;
        let rate = accounts.of(None, Some(&address), |rate| rate.is_idle(window, now_ms));
        rate.record(window, 1.0, now_ms);
        let pause = rate.pause(window, bound, now_ms);
        if !pause.is_zero() {
            rate.record(window, -1.0, now_ms);
        }
        pause.min(Duration::from_millis(window.sample_ms))
    }

    fn measure(
        &self,
        accounts: &Mutex<Accounts<WindowedRate>>,
        key: QuotaKey,
        quotas: &ClientQuotas,
        client: Client<'_>,
        amount: f64,
        now_ms: u64,
    ) -> Duration {
        let Some(quota) = quotas.of_client(key, client.user, client.id) else { return Duration::ZERO };
        let mut accounts = accounts.lock();
        let window = self.window;
        let rate = account(&mut accounts, quota, client, |rate: &WindowedRate| rate.is_idle(window, now_ms));
        rate.record(window, amount, now_ms);
        rate.pause(window, quota.bound, now_ms)
    }
}

/// The account of those who share this quota with the client.
fn account<'a, A: Default>(
    accounts: &'a mut Accounts<A>,
    quota: Applicable,
    client: Client<'_>,
    is_idle: impl Fn(&A) -> bool,
) -> &'a mut A {
    accounts.of(quota.by_user.then_some(client.user), quota.by_client.then_some(client.id), is_idle)
}

#[cfg(test)]
mod tests;
