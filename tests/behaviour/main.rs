//! What a user of the broker sees, over real sockets and real files.

mod client;
mod fetch;
mod idempotence;
mod process;
mod produce;
mod restart;
mod setup;
