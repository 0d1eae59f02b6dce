//! What the system says about this process: `/proc/self`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::param::{clock_ticks_per_second, page_size};

/// The fields of `/proc/self/stat` behind the name in brackets, counted from 0.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// A look at the process. What the system does not tell is 0.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Memory in use, mapped segments included.
    pub(super) resident_bytes: u64,
    /// Processor time of all threads.
    pub(super) cpu: Duration,
    /// Open descriptors: files and connections.
    pub(super) descriptors: usize,
}

impl Process {
    pub(super) fn look() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            resident_bytes: resident_pages(&statm).unwrap_or(0) * page_size() as u64,
            cpu: Duration::from_secs_f64(cpu_ticks(&stat).unwrap_or(0) as f64 / clock_ticks_per_second() as f64),
            // One of them is the listing itself.
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, |list| list.count().saturating_sub(1)),
        }
    }
}

fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

/// The name may hold spaces and brackets; the numbers begin behind its last bracket.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    ticks(USER_TIME)?.checked_add(ticks(SYSTEM_TIME)?)
}

/// Seconds since 1970.
pub(super) fn wall_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_behind_a_name_with_spaces_and_brackets() {
        let stat = "7 (na) r u) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0 99";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("nonsense"), None);
        assert_eq!(resident_pages("900 120 3 1 0 2 0\n"), Some(120));
    }

    #[test]
    fn this_process_uses_something() {
        let process = Process::look();
        assert!(process.resident_bytes > 100_000 && process.descriptors >= 3, "{process:?}");
    }
}
