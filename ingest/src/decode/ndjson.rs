//! JSON objects whose fields give the time and the labels: one a line, or the elements of an array, or a single one over
//! several lines.

use super::grouped::{Grouped, Pairs};
use super::json::{Object, Text};
use super::{DecodeError, names, readable, time};
use crate::error::{Refusals, cut};
use crate::incoming::Incoming;
use crate::reason::Reason;
use gantry_model::{LabelSet, Timestamp};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Where to look for the time when nothing is said: the first of these that holds one.
const TIME_FIELDS: [&str; 5] = ["time", "timestamp", "ts", "@timestamp", "_time"];

/// Which fields mean what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NdjsonFields {
    /// The field that holds the time, RFC 3339 or a number since 1970. `None`: the first of `time`, `timestamp`, `ts`,
    /// `@timestamp`, `_time` that holds one. A line without the field gets the time of its arrival.
    pub time: Option<String>,
    /// The field that becomes the body; the other fields become structured metadata. `None`, or a line without the field:
    /// the whole line is the body.
    pub message: Option<String>,
    /// Fields whose values become stream labels.
    pub labels: Vec<String>,
    /// Labels of every line. When there are no labels at all, it is `source="ndjson"`.
    pub fixed: Vec<(String, String)>,
}

/// Reads lines; blank ones are skipped. `now` is for lines without a time. A body that begins with `[` is an array, and one
/// whose first line ends within its object is a single object, or several in a row.
///
/// # Errors
/// Never for bad lines and elements: each is refused on its own, with its number. `invalid_json` when an array or an object
/// over several lines is broken; nothing of the body is taken then.
pub fn ndjson(body: &[u8], fields: &NdjsonFields, now: Timestamp) -> Result<Incoming, DecodeError> {
    let trimmed = body.trim_ascii_start();
    let first = trimmed.split(|b| *b == b'\n').next().unwrap_or_default();
    let goes_on = || serde_json::from_slice::<IgnoredAny>(first).is_err_and(|e| e.is_eof());
    match trimmed.first() {
        Some(b'[') => elements(body, fields, now, true),
        Some(b'{') if first.len() < trimmed.trim_ascii_end().len() && goes_on() => elements(body, fields, now, false),
        _ => lines(body, fields, now),
    }
}

fn elements(body: &[u8], fields: &NdjsonFields, now: Timestamp, array: bool) -> Result<Incoming, DecodeError> {
    let mut invalid_utf8 = 0;
    let text = readable(body, &mut invalid_utf8);
    let mut taken = Elements { fields, now, count: 0, lines: Grouped::default(), refused: Refusals::default() };
    if array {
        let mut json = serde_json::Deserializer::from_str(&text);
        json.deserialize_seq(&mut taken).and_then(|()| json.end()).map_err(DecodeError::json)?;
    } else {
        for element in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>() {
            taken.take(element.map_err(DecodeError::json)?.get());
        }
    }
    Ok(Incoming { batch: taken.lines.finish()?, refused: taken.refused, invalid_utf8 })
}

/// Takes one element after the other while the array is read.
struct Elements<'f, 'a> {
    fields: &'f NdjsonFields,
    now: Timestamp,
    count: usize,
    lines: Grouped<'a>,
    refused: Refusals,
}

impl<'a> Elements<'_, 'a> {
    fn take(&mut self, raw: &'a str) {
        self.count += 1;
        match read_line(raw, self.fields, self.now) {
            Ok(line) => self.lines.push(line.labels, line.at, line.body, line.metadata),
            Err((reason, fault)) => {
                let count = self.count;
                self.refused.add(reason, 1, raw.len() as u64, || format!("{fault} (element {count} of the body)"));
            }
        }
    }
}

impl<'de> Visitor<'de> for &mut Elements<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of JSON objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(raw) = elements.next_element::<&RawValue>()? {
            self.take(raw.get());
        }
        Ok(())
    }
}

