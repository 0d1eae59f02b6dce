//! A disk for tests: the real one, with faults. Any call can fail; the process can stop dead before any call that changes
//! something; and the power can be cut, which loses or tears whatever was not flushed.
//!
//! The model of a power cut: of a file, flushed ranges are safe, and every 512-byte sector of the rest is either as it was
//! or as it was last written, by the seed. Of a directory, the names as last synced are safe, and the changes since are
//! either all there or all gone. A length is safe after a flush or sync of the file. After a flush that failed, the kernel
//! takes its pages for clean: no later flush makes them safe unless they are written again.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::disk::{DirectoryEntry, Disk, DiskFile, MapWriter, MappedFile, SystemDisk, Volume};

/// The unit that a disk writes or does not write.
const SECTOR: usize = 512;

/// What can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Operation {
    Create,
    Open,
    Rename,
    Delete,
    CreateDirectory,
    SyncDirectory,
    List,
    Allocate,
    Truncate,
    Read,
    Write,
    Sync,
    WriteBack,
    Map,
    Store,
    Populate,
    Flush,
}

impl Operation {
    /// Whether a process that is killed before it leaves something else behind than one killed after it.
    fn changes(self) -> bool {
        !matches!(self, Self::Open | Self::List | Self::Read | Self::WriteBack | Self::Map | Self::Populate)
    }
}

/// The real file system under a root, with faults.
#[derive(Clone)]
pub struct FaultyDisk(Arc<Shared>);

struct Shared {
    root: PathBuf,
    real: SystemDisk,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Calls that change something, so far.
    changes: u64,
    /// The call at which the process stops.
    stop_at: Option<u64>,
    /// The call that fails.
    fail_at: Option<u64>,
    dead: bool,
    full: bool,
    /// Calls of an operation to come before one fails, and how.
    failing: HashMap<Operation, (u64, io::ErrorKind)>,
    next_inode: u64,
    files: HashMap<u64, File>,
    directories: HashMap<u64, Directory>,
}

/// What is known to be on stable storage of a file.
#[derive(Default, Clone)]
struct File {
    safe: Vec<u8>,
    /// Where the kernel forgot that pages are dirty.
    forgotten: Vec<(u64, u64)>,
    /// The inode as it is in the page cache; kept open so that unlinked files can come back.
    live: Option<Arc<dyn DiskFile>>,
}

#[derive(Default)]
struct Directory {
    live: BTreeMap<String, Node>,
    safe: BTreeMap<String, Node>,
}

#[derive(Clone, Copy, PartialEq)]
enum Node {
    File(u64),
    Directory(u64),
}

/// The inode of the root directory.
const ROOT: u64 = 0;

impl FaultyDisk {
    /// A disk whose files are under `root`, which is empty.
    pub fn new(root: &Path) -> Self {
        let state =
            State { next_inode: 1, directories: HashMap::from([(ROOT, Directory::default())]), ..State::default() };
        Self(Arc::new(Shared { root: root.to_owned(), real: SystemDisk, state: Mutex::new(state) }))
    }

    /// How many calls changed something so far.
    pub fn changes(&self) -> u64 {
        self.0.state.lock().changes
    }

    /// Lets the process die at the `n`-th change from now, counted from 0: that change is not made, or half of it, and none after it.
    pub fn stop_after(&self, n: u64) {
        let mut state = self.0.state.lock();
        state.stop_at = Some(state.changes + n);
    }

    /// Lets the `n`-th change from now fail, counted from 0; the process goes on.
    pub fn fail_change(&self, n: u64) {
        let mut state = self.0.state.lock();
        state.fail_at = Some(state.changes + n);
    }

    /// Whether the process has died.
    pub fn is_dead(&self) -> bool {
        self.0.state.lock().dead
    }

    /// Lets the `n`-th call of an operation from now fail once, counted from 0.
    pub fn fail(&self, operation: Operation, n: u64, error: io::ErrorKind) {
        self.0.state.lock().failing.insert(operation, (n, error));
    }

    /// Whether reservations fail for want of space.
    pub fn set_full(&self, full: bool) {
        self.0.state.lock().full = full;
    }

