//! Partitions: what the APIs talk to. A partition is a log with the rules of a leader above it: which records are visible, who
//! waits for them, and which leader epoch a client must know.

pub mod high_watermark;
