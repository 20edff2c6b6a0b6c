//! [`Entries`]: lines of a pipe, joined to entries on their way to a batch.

use crate::multiline::{Joiner, Joining};
use gantry_model::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// The open entry of something that can be read only once, and until when it waits for more.
#[derive(Debug)]
pub(super) struct Entries {
    joiner: Option<Joiner<Timestamp>>,
    wait: Duration,
    due: Option<Instant>,
}

impl Entries {
    /// `None`: every line is an entry.
    pub fn new(joining: Option<&Joining>) -> Self {
        let wait = joining.map_or(Duration::ZERO, |joining| joining.wait);
        Entries { joiner: joining.map(Joining::joiner), wait, due: None }
    }

    /// Takes the next line; gives out what is complete now, with the time of its first line.
    pub fn push(&mut self, at: Timestamp, line: &str, give: &mut impl FnMut(Timestamp, &str)) {
        let Some(joiner) = &mut self.joiner else {
            give(at, line);
            return;
        };
        self.due = Some(Instant::now() + self.wait);
        if let Some(entry) = joiner.push(line, at) {
            give(entry.first, &entry.text);
        }
    }

    /// When [`Entries::finish`] is to be called, if nothing comes before.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is open is complete.
    pub fn finish(&mut self, give: &mut impl FnMut(Timestamp, &str)) {
        self.due = None;
        if let Some(entry) = self.joiner.as_mut().and_then(Joiner::finish) {
            give(entry.first, &entry.text);
        }
    }

    pub fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }
}