    /// The process is started again: what the page cache holds is there.
    pub fn restart(&self) {
        let mut state = self.0.state.lock();
        state.dead = false;
        state.stop_at = None;
        state.fail_at = None;
        state.failing.clear();
    }

    /// The power was cut. Nothing may be open any more. `seed` decides what of the unsafe changes survived.
    pub fn cut_power(&self, seed: u64) -> io::Result<()> {
        let mut state = self.0.state.lock();
        let mut dice = Dice(seed | 1);
        let mut after = State { next_inode: state.next_inode, ..State::default() };
        for entry in self.0.real.list(&self.0.root)? {
            let path = self.0.root.join(&entry.name);
            if entry.is_directory { self.0.real.delete_directory(&path)? } else { self.0.real.delete(&path)? }
        }
        self.restore_directory(&mut state, &mut after, ROOT, &self.0.root, &mut dice)?;
        *state = after;
        Ok(())
    }

    fn restore_directory(
        &self,
        state: &mut State,
        after: &mut State,
        inode: u64,
        path: &Path,
        dice: &mut Dice,
    ) -> io::Result<()> {
        let Some(directory) = state.directories.remove(&inode) else { return Ok(()) };
        let names = if dice.roll() { directory.live } else { directory.safe };
        for (name, node) in &names {
            let path = path.join(name);
            match node {
                Node::Directory(inode) => {
                    self.0.real.create_directory(&path)?;
                    self.restore_directory(state, after, *inode, &path, dice)?;
                }
                Node::File(inode) => {
                    let contents = survivors(state.files.get(inode), dice)?;
                    let file = self.0.real.create(&path)?;
                    file.write_at(&contents, 0)?;
                    after.files.insert(*inode, File { safe: contents, live: Some(file), ..File::default() });
                }
            }
        }
        after.directories.insert(inode, Directory { live: names.clone(), safe: names });
        Ok(())
    }

    /// Counts a call and says whether it may be made.
    fn enter(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if state.dead {
            return Err(io::Error::other("the process is dead"));
        }
        if let Some((left, error)) = state.failing.get_mut(&operation) {
            if *left == 0 {
                let error = *error;
                state.failing.remove(&operation);
                return Err(error.into());
            }
            *left -= 1;
        }
        if operation == Operation::Allocate && state.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if operation.changes() {
            if state.stop_at == Some(state.changes) {
                state.dead = true;
                return Err(io::Error::other("the process dies here"));
            }
            state.changes += 1;
            if state.fail_at == Some(state.changes - 1) {
                return Err(io::Error::other("the disk fails here"));
            }
        }
        Ok(())
    }

    fn wrap(&self, inode: u64, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { disk: self.clone(), inode, file })
    }

    fn parts(&self, path: &Path) -> Vec<String> {
        let relative = path.strip_prefix(&self.0.root).unwrap_or(path);
        relative
            .components()
            .filter_map(|part| if let Component::Normal(name) = part { name.to_str().map(str::to_owned) } else { None })
            .collect()
    }

    /// The directory of a path and the last name in it.
    fn parent(&self, state: &State, path: &Path) -> Option<(u64, String)> {
        let mut parts = self.parts(path);
        let name = parts.pop()?;
        Some((state.directory(&parts)?, name))
    }

    fn note_name(&self, path: &Path, node: impl FnOnce(&mut State) -> Option<Node>) {
        let mut state = self.0.state.lock();
        let Some((parent, name)) = self.parent(&state, path) else { return };
        let node = node(&mut state);
        if let Some(directory) = state.directories.get_mut(&parent) {
            match node {
                Some(node) => directory.live.insert(name, node),
                None => directory.live.remove(&name),
            };
        }
    }

    fn node(&self, path: &Path) -> Option<Node> {
        let state = self.0.state.lock();
        let (parent, name) = self.parent(&state, path)?;
        state.directories.get(&parent)?.live.get(&name).copied()
    }

    /// The kernel gave up on a range: it is not dirty any more, and not safe either.
    fn forget(&self, inode: u64, from: u64, to: u64) {
        if let Some(file) = self.0.state.lock().files.get_mut(&inode) {
            file.forgotten.push((from, to));
        }
    }

    /// A range is written, so it is dirty again. Tests write either all of what was forgotten or nothing.
    fn remember(&self, inode: u64, from: u64, to: u64) {
        if let Some(file) = self.0.state.lock().files.get_mut(&inode) {
            file.forgotten.retain(|(start, end)| to <= *start || *end <= from);
        }
    }

    /// What lies in a range of a file now is safe from here on, and so is its length.
    fn make_safe(&self, inode: u64, from: u64, to: u64) -> io::Result<()> {
        let mut state = self.0.state.lock();
        let Some(file) = state.files.get_mut(&inode) else { return Ok(()) };
        let Some(live) = file.live.clone() else { return Ok(()) };
        let len = live.size()?;
        file.safe.resize(len as usize, 0);
        let (from, to) = (from / SECTOR as u64 * SECTOR as u64, to.min(len));
        let before = file.safe.clone();
        if from < to {
            live.read_at(&mut file.safe[from as usize..to as usize], from)?;
        }
        for (start, end) in &file.forgotten {
            let range = *start as usize..(*end).min(len) as usize;
            file.safe[range.clone()].copy_from_slice(&before[range]);
        }
        Ok(())
    }
}

