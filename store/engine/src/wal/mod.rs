//! The write-ahead log: what was acknowledged and is not yet in a split.
//!
//! ```text
//!   appending tasks                       one thread per partition
//!   encode, checksum  --> Queue (bounded) --> Writer: write, sync, memtable, tail, answer
//!                                                |
//!                                            segment files --> replay after a restart
//! ```
//! The bytes are described in `docs/format/wal.md`. Start with [`codec`] for a record's inside, [`record`] and the crate
//! `gantry-wal` for its outside, [`writer`] for the order of things. [`log`] and [`appender`] serve the logs of metrics, too. Never here: what a memtable
//! does, when a segment may go.

pub(crate) mod appender;
pub(crate) mod codec;
pub(crate) mod log;
pub(crate) mod queue;
pub(crate) mod record;
mod varint;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

pub(crate) use gantry_wal::{WalPosition, follow, reader, segment};
