//! [`Joins`]: the entries of one file that are open, at most one for each stream.

use super::format::{Record, Stream};
use super::progress::Position;
use crate::multiline::{Joiner, Joining};
use gantry_model::Timestamp;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Joins {
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    stream: Stream,
    joiner: Joiner<First>,
    /// When its last line was written, if lines say that.
    last: Option<Timestamp>,
}

/// What is known of the first line of an entry.
#[derive(Clone, Copy, Debug)]
struct First {
    at: Option<Timestamp>,
    start: Position,
}

/// An entry that is complete.
#[derive(Debug)]
pub(super) struct Whole {
    pub stream: Stream,
    /// The time of its first line; `None`: that brought none.
    pub at: Option<Timestamp>,
    pub text: String,
    pub lines: usize,
}

impl Joins {
    /// A line that begins at `start` of the file. Gives out what is complete now: what the line does not continue, and what
    /// its time says is too old to be continued, so that reading the file again gives the same.
    pub fn push(&mut self, joining: &Joining, record: &Record<'_>, start: Position, give: &mut impl FnMut(Whole)) {
        if let Some(now) = record.at {
            self.expire(now, joining.wait, give);
        }
        let slot = self.slot(joining, record.stream);
        slot.last = record.at;
        let whole = slot.joiner.push(record.body, First { at: record.at, start });
        if let Some(entry) = whole {
            give(Whole { stream: record.stream, at: entry.first.at, text: entry.text, lines: entry.lines });
        }
    }

    fn slot(&mut self, joining: &Joining, stream: Stream) -> &mut Slot {
        let known = self.slots.iter().position(|slot| slot.stream == stream);
        let at = known.unwrap_or_else(|| {
            self.slots.push(Slot { stream, joiner: joining.joiner(), last: None });
            self.slots.len() - 1
        });
        &mut self.slots[at]
    }

    /// Entries whose last line is older than `wait` will not go on.
    fn expire(&mut self, now: Timestamp, wait: Duration, give: &mut impl FnMut(Whole)) {
        let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        for slot in &mut self.slots {
            if slot.last.is_some_and(|last| now.nanos().saturating_sub(last.nanos()) > wait) {
                slot.finish(give);
            }
        }
    }

    /// Nothing will continue what is open.
    pub fn finish(&mut self, give: &mut impl FnMut(Whole)) {
        self.slots.iter_mut().for_each(|slot| slot.finish(give));
    }

    pub fn is_empty(&self) -> bool {
        self.start().is_none()
    }

    /// Where the first line of the oldest open entry begins.
    pub fn start(&self) -> Option<Position> {
        let open = self.slots.iter().filter_map(|slot| slot.joiner.open());
        open.map(|first| first.start).min_by_key(|start| start.offset)
    }
}

impl Slot {
    fn finish(&mut self, give: &mut impl FnMut(Whole)) {
        self.last = None;
        if let Some(entry) = self.joiner.finish() {
            give(Whole { stream: self.stream, at: entry.first.at, text: entry.text, lines: entry.lines });
        }
    }
}
