//! Reasons why a setting is accepted and changes nothing, shared by the tables.

pub(super) const NO_TIERING: &str = "Tiered storage is not available; the value is kept and reported.";
pub(super) const ONE_LEVEL: &str = "Each codec has one level here; the value is kept and reported.";
pub(super) const ONE_NODE: &str = "One node holds every replica; the value is kept and reported.";
pub(super) const OWN_THREADS: &str = "The broker sizes its own threads; the value is kept and reported.";
