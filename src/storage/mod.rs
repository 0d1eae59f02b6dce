//! Files and bytes.

pub mod clock;
pub mod disk;
mod mapping;
mod workers;
