//! The consumer against a broker that does what it is told.
