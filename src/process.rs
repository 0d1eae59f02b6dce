//! What the system says about a process, in `/proc`. A leaf: metrics and benchmarks read it.

use std::fs;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::param::{clock_ticks_per_second, page_size};

/// The fields of `stat` behind the name in brackets, counted from 0.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// A look at this process. What the system does not tell is 0.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// Memory in use, mapped segments included.
    pub(crate) resident_bytes: u64,
    /// Processor time of all threads.
    pub(crate) cpu: Duration,
    /// Open descriptors: files and connections.
    pub(crate) descriptors: usize,
}

impl Process {
    pub(crate) fn look() -> Self {
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            resident_bytes: resident_pages(&statm).unwrap_or(0) * page_size() as u64,
            cpu: cpu_time(&stat).unwrap_or_default(),
            // One of them is the listing itself.
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, |list| list.count().saturating_sub(1)),
        }
    }
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// User and system time of all threads since the process started.
    pub cpu: Duration,
    /// The most memory it ever had resident, in bytes.
    pub peak_rss: u64,
}

impl Usage {
    /// Of the process with this id, on this machine.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let unexpected = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid} is not as proc(5) says"));
        let (cpu, peak_rss) = cpu_time(&stat).zip(peak_resident(&status)).ok_or_else(unexpected)?;
        Ok(Self { cpu, peak_rss })
    }
}

fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

/// The name may hold spaces and brackets; the numbers begin behind its last bracket.
fn cpu_time(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = ticks(USER_TIME)?.checked_add(ticks(SYSTEM_TIME)?)?;
    Some(Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64))
}

fn peak_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Seconds since 1970.
pub(crate) fn wall_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_behind_a_name_with_spaces_and_brackets() {
        let stat = "7 (na) r u) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0 99";
        let ticks = clock_ticks_per_second() as f64;
        assert_eq!(cpu_time(stat), Some(Duration::from_secs_f64(300.0 / ticks)));
        assert_eq!(cpu_time("nonsense"), None);
        assert_eq!(cpu_time("42 (a) S 1"), None);
        assert_eq!(resident_pages("900 120 3 1 0 2 0\n"), Some(120));
        assert_eq!(peak_resident("VmPeak:\t 9 kB\nVmHWM:\t   4 kB\n"), Some(4096));
    }

    #[test]
    fn this_process_uses_something() {
        let process = Process::look();
        assert!(process.resident_bytes > 100_000 && process.descriptors >= 3, "{process:?}");
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.peak_rss > 1 << 20, "{usage:?}");
    }
}
