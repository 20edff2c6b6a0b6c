//! [`Entries`]: messages that are lines of something larger, such as a stack trace.
//!
//! A message continues an entry when it is of the same stream and brings the same metadata. Messages of a stream keep their
//! order; the memory is that of the batch.

use crate::decode::grouped::{Grouped, Pairs};
use crate::multiline::{Entry, Joiner, Joining};
use gantry_model::{LabelSet, Timestamp};
use std::borrow::Cow;
use std::collections::HashMap;
use tokio::time::Instant;

/// Streams with an open entry; beyond that all are closed.
const MAX_OPEN: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Entries {
    joining: Option<Joining>,
    open: HashMap<LabelSet, Slot>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    joiner: Joiner<Timestamp>,
    metadata: Pairs<'static>,
    due: Instant,
}

impl Entries {
    pub fn new(joining: Option<Joining>) -> Self {
        Entries { joining, ..Entries::default() }
    }

    /// Takes a message; what is complete now goes to `lines`.
    pub fn push(
        &mut self,
        labels: LabelSet,
        at: Timestamp,
        text: &str,
        metadata: Pairs<'static>,
        lines: &mut Grouped<'static>,
    ) {
        let Some(joining) = self.joining.clone() else {
            lines.push(labels, at, Cow::Owned(text.to_owned()), metadata);
            return;
        };
        let known = self.open.get(&labels);
        if known.is_some_and(|slot| slot.metadata != metadata) {
            self.close(&labels, lines);
        } else if known.is_none() && self.open.len() >= MAX_OPEN {
            self.finish(lines);
        }
        self.bytes += text.len();
        let due = Instant::now() + joining.wait;
        let new = || Slot { joiner: joining.joiner(), metadata, due };
        let slot = self.open.entry(labels.clone()).or_insert_with(new);
        slot.due = due;
        if let Some(entry) = slot.joiner.push(text, at) {
            self.bytes = self.bytes.saturating_sub(entry.text.len());
            give(labels, entry, slot.metadata.clone(), lines);
        }
    }

    /// Bytes of open entries.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// When an entry has waited long enough.
    pub fn due(&self) -> Option<Instant> {
        self.open.values().map(|slot| slot.due).min()
    }

    /// Entries that have waited long enough go to `lines`.
    pub fn settle(&mut self, now: Instant, lines: &mut Grouped<'static>) {
        self.close_where(|slot| slot.due <= now, lines);
    }

    /// All go to `lines`.
    pub fn finish(&mut self, lines: &mut Grouped<'static>) {
        self.close_where(|_| true, lines);
    }

    /// In the order in which they began.
    fn close_where(&mut self, is_done: impl Fn(&Slot) -> bool, lines: &mut Grouped<'static>) {
        let done = self.open.iter().filter(|(_, slot)| is_done(slot));
        let mut done: Vec<_> = done.map(|(labels, slot)| (slot.joiner.open().copied(), labels.clone())).collect();
        done.sort();
        done.iter().for_each(|(_, labels)| self.close(labels, lines));
    }

    fn close(&mut self, labels: &LabelSet, lines: &mut Grouped<'static>) {
        let Some((labels, mut slot)) = self.open.remove_entry(labels) else { return };
        if let Some(entry) = slot.joiner.finish() {
            self.bytes = self.bytes.saturating_sub(entry.text.len());
            give(labels, entry, slot.metadata, lines);
        }
        if self.open.is_empty() {
            self.bytes = 0;
        }
    }
}

fn give(labels: LabelSet, entry: Entry<Timestamp>, metadata: Pairs<'static>, lines: &mut Grouped<'static>) {
    lines.push(labels, entry.first, Cow::Owned(entry.text), metadata);
}
