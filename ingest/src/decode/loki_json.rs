//! Loki's push request in JSON: `{"streams":[{"stream":{"app":"web"},"values":[["<ns>","line",{"trace":"1"}]]}]}`.

use super::json::Text;
use super::{DecodeError, names, readable};
use crate::incoming::Incoming;
use gantry_model::{LabelSet, LogBatchBuilder, Timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Reads a push request. Nanoseconds may be a string, as Loki wants it, or a whole number.
///
/// # Errors
/// `invalid_json` with line and column and what was expected there.
pub fn loki_json(body: &[u8]) -> Result<Incoming, DecodeError> {
    let mut invalid_utf8 = 0;
    let text = readable(body, &mut invalid_utf8);
    let push: Push<'_> = serde_json::from_str(&text).map_err(DecodeError::json)?;
    let mut batch = LogBatchBuilder::with_capacity(text.len(), push.streams.iter().map(|s| s.values.len()).sum());
    let mut open: Option<&LabelSet> = None;
    for stream in &push.streams {
        if open != Some(&stream.stream) {
            batch.stream(stream.stream.clone());
            open = Some(&stream.stream);
        }
        for entry in &stream.values {
            let metadata = entry.metadata.iter().map(|(name, value)| (&**name, &**value));
            batch.push(entry.at, &entry.line, metadata)?;
        }
    }
    Ok(Incoming { batch: batch.finish(), invalid_utf8, ..Incoming::default() })
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: Vec<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    stream: LabelSet,
    #[serde(borrow, default)]
    values: Vec<Entry<'a>>,
}

struct Entry<'a> {
    at: Timestamp,
    line: Cow<'a, str>,
    metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[\"<nanoseconds>\", \"<line>\"] or [\"<nanoseconds>\", \"<line>\", {metadata}]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Nanos(at) = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let Text(line) = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        let metadata = seq.next_element::<Option<Metadata<'de>>>()?.flatten().unwrap_or_default();
        if seq.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::invalid_length(4, &self));
        }
        Ok(Entry { at, line, metadata: metadata.0 })
    }
}

struct Nanos(Timestamp);

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NanosVisitor)
    }
}

struct NanosVisitor;

impl Visitor<'_> for NanosVisitor {
    type Value = Nanos;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp: a string of nanoseconds since 1970 that fit into 64 bits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Nanos, E> {
        text.parse().map(|ns| Nanos(Timestamp(ns))).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: Error>(self, ns: i64) -> Result<Nanos, E> {
        Ok(Nanos(Timestamp(ns)))
    }

    fn visit_u64<E: Error>(self, ns: u64) -> Result<Nanos, E> {
        i64::try_from(ns).map(|ns| Nanos(Timestamp(ns))).map_err(|_| E::invalid_value(Unexpected::Unsigned(ns), &self))
    }
}

#[derive(Default)]
struct Metadata<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de> Deserialize<'de> for Metadata<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of structured metadata names and string values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata<'de>, A::Error> {
        let mut pairs = Vec::new();
        while let Some((Text(name), Text(value))) = map.next_entry()? {
            pairs.push((names::legal_cow(name), value));
        }
        Ok(Metadata(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str =
        r#"{"streams":[{"values":[["1","a"],["2","b \"q\"",{"trace.id":"x"}],[3,"c"]],"stream":{"app":"x"}}]}"#;

    #[test]
    fn lines_keep_their_stream_time_text_and_metadata() {
        let batch = loki_json(GOOD.as_bytes()).unwrap().batch;
        let rows: Vec<_> = batch.rows().iter().map(|r| (r.timestamp.0, batch.body(r), batch.metadata(r))).collect();
        assert_eq!(rows, [(1, "a", ""), (2, "b \"q\"", r#"{"trace_id":"x"}"#), (3, "c", "")]);
        assert_eq!(batch.streams()[0].labels.to_string(), r#"{app="x"}"#);
    }

    #[test]
    fn errors_name_position_and_expectation() {
        let fault = |text: &str| loki_json(text.as_bytes()).unwrap_err().message;
        let wrong_time = fault(r#"{"streams":[{"stream":{},"values":[["soon","a"]]}]}"#);
        assert!(
            wrong_time.contains("nanoseconds since 1970") && wrong_time.contains("line 1 column 42"),
            "{wrong_time}"
        );
        let no_line = fault(r#"{"streams":[{"stream":{},"values":[["1"]]}]}"#);
        assert!(no_line.contains("invalid length 1, expected [\"<nanoseconds>\", \"<line>\"]"), "{no_line}");
        assert!(fault("{\"streams\":[\n}").contains("line 2 column 1"));
        assert!(fault("{}").contains("missing field `streams`"));
    }

    #[test]
    fn invalid_utf8_stays_readable_and_is_counted() {
        let body = GOOD.as_bytes().iter().map(|b| if *b == b'q' { 0xfe } else { *b }).collect::<Vec<u8>>();
        let incoming = loki_json(&body).unwrap();
        assert_eq!(incoming.batch.body(&incoming.batch.rows()[1]), "b \"\u{fffd}\"");
        assert_eq!(incoming.invalid_utf8, 1);
    }

    proptest! {
        #[test]
        fn damaged_requests_never_panic(at in 0..GOOD.len(), byte: u8, end in 0..GOOD.len()) {
            let mut body = GOOD.as_bytes().to_vec();
            body[at] = byte;
            let _ = loki_json(&body);
            let _ = loki_json(&body[..end]);
        }
    }
}
