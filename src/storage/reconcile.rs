//! Metadata says what should be, the disk says what is: at start the two are compared, before any log is opened.
//!
//! A directory that no topic claims, or that belongs to another topic id, is set aside under another name and never adopted.
//! What was being deleted is removed. A missing directory is made when its log is opened.

use std::collections::HashMap;
use std::io;

use uuid::Uuid;

use super::data_directory::{DataDirectory, Shared};
use super::disk::read_file;
use super::partition_metadata;
use super::segment::{DELETED, is_blank};
use super::types::TopicPartition;

/// Ends the names of directories that no topic claimed.
const SET_ASIDE: &str = ".unclaimed";

/// What reconciling found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Partitions whose directory is missing: it will be created empty.
    pub missing: Vec<TopicPartition>,
    /// Directories that were set aside: their old names.
    pub set_aside: Vec<String>,
    /// Directories whose removal was finished.
    pub removed: Vec<String>,
}

impl DataDirectory {
    /// Compares the disk with the partitions that should be there, with their topics' ids. Call it before logs are opened.
    pub fn reconcile(&self, expected: &[(TopicPartition, Uuid)]) -> io::Result<ReconcileReport> {
        self.shared().reconcile(expected)
    }
}

impl Shared {
    fn reconcile(&self, expected: &[(TopicPartition, Uuid)]) -> io::Result<ReconcileReport> {
        let mut unseen: HashMap<String, (&TopicPartition, Uuid)> =
            expected.iter().map(|(partition, id)| (partition.dir_name(), (partition, *id))).collect();
        let mut report = ReconcileReport::default();
        let disk = &*self.engine.disk;
        self.forget_unopened_but(expected);
        for entry in disk.list(&self.path)?.into_iter().filter(|entry| entry.is_directory) {
            if entry.name.ends_with(DELETED) {
                self.unlink_later(self.path.join(&entry.name), 0);
                report.removed.push(entry.name);
                continue;
            }
            if entry.name.parse::<TopicPartition>().is_err() {
                continue;
            }
            let found = read_file(disk, &self.path.join(&entry.name).join(partition_metadata::FILE_NAME));
            let found = found.ok().and_then(|contents| partition_metadata::decode(&contents).ok());
            match unseen.get(&entry.name) {
                Some((_, id)) if found == Some(*id) => {
                    unseen.remove(&entry.name);
                }
                // Its creation was cut short before it had an identity, and so before it had a record.
                Some(_) if found.is_none() && is_blank(disk, &self.path.join(&entry.name))? => {
                    unseen.remove(&entry.name);
                }
                _ => self.set_aside(entry.name, found, &mut report)?,
            }
        }
        if !report.set_aside.is_empty() {
            disk.sync_directory(&self.path)?;
        }
        report.missing = unseen.into_values().map(|(partition, _)| partition.clone()).collect();
        report.missing.sort();
        self.unlink_doomed();
        Ok(report)
    }

    fn set_aside(&self, name: String, topic_id: Option<Uuid>, report: &mut ReconcileReport) -> io::Result<()> {
        let id = topic_id.map_or_else(|| format!("start-{}", self.incarnation()), |id| id.simple().to_string());
        let (directory, aside) = (self.path.join(&name), self.path.join(format!("{name}.{id}{SET_ASIDE}")));
        self.engine.disk.rename(&directory, &aside)?;
        tracing::warn!(directory = %directory.display(), kept = %aside.display(), "no topic claims this directory; it is set aside");
        report.set_aside.push(name);
        Ok(())
    }
}
