//! The Naru broker.
