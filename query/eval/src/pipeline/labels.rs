//! The labels of the line that is being worked on.
//!
//! Stream labels are shared; on top lies a short list of what metadata, parsers and formatters set. A name occurs in
//! that list once: what is parsed hides metadata, and metadata hides the stream's labels. Values lie in the body or in
//! an arena that the next line reuses.

use super::hints::Required;
use super::names::{NameId, Names};
use gantry_model::LabelSet;

/// Where a label of a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Stream,
    StructuredMetadata,
    Parsed,
}

/// A text inside the body or the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    in_body: bool,
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub name: NameId,
    pub value: Span,
    pub category: Category,
}

/// A stream's labels, prepared once for all its lines.
#[derive(Clone, Debug)]
pub struct Stream {
    pub(crate) set: LabelSet,
    pub(crate) labels: Vec<(NameId, Box<str>)>,
    pub(crate) generation: u64,
}

/// Buffers for one line after the other; one per thread and pipeline.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(crate) names: Names,
    pub(crate) generation: u64,
    pub(crate) row: u64,
    pub(crate) arena: String,
    pub(crate) entries: Vec<Entry>,
    /// Stream labels that are gone.
    pub(crate) deleted: Vec<NameId>,
    pub(crate) error: Option<Span>,
    pub(crate) details: Option<Span>,
    pub(crate) preserved: bool,
    pub(crate) found: usize,
    /// A parser found a label that a later filter refuses.
    pub(crate) rejected: bool,
    /// The line, where it is no longer the body.
    pub(crate) line: String,
    pub(crate) buffer: String,
}

impl Scratch {
    pub(crate) fn new(names: Names, generation: u64) -> Scratch {
        Scratch {
            names,
            generation,
            row: 0,
            arena: String::new(),
            entries: Vec::new(),
            deleted: Vec::new(),
            error: None,
            details: None,
            preserved: false,
            found: 0,
            rejected: false,
            line: String::new(),
            buffer: String::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.row += 1;
        self.names.start_line();
        self.arena.clear();
        self.entries.clear();
        self.deleted.clear();
        (self.error, self.details) = (None, None);
        (self.preserved, self.found, self.rejected) = (false, 0, false);
    }
}

/// A line in the works.
#[derive(Debug)]
pub(crate) struct Work<'r> {
    pub scratch: &'r mut Scratch,
    pub stream: &'r Stream,
    pub required: &'r Required,
    pub body: &'r str,
    pub timestamp: i64,
    pub now: i64,
    /// The line is `scratch.line` and no longer `body`.
    pub own_line: bool,
}

impl<'r> Work<'r> {
    /// Calls `f` with the line; whatever `f` stores of it stays valid.
    pub fn with_line<T>(&mut self, f: impl FnOnce(&mut Self, &str) -> T) -> T {
        if !self.own_line {
            let body = self.body;
            return f(self, body);
        }
        let line = std::mem::take(&mut self.scratch.line);
        let result = f(self, &line);
        self.scratch.line = line;
        result
    }

    pub fn line(&self) -> &str {
        if self.own_line { &self.scratch.line } else { self.body }
    }

    /// Makes `text` the line.
    pub fn set_line(&mut self, text: &str) {
        self.scratch.line.clear();
        self.scratch.line.push_str(text);
        self.own_line = true;
    }

    pub fn text(&self, span: Span) -> &str {
        resolve(self.scratch, self.body, span)
    }

    /// Borrows from the body where `text` is a part of it, else copies.
    fn span(&mut self, text: &str) -> Span {
        let offset = (text.as_ptr() as usize).wrapping_sub(self.body.as_ptr() as usize);
        let inside = self.body.get(offset..).and_then(|rest| rest.get(..text.len()));
        if inside.is_some_and(|part| std::ptr::eq(part.as_ptr(), text.as_ptr())) {
            return Span { in_body: true, start: offset as u32, len: text.len() as u32 };
        }
        let start = self.scratch.arena.len() as u32;
        self.scratch.arena.push_str(text);
        Span { in_body: false, start, len: text.len() as u32 }
    }

    fn entry(&self, name: NameId) -> Option<&Entry> {
        self.scratch.entries.iter().find(|entry| entry.name == name)
    }

    pub fn in_stream(&self, name: NameId) -> bool {
        self.stream.labels.iter().any(|(n, _)| *n == name)
    }

    pub fn get(&self, name: NameId) -> Option<(&str, Category)> {
        if let Some(entry) = self.entry(name) {
            return Some((self.text(entry.value), entry.category));
        }
        let (_, value) = self.stream.labels.iter().find(|(n, _)| *n == name)?;
        (!self.scratch.deleted.contains(&name)).then_some((value, Category::Stream))
    }

