//! Derive macro of the versioned codec.
