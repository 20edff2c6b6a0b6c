//! Files, followed through rotation by rename and by copy-truncate, deletion and restarts, from the first line on.
//!
//! [`watch`] is the whole of it, synchronous: it finds files, reads them by turns and knows how far each one got.
//! [`collector`] drives it: gather, save the checkpoint, send, commit, and again. [`checkpoint`] says why a crash between
//! any two of those steps neither loses a line nor stores one twice.

mod checkpoint;
mod collector;
mod cri;
mod docker;
mod finder;
mod format;
mod gather;
mod identity;
mod kube;
mod labels;
mod names;
mod options;
mod progress;
mod tail;
mod watch;

#[cfg(test)]
mod tests;

pub use collector::FileCollector;
pub use format::Format;
pub use options::{CollectError, FileOptions};
