//! Multi-line entries: a stack trace that came as many lines is stored as one.
//!
//! For sources that deliver single physical lines: files, pipes, syslog. [`Joiner`] is a pure state machine over the lines
//! of one stream: no clock, no I/O. It never changes, drops or reorders a line: what it gives out, put together with line
//! feeds, is what it was given. What continues an entry is decided by [`Detector`], from the text alone.
//!
//! Never here: which stream a line belongs to, when to stop waiting for more of an entry; its users know that.
//!
//! Start with [`Joiner::push`].

mod detect;
mod joiner;
mod joining;
mod options;
#[cfg(test)]
mod tests;

pub use detect::Detector;
pub use joiner::{Entry, Joiner};
pub use joining::Joining;
pub use options::{InvalidMultiline, MultilineOptions};
