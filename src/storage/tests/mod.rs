//! Tests of the storage engine by behaviour, on real files in a temporary directory.

mod append_and_read;
mod faults;
mod lifecycle;
mod model;
mod recovery;
mod settings;
mod setup;
