//! The maps of an active segment: the only unsafe code of the broker.
//!
//! One file has two maps. The *writer's map* is stored to by exactly one [`SegmentMapWriter`], and only at and above
//! the published end. The *readers' map* is read-only, and slices of it are handed out only below the published end.
//! The published end only grows: stored with `Release` after the bytes, loaded with `Acquire` before they are looked at.
//! So no byte that a `&[u8]` covers is ever stored to again, and that is what makes the slices sound.
//!
//! What Rust cannot promise is that nobody shrinks or overwrites the file from outside. Inside this process no
//! mapped file is shortened below its published end or written by other means; against other processes the data
//! directory is locked.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use super::disk::{MapWriter, MappedFile, allocate};

/// The unit of dirtiness, protection and faults on the platforms that are supported.
pub const PAGE: usize = 4096;

/// Maps a file twice. `published` bytes hold data and `reserved` bytes are allocated.
pub(super) fn map(
    file: Arc<File>,
    published: usize,
    reserved: usize,
    capacity: usize,
) -> io::Result<(SegmentMapWriter, SegmentMap)> {
    if published > reserved || reserved > capacity || file.metadata()?.len() < reserved as u64 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a map needs published <= reserved <= capacity and a file that covers the reservation",
        ));
    }
    let writer = Arc::new(MmapOptions::new().len(capacity).map_raw(&*file)?);
    // Without it, faults read ahead and create large folios: stalls, and flushes that write far more than was appended.
    writer.advise(Advice::Random)?;
    let readers = MmapOptions::new().len(capacity).map_raw_read_only(&*file)?;
    let state = Arc::new(State { readers, published: published.into(), reserved: reserved.into() });
    let map = SegmentMap { file, writer: writer.clone(), state: state.clone() };
    Ok((SegmentMapWriter { map: writer, state, position: published }, map))
}

/// What writer, readers and flusher share.
struct State {
    readers: MmapRaw,
    published: AtomicUsize,
    reserved: AtomicUsize,
}

/// The only value that stores to the writer's map; there is one for each map and it cannot be cloned.
pub(super) struct SegmentMapWriter {
    map: Arc<MmapRaw>,
    state: Arc<State>,
    position: usize,
}

impl MapWriter for SegmentMapWriter {
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let reserved = self.state.reserved.load(Ordering::Acquire);
        if len > reserved - self.position {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut end = self.position;
        for part in parts {
            // SAFETY: `end + part.len()` is within the reservation, which lies within the map and the file (`reserve`
            // and `map` see to that), so the destination is valid memory. It is above the published end, so no slice
            // covers it, and `self` is the only writer. A map and a borrowed slice of published bytes cannot overlap.
            unsafe { std::ptr::copy_nonoverlapping(part.as_ptr(), self.map.as_mut_ptr().add(end), part.len()) };
            end += part.len();
        }
        self.position = end;
        self.state.published.store(end, Ordering::Release);
        Ok(())
    }
}

/// Both maps of a file, without the right to store.
pub(super) struct SegmentMap {
    file: Arc<File>,
    writer: Arc<MmapRaw>,
    state: Arc<State>,
}

impl SegmentMap {
    /// Takes the complete pages of a range out of the writer's page table. On a shared file map that loses nothing: the
    /// dirtiness moves to the page cache. Write-back then finds no mapped page and needs no TLB shoot-down for each.
    fn unmap_complete_pages(&self, from: usize, to: usize) -> io::Result<()> {
        let (first, last) = (from / PAGE * PAGE, to / PAGE * PAGE);
        if first >= last {
            return Ok(());
        }
        // SAFETY: the map is MAP_SHARED and file-backed, so dropped pages come back with the same bytes on the next
        // access; nobody holds a reference into the writer's map (readers have their own).
        unsafe { self.writer.unchecked_advise_range(UncheckedAdvice::DontNeed, first, last - first) }
    }
}

impl MappedFile for SegmentMap {
    fn published(&self) -> usize {
        self.state.published.load(Ordering::Acquire)
    }

    fn reserved(&self) -> usize {
        self.state.reserved.load(Ordering::Acquire)
    }

    fn capacity(&self) -> usize {
        self.writer.len()
    }

    fn slice(&self, from: usize, to: usize) -> Option<Bytes> {
        if from > to || to > self.published() {
            return None;
        }
        Some(Bytes::from_owner(PublishedSlice { state: self.state.clone(), from, to }))
    }

    fn reserve(&self, to: usize) -> io::Result<()> {
        let reserved = self.reserved();
        if to > self.capacity() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a reservation cannot exceed the map"));
        }
        if to > reserved {
            allocate(&self.file, reserved as u64, to as u64)?;
            self.state.reserved.store(to, Ordering::Release);
        }
        Ok(())
    }

    fn populate(&self, from: usize, to: usize) -> io::Result<()> {
        let to = to.min(self.reserved());
        if from >= to {
            return Ok(());
        }
        self.writer.advise_range(Advice::PopulateWrite, from, to - from)
    }

    fn flush(&self, from: usize, to: usize) -> io::Result<()> {
        self.unmap_complete_pages(from, to)?;
        self.writer.flush_range(from, to - from)
    }

    fn start_write_back(&self, from: usize, to: usize) -> io::Result<()> {
        self.unmap_complete_pages(from, to)?;
        start_write_back(&self.file, from as u64, to as u64)
    }
}

/// A published range of the readers' map, kept alive by whoever holds the bytes.
struct PublishedSlice {
    state: Arc<State>,
    from: usize,
    to: usize,
}

impl AsRef<[u8]> for PublishedSlice {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `slice` checked that the range is published: inside the map, inside the file, and never stored to
        // again. The state, and with it the map, lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.state.readers.as_ptr().add(self.from), self.to - self.from) }
    }
}

/// Makes a bus error say what it is before it ends the process: a mapped segment was cut short by another process, or its
/// disk cannot be read. To be called once, by a program; a library leaves signals alone.
pub fn report_bus_errors() {
    // SAFETY: the handler does only what is safe in a signal handler: it writes to a descriptor and restores the default
    // action. With SA_RESETHAND the faulting access is repeated under the default action, which ends the process.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = say_bus_error as *const () as usize;
        action.sa_flags = libc::SA_RESETHAND;
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
    }
}

extern "C" fn say_bus_error(_: libc::c_int) {
    const MESSAGE: &[u8] = b"naru: a mapped segment cannot be accessed: its file was cut short by another process, or the disk fails. The log recovers at the next start.\n";
    // SAFETY: `write` is async-signal-safe, and the message is static. There is nothing to do when it fails.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len()) };
}

/// Asks the kernel to write the dirty pages of a range, without waiting for it and without making them durable.
pub(super) fn start_write_back(file: &File, from: u64, to: u64) -> io::Result<()> {
    // SAFETY: a system call on an open descriptor that touches no memory of this process.
    let result = unsafe {
        libc::sync_file_range(
            file.as_raw_fd(),
            from as i64,
            to.saturating_sub(from) as i64,
            libc::SYNC_FILE_RANGE_WRITE,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
