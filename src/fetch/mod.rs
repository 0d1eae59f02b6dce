//! What readers follow: lists of partitions, and the sessions that keep such a list between the requests of a reader (KIP-227).
//!
//! A [`Following`] knows for each partition what was asked, what was told, and whether there may be anything to tell. A quiet
//! partition is watched and costs nothing until it moves, however many of them a session has. [`FetchSessions`] bounds how many
//! lists are kept and who has to make room; its rules are those of Apache Kafka 4.4.
//!
//! Sessions belong to the broker: a reader may go on with its session on another connection. What a request reads is the
//! business of `api/fetch`.

mod following;
mod session;
mod sessions;
mod shard;

pub use self::following::{Asked, Due, Followed, Following, Place, Told};
pub use self::session::Session;
pub use self::sessions::{FetchSessions, SessionError};
