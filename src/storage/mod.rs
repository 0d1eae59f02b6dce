//! Files and bytes.

pub mod checkpoint;
pub mod clock;
pub mod disk;
pub mod leader_epochs;
mod mapping;
pub mod meta;
pub mod offset_index;
pub mod partition_metadata;
pub mod producer_snapshot;
pub mod producer_state;
pub mod time_index;
pub mod types;
pub mod uuid_text;
mod workers;
