//! Newline-delimited JSON: one object a line, whose fields give the time and the labels.

use super::grouped::{Grouped, Pairs};
use super::loki_json::Text;
use super::{DecodeError, names, readable, time};
use crate::error::{Refusals, cut};
use crate::incoming::Incoming;
use crate::reason::Reason;
use gantry_model::{LabelSet, Timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
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

/// Reads lines; blank ones are skipped. `now` is for lines without a time.
///
/// # Errors
/// Never for bad lines: each is refused on its own, with its number.
pub fn ndjson(body: &[u8], fields: &NdjsonFields, now: Timestamp) -> Result<Incoming, DecodeError> {
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

/// The fields of one object, values as they stand in the text.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

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

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            fields.push((name, value));
        }
        Ok(Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn lines(body: &str, fields: &NdjsonFields) -> Vec<String> {
        let batch = ndjson(body.as_bytes(), fields, NOW).unwrap().batch;
        let mut all = Vec::new();
        for stream in batch.streams() {
            for row in batch.rows_of(stream) {
                let (at, body, metadata) = (row.timestamp.nanos(), batch.body(row), batch.metadata(row));
                all.push(format!("{} {at} {body} {metadata}", stream.labels).trim_end().to_owned());
            }
        }
        all
    }

    #[test]
    fn by_default_the_whole_line_is_the_body_and_the_usual_time_fields_are_tried() {
        let body = "{\"ts\":5,\"msg\":\"a\"}\n\n  {\"msg\":\"b\",\"time\":\"later\"} \r\n";
        let expected = [
            r#"{source="ndjson"} 5000000000 {"ts":5,"msg":"a"}"#,
            r#"{source="ndjson"} 1000000000000 {"msg":"b","time":"later"}"#,
        ];
        assert_eq!(lines(body, &NdjsonFields::default()), expected);
    }

    #[test]
    fn chosen_fields_become_body_labels_and_metadata() {
        let fields = NdjsonFields {
            time: Some("when".into()),
            message: Some("text".into()),
            labels: vec!["app".into(), "k8s.pod".into()],
            fixed: vec![("env".into(), "test".into())],
        };
        let body = concat!(
            r#"{"when":"1970-01-01T00:00:02Z","text":"one","app":"a","k8s.pod":"p-0","user":{"id":7},"x.y":true,"z":null}"#,
            "\n",
            r#"{"app":"b"}"#,
            "\n",
            r#"{"when":3,"text":"two","app":"a","k8s.pod":"p-0"}"#,
        );
        let expected = [
            r#"{app="a", env="test", k8s_pod="p-0"} 2000000000 one {"user":"{\"id\":7}","x_y":"true"}"#,
            r#"{app="a", env="test", k8s_pod="p-0"} 3000000000 two"#,
            r#"{app="b", env="test"} 1000000000000 {"app":"b"}"#,
        ];
        assert_eq!(lines(body, &fields), expected);
    }

    #[test]
    fn a_bad_line_is_refused_with_its_number_and_the_others_are_kept() {
        let fields = NdjsonFields { time: Some("t".into()), ..NdjsonFields::default() };
        let incoming = ndjson(b"{\"t\":1}\nplain text\n{\"t\":\"x\"}\n[1]\n", &fields, NOW).unwrap();
        assert_eq!(incoming.batch.line_count(), 1);
        assert_eq!(
            incoming.refused.summary(1),
            "3 of 4 lines were refused, 1 were stored; the first: invalid_json: expected value at line 1 column 1 (line 2 \
             of the body)"
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..100), text in r#"[{}":,a\\n0-9.\n]{0,60}"#) {
            let fields = NdjsonFields { message: Some("a".into()), ..NdjsonFields::default() };
            let _ = ndjson(&body, &fields, NOW);
            let _ = ndjson(text.as_bytes(), &fields, NOW);
        }
    }
}
