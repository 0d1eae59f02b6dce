//! The client while the broker dies or the network fails. Each test has a broker of its own, and kills it or puts a proxy before
//! it; what also holds on a good day is in `client`.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod consuming;
mod groups;
mod members;
mod producing;
mod quotas;
mod sessions;
