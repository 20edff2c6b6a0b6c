//! Remote write to elsewhere: what the store has taken is sent on, through a queue that survives a crash.
//!
//! ```text
//!   append -> store -> Forwarding -> Log (synced) -> acknowledged
//!                                     |  one reader for each [[remote_write]]
//!                                     v
//!             relabel -> shards by series -> requests -> the remote; then its cursor moves
//! ```
//!
//! The log is shared by all remotes and has bytes of its own: ADR 19. A remote that is away holds back segments up to a
//! bound; what does not fit or becomes too old is dropped, counted and said. A series always goes through the same shard,
//! which sends one request at a time, so its samples arrive in order; after a crash some arrive twice.
//! Never here: what is stored, how a request comes in, which process this is.
//!
//! Start with [`RemoteWrite`], then `log`, `remote` and `shard`.

mod backoff;
mod cursor;
mod deliver;
mod forwarding;
mod log;
mod metrics;
mod options;
mod pick;
mod piece;
mod reader;
mod record;
mod remote;
mod reshard;
mod shard;
mod tracker;
mod upkeep;

pub use deliver::{Deliver, Request, Verdict};
pub use forwarding::{Forwarding, RemoteWrite};
pub use options::{MetadataConfig, ProtobufMessage, QueueConfig, RemoteWriteLogOptions, RemoteWriteOptions, problems};
