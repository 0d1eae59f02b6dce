//! Seam 1 to the system: files. Everything the storage engine does to a disk goes through these traits, so that a
//! test can fail any single call, stop the world after it, or cut the power.
//!
//! Nobody outside `mapping.rs` ever gets a mutable slice of a map: appending is [`MapWriter::append`].

use std::fs;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::fs::{FallocateFlags, FlockOperation};
use rustix::io::{Errno, ReadWriteFlags};

use super::mapping;

/// What a directory holds under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The file name, without its directory. Names that are not UTF-8 are not listed: no broker made them.
    pub name: String,
    /// Length in bytes; 0 for a directory.
    pub len: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// Sizes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// All of it, in bytes.
    pub total_bytes: u64,
    /// What of it this process can still use.
    pub usable_bytes: u64,
}

/// A file system, as far as the storage engine needs one.
pub trait Disk: Send + Sync {
    /// Creates a file for reading and writing; one that exists is emptied.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file or directory a new name, replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Unlinks a file.
    fn delete(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory and its missing parents.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and all it holds.
    fn delete_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable: creations, renames and deletions.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// The files and directories in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>>;
    /// Takes the exclusive lock on a file, creating it when missing; held until the guard drops.
    /// Fails with [`io::ErrorKind::WouldBlock`] when another process has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>>;
    /// How large the file system of a path is, and how much of it is left.
    fn volume(&self, path: &Path) -> io::Result<Volume>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reserves disk space for `from..to` and makes the file at least `to` long. When the space is not there, the
    /// file is put back to `from` bytes and the error is returned.
    fn allocate(&self, from: u64, to: u64) -> io::Result<()>;
    /// Sets the length. Never below what a live map has published.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Fills `buffer` from `position`; returns fewer bytes only at the end of the file. May block on the disk.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Like [`DiskFile::read_at`], but only when all of it is in the page cache; `None` when it would block.
    fn try_read_at_nowait(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>>;
    /// Writes all of `bytes` at `position`. Never into a mapped file.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;
    /// Makes contents and length durable.
    fn sync(&self) -> io::Result<()>;
    /// Starts to write dirty pages of `from..to` without waiting. Nothing is durable after it.
    fn start_write_back(&self, from: u64, to: u64) -> io::Result<()>;
    /// Maps `capacity` bytes of address space, of which the first `reserved` are allocated and the first `published`
    /// hold data.
    fn map(
        &self,
        published: usize,
        reserved: usize,
        capacity: usize,
    ) -> io::Result<(Box<dyn MapWriter>, Arc<dyn MappedFile>)>;
}

/// The one writer of a mapped file.
pub trait MapWriter: Send {
    /// Copies `parts`, one after the other, behind the published end, then moves that end past them.
    /// Fails with [`io::ErrorKind::StorageFull`] when the reservation is too small; nothing is published then.
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()>;
}

/// A mapped file, as all but its writer see it. Positions are bytes from the start of the file.
pub trait MappedFile: Send + Sync {
    /// Where published data ends.
    fn published(&self) -> usize;
    /// Where the reserved disk space ends.
    fn reserved(&self) -> usize;
    /// The mapped address space.
    fn capacity(&self) -> usize;
    /// Published bytes, without a copy. `None` when the range is not all published.
    fn slice(&self, from: usize, to: usize) -> Option<Bytes>;
    /// Extends the reserved disk space to `to` bytes; on an error the old reservation stands.
    fn reserve(&self, to: usize) -> io::Result<()>;
    /// Faults in the writer's pages of `from..to`, so that the writer does not have to.
    fn populate(&self, from: usize, to: usize) -> io::Result<()>;
    /// Makes exactly the pages of `from..to` durable, with the file's length.
    fn flush(&self, from: usize, to: usize) -> io::Result<()>;
    /// Starts to write the complete pages of `from..to`, without waiting. Nothing is durable after it.
    fn start_write_back(&self, from: usize, to: usize) -> io::Result<()>;
}

/// The file system of the operating system.
#[derive(Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(SystemFile(Arc::new(file))))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(SystemFile(Arc::new(file))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn delete(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn delete_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        open_patiently(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // A file may be unlinked between its listing and this look at it.
            let Ok(metadata) = entry.metadata() else { continue };
            if let Ok(name) = entry.file_name().into_string() {
                let is_directory = metadata.is_dir();
                entries.push(DirectoryEntry { name, len: if is_directory { 0 } else { metadata.len() }, is_directory });
            }
        }
        Ok(entries)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(file))
    }

    fn volume(&self, path: &Path) -> io::Result<Volume> {
        let volume = rustix::fs::statvfs(path)?;
        Ok(Volume {
            total_bytes: volume.f_blocks.saturating_mul(volume.f_frsize),
            usable_bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
        })
    }
}

struct SystemFile(Arc<fs::File>);