    /// The value for matchers: absent labels are empty, errors are labels too.
    pub fn value(&self, name: NameId, text: &str) -> &str {
        match text {
            "__error__" => self.scratch.error.map_or("", |span| self.text(span)),
            "__error_details__" => self.scratch.details.map_or("", |span| self.text(span)),
            _ => self.get(name).map_or("", |(value, _)| value),
        }
    }

    pub fn set(&mut self, category: Category, name: NameId, value: &str) {
        let value = self.span(value);
        self.set_span(category, name, value);
    }

    fn set_span(&mut self, category: Category, name: NameId, value: Span) {
        let current = self.scratch.entries.iter().position(|entry| entry.name == name);
        let held = current.map(|at| self.scratch.entries[at].category);
        if held > Some(category) {
            return;
        }
        if category == Category::Parsed {
            self.record(name);
        }
        if category != Category::Stream && self.in_stream(name) && !self.scratch.deleted.contains(&name) {
            self.scratch.deleted.push(name);
        }
        match current {
            Some(at) => self.scratch.entries[at] = Entry { name, value, category },
            None => self.scratch.entries.push(Entry { name, value, category }),
        }
    }

    /// Gives the label `from`, where there is one, the name `to`.
    pub fn rename(&mut self, from: NameId, to: NameId) {
        let span = match self.entry(from) {
            Some(entry) => Some((entry.value, entry.category)),
            None => self.get(from).map(|(value, category)| (value.to_string(), category)).map(|(value, category)| {
                let value = self.span(&value);
                (value, category)
            }),
        };
        if let Some((value, category)) = span {
            self.set_span(category, to, value);
            self.delete(from);
        }
    }

    fn record(&mut self, name: NameId) {
        let row = self.scratch.row;
        let known = self.scratch.names.get_mut(name);
        if known.row != row {
            known.row = row;
            self.scratch.found += usize::from(known.required);
        }
    }

    pub fn delete(&mut self, name: NameId) {
        self.scratch.entries.retain(|entry| entry.name != name);
        if self.in_stream(name) && !self.scratch.deleted.contains(&name) {
            self.scratch.deleted.push(name);
        }
    }

    /// The name under which a parser stores what it found as `name`: with `_extracted` where the stream or the metadata
    /// has the name already; `None` when nobody wants it, or an earlier parser found it.
    pub fn target(&mut self, name: NameId) -> Option<NameId> {
        let name = self.free_name(name);
        let known = self.scratch.names.get(name);
        let wanted = known.required || self.required.labels.is_empty();
        (wanted && known.row != self.scratch.row).then_some(name)
    }

    pub fn free_name(&mut self, name: NameId) -> NameId {
        let metadata = self.entry(name).is_some_and(|e| e.category == Category::StructuredMetadata);
        if metadata || self.in_stream(name) { self.scratch.names.extracted(name) } else { name }
    }

    /// Stores what a parser found and tries the filters on it.
    pub fn parsed(&mut self, name: NameId, value: &str) {
        self.set(Category::Parsed, name, value);
        let required = self.required;
        let refused = required.early.iter().any(|(label, filter)| *label == name && !filter.keeps(self));
        self.scratch.rejected |= refused;
    }

    /// Everything that was asked for has been found, or the line is refused: parsers may stop.
    pub fn is_done(&self) -> bool {
        let satisfied = !self.required.labels.is_empty() && self.scratch.found == self.required.labels.len();
        satisfied || self.scratch.rejected
    }

    pub fn fail(&mut self, kind: &str, details: Option<&str>) {
        self.scratch.error = Some(self.span(kind));
        if let Some(details) = details {
            self.scratch.details = Some(self.span(details));
        }
    }

    /// An error of a parser: kept as a label where the query asks for errors.
    pub fn fail_parser(&mut self, kind: &str, details: Option<&str>) {
        self.fail(kind, details);
        self.scratch.preserved |= self.required.preserve_error;
    }

    pub fn failed(&self) -> bool {
        self.scratch.error.is_some()
    }

    /// All labels but errors, in no order.
    pub fn each<'s>(&'s self, mut visit: impl FnMut(NameId, &'s str)) {
        for entry in &self.scratch.entries {
            visit(entry.name, self.text(entry.value));
        }
        for (name, value) in &self.stream.labels {
            if !self.scratch.deleted.contains(name) && self.entry(*name).is_none() {
                visit(*name, value);
            }
        }
    }
}

pub(crate) fn resolve<'a>(scratch: &'a Scratch, body: &'a str, span: Span) -> &'a str {
    let text = if span.in_body { body } else { &scratch.arena };
    &text[span.start as usize..][..span.len as usize]
}
