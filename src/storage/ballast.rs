//! A small reserve of disk space, held in a file, for what must go on when the disk is full: the start itself, and internal
//! logs (topics, groups, transactions), without which nobody could delete anything to make room.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::disk::Disk;

/// Size of the reserve: a few reservations of internal logs, and all the small files that a start writes.
const RESERVE_BYTES: u64 = 8 << 20;

/// Name of the file in the data directory.
const FILE_NAME: &str = "reserve";

/// The reserve of one data directory.
pub(super) struct Ballast {
    path: PathBuf,
    held: Mutex<u64>,
}

impl Ballast {
    /// Gives all of an earlier reserve back to the disk: the start comes first.
    pub(super) fn release(disk: &dyn Disk, directory: &Path) -> Self {
        let path = directory.join(FILE_NAME);
        // Usually it is there; when it is not, there is nothing to give back.
        let _ = disk.delete(&path);
        Self { path, held: Mutex::new(0) }
    }

    /// Takes what is missing, if the disk has it.
    pub(super) fn refill(&self, disk: &dyn Disk) {
        let mut held = self.held.lock();
        if *held < RESERVE_BYTES {
            let file = if *held == 0 { disk.create(&self.path) } else { disk.open(&self.path) };
            match file.and_then(|file| file.allocate(*held, RESERVE_BYTES)) {
                Ok(()) => *held = RESERVE_BYTES,
                Err(error) => tracing::debug!(%error, "no space for the disk reserve yet"),
            }
        }
    }

    /// Gives so many bytes back to the disk. `false`: the reserve is used up.
    pub(super) fn give(&self, disk: &dyn Disk, bytes: u64) -> io::Result<bool> {
        let mut held = self.held.lock();
        if *held == 0 {
            return Ok(false);
        }
        let left = held.saturating_sub(bytes);
        disk.open(&self.path)?.truncate(left)?;
        *held = left;
        Ok(true)
    }
}
