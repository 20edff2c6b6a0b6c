//! Loki's push request in protobuf: the hot path. Borrows from the body and copies each line once, into the batch.
//!
//! ```text
//! PushRequest { 1: repeated Stream }      Stream { 1: string labels, 2: repeated Entry }
//! Entry { 1: Timestamp, 2: string line, 3: repeated LabelPair metadata }      LabelPair { 1: name, 2: value }
//! Timestamp { 1: int64 seconds, 2: int32 nanos }
//! ```
//! (grafana/loki, `pkg/push/push.proto`; fields of other numbers are skipped.)

use super::{DecodeError, from_secs_and_nanos, names, readable};
use crate::error::{Refusals, cut, shown};
use crate::incoming::Incoming;
use crate::label_cache::LabelCache;
use crate::reason::Reason;
use gantry_model::{LabelSet, LogBatchBuilder, Timestamp};
use gantry_prompb::{Value, Wire};
use std::borrow::Cow;

/// Bytes of a body for which to expect one line.
const BYTES_PER_LINE: usize = 128;

/// Reads a `PushRequest` that is decompressed already.
///
/// # Errors
/// `invalid_protobuf` with the position. A stream with a broken label string and a line with an impossible time are
/// refused on their own.
pub fn loki_protobuf(body: &[u8], labels: &LabelCache) -> Result<Incoming, DecodeError> {
    let mut decoder = Decoder {
        labels,
        batch: LogBatchBuilder::with_capacity(body.len(), body.len() / BYTES_PER_LINE),
        open: None,
        refused: Refusals::default(),
        invalid_utf8: 0,
    };
    let mut request = Wire::new(body);
    while let Some(field) = request.field()? {
        if let (1, Value::Bytes(stream)) = field {
            decoder.stream(stream)?;
        }
    }
    let Decoder { batch, refused, invalid_utf8, .. } = decoder;
    Ok(Incoming { batch: batch.finish(), refused, invalid_utf8 })
}

struct Decoder<'a> {
    labels: &'a LabelCache,
    batch: LogBatchBuilder,
    /// The stream that lines go to; the next one with the same labels continues it.
    open: Option<LabelSet>,
    refused: Refusals,
    invalid_utf8: u64,
}

#[derive(Default)]
struct Entry<'a> {
    secs: i64,
    nanos: i64,
    line: &'a [u8],
    metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Decoder<'_> {
    fn stream(&mut self, mut stream: Wire<'_>) -> Result<(), DecodeError> {
        let text = label_string(stream)?;
        let Some(labels) = self.parse_labels(text, stream)? else { return Ok(()) };
        if self.open.as_ref() != Some(&labels) {
            self.batch.stream(labels.clone());
            self.open = Some(labels);
        }
        while let Some(field) = stream.field()? {
            if let (2, Value::Bytes(entry)) = field {
                self.entry(entry)?;
            }
        }
        Ok(())
    }

    /// `None` when the labels are broken; the lines are refused then.
    fn parse_labels(&mut self, text: &[u8], mut stream: Wire<'_>) -> Result<Option<LabelSet>, DecodeError> {
        let parsed = match std::str::from_utf8(text) {
            Ok(text) => self.labels.parse(text).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let fault = match parsed {
            Ok(labels) => return Ok(Some(labels)),
            Err(fault) => fault,
        };
        let (mut lines, mut bytes) = (0, 0);
        while let Some(field) = stream.field()? {
            if let (2, Value::Bytes(wire)) = field {
                lines += 1;
                bytes += read_entry(wire, &mut 0)?.line.len() as u64;
            }
        }
        let describe = || format!("{fault}; stream {}", cut(String::from_utf8_lossy(text).into_owned(), 300));
        self.refused.add(Reason::InvalidLabels, lines, bytes, describe);
        Ok(None)
    }

    fn entry(&mut self, wire: Wire<'_>) -> Result<(), DecodeError> {
        let entry = read_entry(wire, &mut self.invalid_utf8)?;
        let Some(at) = from_secs_and_nanos(entry.secs, entry.nanos) else {
            self.refuse_time(&entry);
            return Ok(());
        };
        self.push(at, &entry)
    }

    fn push(&mut self, at: Timestamp, entry: &Entry<'_>) -> Result<(), DecodeError> {
        let line = readable(entry.line, &mut self.invalid_utf8);
        self.batch.push(at, &line, entry.metadata.iter().map(|(name, value)| (&**name, &**value)))?;
        Ok(())
    }

    fn refuse_time(&mut self, entry: &Entry<'_>) {
        let stream = self.open.as_ref().map(shown).unwrap_or_default();
        let describe =
            || format!("{} seconds since 1970 are not in the years 1677 to 2262; stream {stream}", entry.secs);
        self.refused.add(Reason::TimestampOutOfRange, 1, entry.line.len() as u64, describe);
    }
}

/// Almost always the first field of the stream.
fn label_string(mut stream: Wire<'_>) -> Result<&[u8], DecodeError> {
    while let Some(field) = stream.field()? {
        if let (1, Value::Bytes(text)) = field {
            return Ok(text.bytes());
        }
    }
    Ok(b"{}")
}

fn read_entry<'a>(mut wire: Wire<'a>, invalid_utf8: &mut u64) -> Result<Entry<'a>, DecodeError> {
    let mut entry = Entry::default();
    while let Some((number, value)) = wire.field()? {
        match (number, value) {
            (1, Value::Bytes(timestamp)) => (entry.secs, entry.nanos) = read_timestamp(timestamp)?,
            (2, Value::Bytes(line)) => entry.line = line.bytes(),
            (3, Value::Bytes(pair)) => entry.metadata.push(read_pair(pair, invalid_utf8)?),
            _ => {}
        }
    }
    Ok(entry)
}

fn read_timestamp(mut wire: Wire<'_>) -> Result<(i64, i64), DecodeError> {
    let (mut secs, mut nanos) = (0, 0);
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Varint(value)) => secs = value as i64,
            (2, Value::Varint(value)) => nanos = i64::from(value as i32),
            _ => {}
        }
    }
    Ok((secs, nanos))
}

fn read_pair<'a>(mut wire: Wire<'a>, invalid_utf8: &mut u64) -> Result<(Cow<'a, str>, Cow<'a, str>), DecodeError> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Bytes(bytes)) => name = bytes.bytes(),
            (2, Value::Bytes(bytes)) => value = bytes.bytes(),
            _ => {}
        }
    }
    let name = names::legal_cow(readable(name, invalid_utf8));
    Ok((name, readable(value, invalid_utf8)))
}

#[cfg(test)]
mod tests;
