//! The `naru` binary.
#![forbid(unsafe_code)]

fn main() {}
