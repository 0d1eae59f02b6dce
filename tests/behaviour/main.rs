//! What a user of the broker sees, over real sockets and real files. `README.md` says which test proves which behaviour.

mod client;
mod configs;
mod connections;
mod delete_records;
mod extremes;
mod fetch;
mod groups;
mod idempotence;
mod lookups;
mod member;
mod offsets;
mod process;
mod produce;
mod restart;
mod retention;
mod scale;
mod setup;
mod topics;
