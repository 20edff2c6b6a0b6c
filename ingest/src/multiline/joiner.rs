//! [`Joiner`]: lines of one stream to entries.

use super::detect::{Detector, State};
use std::sync::Arc;

/// The entry that is open, and what its first line brought with it (`K`: a time, a place in a file).
#[derive(Debug)]
pub struct Joiner<K> {
    detector: Arc<Detector>,
    open: Option<Entry<K>>,
}

/// One or more lines with line feeds between them.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<K> {
    pub text: String,
    pub lines: usize,
    /// What came with the first line.
    pub first: K,
    state: State,
}

impl<K> Joiner<K> {
    pub fn new(detector: Arc<Detector>) -> Self {
        Joiner { detector, open: None }
    }

    /// Takes the next line; gives the entry before it, when this line is no part of that.
    pub fn push(&mut self, line: &str, first: K) -> Option<Entry<K>> {
        if let Some(open) = &mut self.open
            && self.detector.has_room(open.lines, open.text.len(), line.len())
            && let Some(state) = self.detector.continues(&open.state, line)
        {
            open.state = state;
            open.text.push('\n');
            open.text.push_str(line);
            open.lines += 1;
            return None;
        }
        let state = self.detector.begins(line);
        self.open.replace(Entry { text: line.to_owned(), lines: 1, first, state })
    }

    /// Nothing more will come, or not soon enough: the open entry is complete.
    pub fn finish(&mut self) -> Option<Entry<K>> {
        self.open.take()
    }

    /// What came with the first line of the open entry.
    pub fn open(&self) -> Option<&K> {
        self.open.as_ref().map(|open| &open.first)
    }
}