/// What a power cut leaves of a file.
fn survivors(file: Option<&File>, dice: &mut Dice) -> io::Result<Vec<u8>> {
    let Some(File { safe, live: Some(live), .. }) = file else { return Ok(Vec::new()) };
    let mut written = vec![0; live.size()? as usize];
    live.read_at(&mut written, 0)?;
    let len = if dice.roll() { written.len() } else { safe.len() };
    let mut contents = safe.clone();
    contents.resize(len, 0);
    for start in (0..len.min(written.len())).step_by(SECTOR) {
        let end = (start + SECTOR).min(len).min(written.len());
        if contents[start..end] != written[start..end] && dice.roll() {
            contents[start..end].copy_from_slice(&written[start..end]);
        }
    }
    Ok(contents)
}

impl State {
    fn directory(&self, parts: &[String]) -> Option<u64> {
        parts.iter().try_fold(ROOT, |inode, name| match self.directories.get(&inode)?.live.get(name) {
            Some(Node::Directory(inode)) => Some(*inode),
            _ => None,
        })
    }

    fn new_inode(&mut self) -> u64 {
        self.next_inode += 1;
        self.next_inode
    }
}

/// Xorshift: the same seed, the same accident.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 33 & 1 == 1
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.enter(Operation::Create)?;
        let existing = self.node(path);
        let file = self.0.real.create(path)?;
        if let Some(Node::File(inode)) = existing {
            return Ok(self.wrap(inode, file));
        }
        let mut inode = 0;
        self.note_name(path, |state| {
            inode = state.new_inode();
            state.files.insert(inode, File { live: Some(file.clone()), ..File::default() });
            Some(Node::File(inode))
        });
        Ok(self.wrap(inode, file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.enter(Operation::Open)?;
        let file = self.0.real.open(path)?;
        match self.node(path) {
            Some(Node::File(inode)) => Ok(self.wrap(inode, file)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.enter(Operation::Rename)?;
        let node = self.node(from);
        self.0.real.rename(from, to)?;
        self.note_name(from, |_| None);
        self.note_name(to, |_| node);
        Ok(())
    }

    fn delete(&self, path: &Path) -> io::Result<()> {
        self.enter(Operation::Delete)?;
        self.0.real.delete(path)?;
        self.note_name(path, |_| None);
        Ok(())
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.enter(Operation::CreateDirectory)?;
        self.0.real.create_directory(path)?;
        if !self.parts(path).is_empty() && self.node(path).is_none() {
            self.note_name(path, |state| {
                let inode = state.new_inode();
                state.directories.insert(inode, Directory::default());
                Some(Node::Directory(inode))
            });
        }
        Ok(())
    }

    fn delete_directory(&self, path: &Path) -> io::Result<()> {
        self.enter(Operation::Delete)?;
        self.0.real.delete_directory(path)?;
        self.note_name(path, |_| None);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.enter(Operation::SyncDirectory)?;
        self.0.real.sync_directory(path)?;
        let mut state = self.0.state.lock();
        let inode = state.directory(&self.parts(path));
        if let Some(directory) = inode.and_then(|inode| state.directories.get_mut(&inode)) {
            directory.safe = directory.live.clone();
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>> {
        self.enter(Operation::List)?;
        self.0.real.list(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let lock = self.0.real.lock(path)?;
        if self.node(path).is_none() {
            let live = self.0.real.open(path)?;
            self.note_name(path, |state| {
                let inode = state.new_inode();
                state.files.insert(inode, File { live: Some(live), ..File::default() });
                Some(Node::File(inode))
            });
        }
        Ok(lock)
    }

    fn volume(&self, path: &Path) -> io::Result<Volume> {
        self.0.real.volume(path)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: u64,
    file: Arc<dyn DiskFile>,
}

impl DiskFile for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn allocate(&self, from: u64, to: u64) -> io::Result<()> {
        self.disk.enter(Operation::Allocate)?;
        self.file.allocate(from, to)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.enter(Operation::Truncate)?;
        self.file.truncate(len)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.disk.enter(Operation::Read)?;
        self.file.read_at(buffer, position)
    }

    fn try_read_at_nowait(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        self.disk.enter(Operation::Read)?;
        self.file.try_read_at_nowait(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let allowed = self.disk.enter(Operation::Write);
        if allowed.is_err() {
            // The process dies half way.
            self.file.write_at(&bytes[..bytes.len() / 2], position)?;
        }
        allowed?;
        self.disk.remember(self.inode, position, position + bytes.len() as u64);
        self.file.write_at(bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.enter(Operation::Sync)?;
        self.file.sync()?;
        self.disk.make_safe(self.inode, 0, u64::MAX)
    }

    fn start_write_back(&self, from: u64, to: u64) -> io::Result<()> {
        self.disk.enter(Operation::WriteBack)?;
        self.file.start_write_back(from, to)
    }

    fn map(
        &self,
        published: usize,
        reserved: usize,
        capacity: usize,
    ) -> io::Result<(Box<dyn MapWriter>, Arc<dyn MappedFile>)> {
        self.disk.enter(Operation::Map)?;
        let (writer, map) = self.file.map(published, reserved, capacity)?;
        let writer = FaultyWriter { disk: self.disk.clone(), writer };
        let map = FaultyMap { disk: self.disk.clone(), inode: self.inode, map };
        Ok((Box::new(writer), Arc::new(map)))
    }
}

struct FaultyWriter {
    disk: FaultyDisk,
    writer: Box<dyn MapWriter>,
}

impl MapWriter for FaultyWriter {
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        if self.disk.is_dead() {
            return Err(io::Error::other("the process is dead"));
        }
        let allowed = self.disk.enter(Operation::Store);
        if allowed.is_err() {
            // The process dies in the middle of the copy.
            let torn: Vec<u8> = parts.concat();
            self.writer.append(&[&torn[..torn.len() / 2]])?;
        }
        allowed.and_then(|()| self.writer.append(parts))
    }
}

struct FaultyMap {
    disk: FaultyDisk,
    inode: u64,
    map: Arc<dyn MappedFile>,
}

impl MappedFile for FaultyMap {
    fn published(&self) -> usize {
        self.map.published()
    }

    fn reserved(&self) -> usize {
        self.map.reserved()
    }

    fn capacity(&self) -> usize {
        self.map.capacity()
    }

    fn slice(&self, from: usize, to: usize) -> Option<Bytes> {
        self.map.slice(from, to)
    }

    fn reserve(&self, to: usize) -> io::Result<()> {
        if to > self.map.reserved() {
            self.disk.enter(Operation::Allocate)?;
        }
        self.map.reserve(to)
    }

    fn populate(&self, from: usize, to: usize) -> io::Result<()> {
        self.disk.enter(Operation::Populate)?;
        self.map.populate(from, to)
    }

    fn flush(&self, from: usize, to: usize) -> io::Result<()> {
        self.disk.enter(Operation::Flush).inspect_err(|_| self.disk.forget(self.inode, from as u64, to as u64))?;
        self.map.flush(from, to)?;
        self.disk.make_safe(self.inode, from as u64, to as u64)
    }

    fn start_write_back(&self, from: usize, to: usize) -> io::Result<()> {
        self.disk.enter(Operation::WriteBack)?;
        self.map.start_write_back(from, to)
    }
}
