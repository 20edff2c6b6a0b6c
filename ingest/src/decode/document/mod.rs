//! Documents: records of named, possibly nested fields, as Elasticsearch, Splunk and Fluent clients send them, and the
//! line that becomes of each.
//!
//! Fields are flattened to dotted names. A few become stream labels, one the body, one the time; the others are structured
//! metadata. A document whose fields are over the limits of metadata is stored whole, as its own text: nothing is lost.
//!
//! Start with [`Document::line`]. Never here: how a protocol wraps its documents.

mod flatten;
mod options;

pub(crate) use flatten::write_map;
pub use options::DocumentOptions;

use super::grouped::Pairs;
use super::{names, time};
use crate::error::cut;
use crate::options::IngestOptions;
use crate::reason::Reason;
use gantry_model::{LabelSet, Timestamp, metadata};
use std::borrow::Cow;

/// Flattened fields in the order of the document.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    fields: Pairs<'a>,
    /// There are more fields, or longer names, than are worth having apart.
    overflow: bool,
}

/// What a document becomes.
#[derive(Debug)]
pub(crate) struct DocumentLine<'a> {
    pub labels: LabelSet,
    pub at: Timestamp,
    pub body: Cow<'a, str>,
    pub metadata: Pairs<'a>,
}

/// What the request says beside the document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context<'a> {
    /// Labels of the line whatever the document says; they win over it.
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    /// The field that must hold the time if it is there.
    pub time_field: Option<&'a str>,
    /// The time by the protocol, stronger than any field.
    pub at: Option<Timestamp>,
    /// When the request came: for lines that have no time of their own.
    pub now: Timestamp,
    /// The label `source` of lines that have no label at all.
    pub source: &'a str,
}

impl<'a> Document<'a> {
    /// The line; `whole` is the text of the whole document, for when the body is not one of the fields.
    ///
    /// # Errors
    /// `invalid_timestamp` when the named time field holds something else.
    pub fn line(
        self,
        whole: impl FnOnce() -> Cow<'a, str>,
        context: &Context<'_>,
        options: &IngestOptions,
    ) -> Result<DocumentLine<'a>, (Reason, String)> {
        let (at, time_at) = self.time(context, &options.documents)?;
        let (labels, used) = self.labels(context, &options.documents);
        let Some(message) = self.message(&options.documents).filter(|_| !self.overflow) else {
            return Ok(DocumentLine { labels, at, body: whole(), metadata: Pairs::new() });
        };
        let is_rest = |at: usize| at != message && Some(at) != time_at && !used.contains(&at);
        let rest = || self.fields.iter().enumerate().filter(|(at, _)| is_rest(*at)).map(|(_, pair)| pair);
        if !fits(rest(), options) {
            return Ok(DocumentLine { labels, at, body: whole(), metadata: Pairs::new() });
        }
        let rest: Vec<bool> = (0..self.fields.len()).map(is_rest).collect();
        let mut body = Cow::Borrowed("");
        let mut metadata = Pairs::new();
        for (at, (name, value)) in self.fields.into_iter().enumerate() {
            if at == message {
                body = trimmed(value);
            } else if rest[at] {
                metadata.push((names::legal_cow(name), value));
            }
        }
        Ok(DocumentLine { labels, at, body, metadata })
    }

    /// Adds the body under the name that is looked for first.
    pub fn push_message(&mut self, body: Cow<'a, str>, options: &IngestOptions) {
        let name = options.documents.message.first().cloned().unwrap_or_default();
        self.fields.push((Cow::Owned(name), body));
    }

    /// Adds the fields of another document; of two with the same name the later counts.
    pub fn extend(&mut self, other: Document<'a>) {
        self.fields.extend(other.fields);
        self.overflow |= other.overflow;
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().rposition(|(field, _)| field == name)
    }

    fn message(&self, options: &DocumentOptions) -> Option<usize> {
        options.message.iter().find_map(|name| self.find(name))
    }

    /// The time, and which field gave it.
    fn time(
        &self,
        context: &Context<'_>,
        options: &DocumentOptions,
    ) -> Result<(Timestamp, Option<usize>), (Reason, String)> {
        if let Some(at) = context.at {
            return Ok((at, None));
        }
        if let Some(name) = context.time_field {
            let Some(field) = self.find(name) else { return Ok((context.now, None)) };
            let text = &self.fields[field].1;
            let at = time::parse(text).ok_or_else(|| {
                let text = cut(text.clone().into_owned(), 100);
                let message = format!("field {name} holds {text:?}, neither RFC 3339 nor a number since 1970");
                (Reason::InvalidTimestamp, message)
            })?;
            return Ok((at, Some(field)));
        }
        let found = options.time.iter().find_map(|name| {
            let field = self.find(name)?;
            Some((time::parse(&self.fields[field].1)?, Some(field)))
        });
        Ok(found.unwrap_or((context.now, None)))
    }

    /// The labels, and the fields that gave them.
    fn labels(&self, context: &Context<'_>, options: &DocumentOptions) -> (LabelSet, Vec<usize>) {
        let mut used = Vec::new();
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for (label, fields) in &options.labels {
            let found = fields.iter().find_map(|name| self.find(name));
            let Some(at) = found.filter(|at| !self.fields[*at].1.is_empty()) else { continue };
            used.push(at);
            pairs.push((label, &self.fields[at].1));
        }
        pairs.extend(context.labels.iter().map(|(name, value)| (*name, &**value)));
        if pairs.is_empty() {
            pairs.push(("source", context.source));
        }
        (LabelSet::from_pairs(pairs), used)
    }
}

/// Whether these fields can be the structured metadata of one line.
fn fits<'a>(fields: impl Iterator<Item = &'a (Cow<'a, str>, Cow<'a, str>)> + Clone, options: &IngestOptions) -> bool {
    let (count, bytes) = fields.clone().fold((0, 0), |(count, bytes), (n, v)| (count + 1, bytes + n.len() + v.len()));
    // The encoding writes at most six bytes for one, and five for each entry.
    if count > options.max_metadata_entries || bytes > options.max_metadata_bytes {
        return false;
    }
    if 6 * (bytes + count) + 2 <= options.max_metadata_bytes {
        return true;
    }
    let mut encoded = String::with_capacity(bytes + 8 * count);
    metadata::encode(fields.map(|(n, v)| (&**n, &**v)), &mut encoded);
    encoded.len() <= options.max_metadata_bytes
}

/// Without the line break at the end that container engines leave there.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    let kept = text.trim_end_matches(['\n', '\r']).len();
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..kept]),
        Cow::Owned(mut text) => {
            text.truncate(kept);
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests;
