//! The storage engine: files and bytes.
//!
//! A [`DataDirectory`] holds the [`Log`]s of one broker. Batches flow in through [`Log::append`] and out through
//! [`Log::read`], byte for byte; nothing here knows the network. The system is met at two seams, [`disk`] and [`clock`].
//!
//! | file | one subject |
//! |---|---|
//! | `data_directory.rs` | who owns the directory, its logs, its threads; `reconcile.rs`, `retention.rs` |
//! | `log/` | a log's life: append, flush, read, tend, checkpoint |
//! | `recovery.rs` | opening a log after any kind of stop |
//! | `segment.rs`, `segment_index.rs` | files of a log, active and sealed |
//! | `scan.rs`, `lookup.rs` | walking batches; finding records by time |
//! | `offset_index.rs`, `time_index.rs`, `leader_epochs.rs`, `producer_*.rs`, `checkpoint.rs`, `meta.rs`, `partition_metadata.rs` | one file format each, no I/O |
//! | `disk.rs`, `mapping.rs`, `clock.rs` | the seams to the system |
//! | `workers.rs`, `turn.rs`, `ballast.rs` | threads that may block; space for a full disk |

mod ballast;
pub mod checkpoint;
pub mod clock;
mod config;
mod data_directory;
pub mod disk;
#[cfg(any(test, feature = "fault-injection"))]
pub mod faulty_disk;
pub mod leader_epochs;
mod log;
mod lookup;
mod mapping;
pub mod meta;
pub mod offset_index;
pub mod partition_metadata;
pub mod producer_snapshot;
pub mod producer_state;
mod read_buffers;
mod read_marks;
mod reconcile;
mod recovery;
mod retention;
mod scan;
mod segment;
mod segment_index;
pub mod state_log;
#[cfg(test)]
mod tests;
pub mod time_index;
mod turn;
pub mod types;
pub mod uuid_text;
mod workers;

pub use config::{FlushPolicy, LogConfig, StorageOptions};
pub use data_directory::{DataDirectory, OpenError};
pub use log::{AppendAs, AppendError, Appended, Batches, Log, LogObserver, ReadError};
pub use lookup::RecordByTime;
pub use mapping::report_bus_errors;
pub use producer_state::Origin;
pub use reconcile::ReconcileReport;
pub use recovery::{Cut, RecoveryReport, Rot};
