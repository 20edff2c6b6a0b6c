//! Files of records: appended in groups, synced, read back after a crash.
//!
//! A log is a directory of numbered segments. A record is bytes with their length and checksum; what is in them, and when
//! a segment may go, is the business of whoever owns the log: the store for lines and metrics, the queue of remote write
//! for what goes elsewhere. Bytes: `docs/format/wal.md`. Never here: threads, clocks, metrics.
//!
//! Start with [`segment::Segment`] for writing, [`reader::SegmentBytes`] for a whole segment after a start, and
//! [`follow::Follower`] for records as they are written.

mod error;
pub mod follow;
pub mod reader;
pub mod segment;

pub use error::{io_context, io_error};

use serde::{Deserialize, Serialize};

/// A place in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalPosition {
    pub segment: u64,
    /// Byte offset of a record, or of the end.
    pub offset: u64,
}