fn lines(body: &[u8], fields: &NdjsonFields, now: Timestamp) -> Result<Incoming, DecodeError> {
    let mut invalid_utf8 = 0;
    let mut refused = Refusals::default();
    let mut lines = Grouped::default();
    for (at, raw) in body.split(|b| *b == b'\n').enumerate() {
        let raw = raw.trim_ascii();
        if raw.is_empty() {
            continue;
        }
        let text = readable(raw, &mut invalid_utf8);
        let line = match text {
            Cow::Borrowed(text) => read_line(text, fields, now),
            Cow::Owned(text) => read_line(&text, fields, now).map(Line::into_owned),
        };
        match line {
            Ok(line) => lines.push(line.labels, line.at, line.body, line.metadata),
            Err((reason, fault)) => {
                refused.add(reason, 1, raw.len() as u64, || format!("{fault} (line {} of the body)", at + 1))
            }
        }
    }
    Ok(Incoming { batch: lines.finish()?, refused, invalid_utf8 })
}

struct Line<'a> {
    labels: LabelSet,
    at: Timestamp,
    body: Cow<'a, str>,
    metadata: Pairs<'a>,
}

impl Line<'_> {
    fn into_owned<'b>(self) -> Line<'b> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let metadata = self.metadata.into_iter().map(|(name, value)| (own(name), own(value))).collect();
        Line { labels: self.labels, at: self.at, body: own(self.body), metadata }
    }
}

fn read_line<'a>(text: &'a str, fields: &NdjsonFields, now: Timestamp) -> Result<Line<'a>, (Reason, String)> {
    let object: Object<'a> = serde_json::from_str(text).map_err(|e| (Reason::InvalidJson, e.to_string()))?;
    let at = object.time(fields)?.unwrap_or(now);
    let labels = object.labels(fields);
    let message = fields.message.as_deref().and_then(|name| Some((name, object.text(name)?)));
    let (body, metadata) = match message {
        Some((name, body)) => (body, object.others(name, fields)),
        None => (Cow::Borrowed(text), Pairs::new()),
    };
    Ok(Line { labels, at, body, metadata })
}

impl<'a> Object<'a> {
    /// The last of the fields of that name, strings without their quotes; `None` for null.
    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self.0.iter().rev().find(|(field, _)| field == name)?;
        plain(value)
    }

    fn time(&self, fields: &NdjsonFields) -> Result<Option<Timestamp>, (Reason, String)> {
        let Some(name) = &fields.time else {
            return Ok(TIME_FIELDS.iter().find_map(|name| time::parse(&self.text(name)?)));
        };
        let Some(text) = self.text(name) else { return Ok(None) };
        time::parse(&text).map(Some).ok_or_else(|| {
            let text = cut(text.into_owned(), 100);
            (Reason::InvalidTimestamp, format!("field {name} holds {text:?}, neither RFC 3339 nor a number since 1970"))
        })
    }

    fn labels(&self, fields: &NdjsonFields) -> LabelSet {
        let own = fields.labels.iter().filter_map(|name| Some((names::legal(name), self.text(name)?)));
        let fixed = fields.fixed.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)));
        let labels: LabelSet = fixed.chain(own).collect();
        if labels.is_empty() { LabelSet::from_pairs([("source", "ndjson")]) } else { labels }
    }

    /// What is neither body, label nor the chosen time, as structured metadata.
    fn others(self, message: &str, fields: &NdjsonFields) -> Pairs<'a> {
        let is_used = |name: &str| {
            name == message || fields.time.as_deref() == Some(name) || fields.labels.iter().any(|label| label == name)
        };
        let rest = self.0.into_iter().filter(|(name, _)| !is_used(name));
        rest.filter_map(|(name, value)| Some((names::legal_cow(name), plain(value)?))).collect()
    }
}

fn plain(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0),
        b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

#[cfg(test)]
mod tests;