impl DiskFile for SystemFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocate(&self, from: u64, to: u64) -> io::Result<()> {
        allocate(&self.0, from, to)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read_at(&mut buffer[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn try_read_at_nowait(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        let wanted = buffer.len();
        match rustix::io::preadv2(&self.0, &mut [IoSliceMut::new(buffer)], position, ReadWriteFlags::NOWAIT) {
            // A short read means that the rest is not cached, or that the file ends: the blocking read tells which.
            Ok(count) if count == wanted => Ok(Some(count)),
            Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn start_write_back(&self, from: u64, to: u64) -> io::Result<()> {
        mapping::start_write_back(&self.0, from, to)
    }

    fn map(
        &self,
        published: usize,
        reserved: usize,
        capacity: usize,
    ) -> io::Result<(Box<dyn MapWriter>, Arc<dyn MappedFile>)> {
        let (writer, map) = mapping::map(self.0.clone(), published, reserved, capacity)?;
        Ok((Box::new(writer), Arc::new(map)))
    }
}

/// Reserves `from..to`. ext4 leaves a partial allocation and a longer file behind when the disk is full; it is undone.
pub(super) fn allocate(file: &fs::File, from: u64, to: u64) -> io::Result<()> {
    if to <= from {
        return Ok(());
    }
    match rustix::fs::fallocate(file, FallocateFlags::empty(), from, to - from) {
        Ok(()) => Ok(()),
        Err(error) => {
            file.set_len(from)?;
            Err(error.into())
        }
    }
}

/// Opens a directory. A flush depends on it, so a shortage of descriptors is waited out: a flush must not fail for it.
fn open_patiently(path: &Path) -> io::Result<fs::File> {
    const PAUSE: Duration = Duration::from_millis(10);
    const PAUSES: usize = 500;
    for _ in 0..PAUSES {
        match fs::File::open(path) {
            Err(error)
                if [Errno::MFILE, Errno::NFILE]
                    .map(|code| Some(code.raw_os_error()))
                    .contains(&error.raw_os_error()) =>
            {
                std::thread::sleep(PAUSE);
            }
            opened => return opened,
        }
    }
    fs::File::open(path)
}

/// Reads a whole file.
pub fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let mut contents = vec![0; file.size()? as usize];
    let read = file.read_at(&mut contents, 0)?;
    contents.truncate(read);
    Ok(contents)
}

/// Replaces a file so that after any failure either the old or the new contents are there, whole.
pub fn replace_file(disk: &dyn Disk, path: &Path, contents: &[u8]) -> io::Result<()> {
    replace_file_with(disk, path, |file| file.write_at(contents, 0))
}

/// Like [`replace_file`], for contents that are written piece by piece.
pub fn replace_file_with(
    disk: &dyn Disk,
    path: &Path,
    write: impl FnOnce(&dyn DiskFile) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary_name(path);
    let file = disk.create(&temporary)?;
    write(&*file)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    match path.parent() {
        Some(parent) => disk.sync_directory(parent),
        None => Ok(()),
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    PathBuf::from(name)
}

/// Ends the names of files that are being made; a start deletes them.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_slice_outlives_its_map_and_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segment");
        let file = SystemDisk.create(&path).unwrap();
        file.allocate(0, 8192).unwrap();
        let (mut writer, map) = file.map(0, 8192, 1 << 20).unwrap();
        writer.append(&[b"hello ", b"world"]).unwrap();
        map.flush(0, 11).unwrap();
        let slice = map.slice(0, 11).unwrap();
        assert!(map.slice(0, 12).is_none());
        drop((writer, map, file));
        SystemDisk.delete(&path).unwrap();
        assert_eq!(&slice[..], b"hello world");
    }

    #[test]
    fn an_append_past_the_reservation_publishes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = SystemDisk.create(&directory.path().join("segment")).unwrap();
        file.allocate(0, 4096).unwrap();
        let (mut writer, map) = file.map(0, 4096, 1 << 20).unwrap();
        let error = writer.append(&[&[1; 4000], &[2; 97]]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(map.published(), 0);
        map.reserve(8192).unwrap();
        writer.append(&[&[1; 4000], &[2; 97]]).unwrap();
        assert_eq!(map.published(), 4097);
        assert_eq!(file.size().unwrap(), 8192);
    }

    #[test]
    fn pread_sees_what_the_map_stored() {
        let directory = tempfile::tempdir().unwrap();
        let file = SystemDisk.create(&directory.path().join("segment")).unwrap();
        file.allocate(0, 4096).unwrap();
        let (mut writer, _map) = file.map(0, 4096, 4096).unwrap();
        writer.append(&[b"naru"]).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 4);
        assert_eq!(&buffer, b"naru");
    }

    #[test]
    fn a_second_lock_is_refused_until_the_first_drops() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("naru.lock");
        let held = SystemDisk.lock(&path).unwrap();
        assert_eq!(SystemDisk.lock(&path).map(drop).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        SystemDisk.lock(&path).map(drop).unwrap();
    }

    #[test]
    fn replacing_leaves_no_temporary_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint");
        replace_file(&SystemDisk, &path, b"one").unwrap();
        replace_file(&SystemDisk, &path, b"two").unwrap();
        assert_eq!(read_file(&SystemDisk, &path).unwrap(), b"two");
        assert_eq!(SystemDisk.list(directory.path()).unwrap().len(), 1);
    }
}
