//! A line that came through the pipeline.

use super::labels::{Category, Scratch, Stream, Work, resolve};
use crate::series::Labels;
use gantry_model::LabelSet;

/// Line and labels as the query gives them; borrows from the scratch, so it is read before the next line.
#[derive(Debug)]
pub struct Row<'r> {
    scratch: &'r Scratch,
    stream: &'r Stream,
    body: &'r str,
    own_line: bool,
    timestamp: i64,
}

impl<'r> Row<'r> {
    pub(crate) fn new(work: Work<'r>) -> Row<'r> {
        let Work { scratch, stream, body, own_line, timestamp, .. } = work;
        Row { scratch, stream, body, own_line, timestamp }
    }

    /// Nanoseconds since 1970.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    pub fn line(&self) -> &str {
        if self.own_line { &self.scratch.line } else { self.body }
    }

    /// Labels are the stream's own, unchanged.
    pub fn has_stream_labels_only(&self) -> bool {
        self.scratch.entries.is_empty() && self.scratch.deleted.is_empty() && self.scratch.error.is_none()
    }

    /// The labels of the stream as it is stored.
    pub fn stream(&self) -> &LabelSet {
        &self.stream.set
    }

    /// `__error__`, if the line failed.
    pub fn error(&self) -> Option<&str> {
        self.scratch.error.map(|span| resolve(self.scratch, self.body, span))
    }

    /// Calls `visit` with name, value and origin of every label, errors included, in no order. Values may be empty.
    pub fn each_label(&self, mut visit: impl FnMut(&str, &str, Category)) {
        for (name, value) in &self.stream.labels {
            let hidden = self.scratch.deleted.contains(name) || self.scratch.entries.iter().any(|e| e.name == *name);
            if !hidden {
                visit(&self.scratch.names.get(*name).text, value, Category::Stream);
            }
        }
        for entry in &self.scratch.entries {
            let value = resolve(self.scratch, self.body, entry.value);
            visit(&self.scratch.names.get(entry.name).text, value, entry.category);
        }
        for (name, span) in [("__error__", self.scratch.error), ("__error_details__", self.scratch.details)] {
            if let Some(span) = span {
                visit(name, resolve(self.scratch, self.body, span), Category::Parsed);
            }
        }
    }

    /// The value of one label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let same = |id: &super::NameId| &*self.scratch.names.get(*id).text == name;
        if let Some(entry) = self.scratch.entries.iter().find(|entry| same(&entry.name)) {
            return Some(resolve(self.scratch, self.body, entry.value));
        }
        let (id, value) = self.stream.labels.iter().find(|(id, _)| same(id))?;
        (!self.scratch.deleted.contains(id)).then_some(value)
    }

    /// All labels, those of the categories that `pick` likes.
    pub fn labels(&self, pick: impl Fn(Category) -> bool) -> Labels {
        let mut pairs = Vec::new();
        self.each_label(|name, value, category| {
            if pick(category) {
                pairs.push((name.into(), value.into()));
            }
        });
        Labels::new(pairs)
    }
}
