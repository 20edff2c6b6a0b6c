//! [`Tally`]: what one stage did to the lines of one batch.

use std::collections::BTreeMap;

/// Counts of one stage. A dropped line is also one of `events`; so is one that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that the stage was for.
    pub events: u64,
    /// Lines that it dropped, by reason.
    pub dropped: BTreeMap<String, Lines>,
    /// Lines on which it failed, by reason.
    pub errors: BTreeMap<&'static str, u64>,
    /// The first failure, in words.
    pub first_error: Option<String>,
}

/// A number of lines, and the bytes of their bodies and metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub lines: u64,
    pub bytes: u64,
}

impl Tally {
    pub(crate) fn drop_line(&mut self, reason: &str, bytes: u64) {
        if let Some(dropped) = self.dropped.get_mut(reason) {
            dropped.lines += 1;
            dropped.bytes += bytes;
        } else {
            self.dropped.insert(reason.to_owned(), Lines { lines: 1, bytes });
        }
    }

    pub(crate) fn fail(&mut self, reason: &'static str, message: String) {
        *self.errors.entry(reason).or_default() += 1;
        self.first_error.get_or_insert(message);
    }
}
