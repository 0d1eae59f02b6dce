//! The tools themselves: what the test broker and the proxy promise, seen over raw connections.

mod broker;
mod exchange;
mod proxy;
