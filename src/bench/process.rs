//! What a process has used so far, as Linux tells it in `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// Clock ticks a second in `/proc/PID/stat`: fixed for user space since Linux 2.6.
const TICKS: f64 = 100.0;

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// User and system time of all threads since the process started.
    pub cpu: Duration,
    /// The most memory it ever had resident, in bytes.
    pub peak_rss: u64,
}

/// What this process has used.
pub fn own_usage() -> io::Result<Usage> {
    usage_in("/proc/self")
}

/// What the process with this id has used. It must run on this machine.
pub fn usage(pid: u32) -> io::Result<Usage> {
    usage_in(&format!("/proc/{pid}"))
}

fn usage_in(folder: &str) -> io::Result<Usage> {
    let stat = fs::read_to_string(format!("{folder}/stat"))?;
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let cpu = cpu_of(&stat).ok_or_else(|| unexpected(folder, "stat"))?;
    let peak_rss = peak_of(&status).ok_or_else(|| unexpected(folder, "status"))?;
    Ok(Usage { cpu, peak_rss })
}

fn unexpected(folder: &str, file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{folder}/{file} does not look as proc(5) says"))
}

/// Fields 14 and 15, counted behind the name, which may have blanks and brackets itself.
fn cpu_of(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_secs_f64((user + system) / TICKS))
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_of("42 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let usage = own_usage().unwrap();
        assert!(usage.peak_rss > 1 << 20);
        // Other tests of this process go on meanwhile: the peak may have grown, and never falls.
        assert!(super::usage(std::process::id()).unwrap().peak_rss >= usage.peak_rss);
    }
}
