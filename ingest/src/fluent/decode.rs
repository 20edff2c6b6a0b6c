//! One complete message: tag, events in one of four modes, options.

use crate::compression::{Encoding, decompress};
use crate::decode::grouped::{Grouped, Pairs};
use crate::decode::{Context, DecodeError, Document, write_map};
use crate::incoming::Incoming;
use crate::options::IngestOptions;
use crate::reason::Reason;
use gantry_model::Timestamp;
use rmpv::ValueRef;
use rmpv::decode::read_value_ref_with_max_depth;
use std::borrow::Cow;

/// Deeper values are refused.
const MAX_DEPTH: usize = 40;
/// The extension type of an event time: seconds and nanoseconds, 32 bits each, big endian.
const EVENT_TIME: i8 = 0;

/// A decoded message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FluentMessage {
    pub incoming: Incoming,
    /// To be repeated in the acknowledgement, if the client wants one.
    pub chunk: Option<String>,
}

/// Reads one message; a nil is a heartbeat and has no events. `now` is for events without a time.
///
/// # Errors
/// `invalid_msgpack` when it is no message of the protocol, `invalid_compression`, or `body_too_large`; its events are not
/// taken then. A single event that is not one is refused by itself.
pub fn decode(message: &[u8], options: &IngestOptions, now: Timestamp) -> Result<FluentMessage, DecodeError> {
    let parts = match read(&mut &message[..])? {
        ValueRef::Nil => return Ok(FluentMessage::default()),
        ValueRef::Array(parts) => parts,
        _ => return Err(wrong("a message is an array [tag, ...]")),
    };
    let mut parts = parts.into_iter();
    let Some(ValueRef::String(tag)) = parts.next() else {
        return Err(wrong("a message begins with its tag, a string"));
    };
    let tag = String::from_utf8_lossy(tag.as_bytes()).into_owned();
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let events = Events { options, now, tag: &tag };
    match (first, second) {
        (Some(ValueRef::Array(entries)), option) if !is_event_time(&entries, option.as_ref()) => {
            let incoming = events.take_all(entries.into_iter().map(Ok), message.len())?;
            Ok(FluentMessage { incoming, chunk: chunk(option) })
        }
        (Some(ValueRef::Binary(packed)), option) => events.packed(packed, option),
        (Some(ValueRef::String(packed)), option) => events.packed(packed.as_bytes(), option),
        (Some(at), Some(record)) => {
            let entry = ValueRef::Array(vec![at, record]);
            let incoming = events.take_all(std::iter::once(Ok(entry)), message.len())?;
            Ok(FluentMessage { incoming, chunk: chunk(third) })
        }
        _ => Err(wrong("a message is [tag, time, record], [tag, entries] or [tag, packed entries]")),
    }
}

/// `[time, metadata]` in front of a record, as Fluent Bit writes it, and not a list of entries.
fn is_event_time(entries: &[ValueRef<'_>], next: Option<&ValueRef<'_>>) -> bool {
    matches!((entries, next), ([at, ValueRef::Map(_)], Some(ValueRef::Map(_))) if !matches!(at, ValueRef::Array(_)))
}

fn wrong(message: impl Into<String>) -> DecodeError {
    DecodeError { reason: Reason::InvalidMsgpack, message: message.into() }
}

fn read<'a>(bytes: &mut &'a [u8]) -> Result<ValueRef<'a>, DecodeError> {
    read_value_ref_with_max_depth(bytes, MAX_DEPTH).map_err(|cause| wrong(cause.to_string()))
}

fn option<'a>(options: Option<&'a ValueRef<'_>>, name: &str) -> Option<&'a str> {
    let Some(ValueRef::Map(pairs)) = options else { return None };
    let (_, value) =
        pairs.iter().find(|(key, _)| matches!(key, ValueRef::String(key) if key.as_str() == Some(name)))?;
    match value {
        ValueRef::String(text) => text.as_str(),
        _ => None,
    }
}

fn chunk(options: Option<ValueRef<'_>>) -> Option<String> {
    option(options.as_ref(), "chunk").map(str::to_owned)
}

struct Events<'a> {
    options: &'a IngestOptions,
    now: Timestamp,
    tag: &'a str,
}

impl Events<'_> {
    fn packed(&self, packed: &[u8], options: Option<ValueRef<'_>>) -> Result<FluentMessage, DecodeError> {
        let encoding = match option(options.as_ref(), "compressed") {
            None | Some("text") => Encoding::Identity,
            Some("gzip") => Encoding::Gzip,
            Some("zstd") => Encoding::Zstd,
            Some(_) => return Err(wrong("option compressed is neither gzip nor zstd nor text")),
        };
        let plain = decompress(encoding, packed, self.options.max_decompressed_bytes, |_| Ok(()))
            .map_err(|error| DecodeError { reason: error.reason, message: error.message })?;
        let mut rest: &[u8] = &plain;
        let entries = std::iter::from_fn(|| (!rest.is_empty()).then(|| read(&mut rest)));
        let incoming = self.take_all(entries, plain.len())?;
        Ok(FluentMessage { incoming, chunk: chunk(options) })
    }

    fn take_all<'a>(
        &self,
        entries: impl Iterator<Item = Result<ValueRef<'a>, DecodeError>>,
        size: usize,
    ) -> Result<Incoming, DecodeError> {
        let mut lines = Grouped::default();
        let mut incoming = Incoming::default();
        for (number, entry) in entries.enumerate() {
            if let Err((reason, fault)) = self.take(entry?, size, &mut lines) {
                incoming
                    .refused
                    .add(reason, 1, 0, || format!("{fault} (event {number} of the message, tag {})", self.tag));
            }
        }
        incoming.batch = lines.finish()?;
        Ok(incoming)
    }

    fn take<'a>(&self, entry: ValueRef<'a>, size: usize, lines: &mut Grouped<'a>) -> Result<(), (Reason, String)> {
        let fault = |text: &str| (Reason::InvalidMsgpack, text.to_owned());
        let ValueRef::Array(pair) = entry else { return Err(fault("an event is an array [time, record]")) };
        let Ok([at, record]) = <[ValueRef<'a>; 2]>::try_from(pair) else {
            return Err(fault("an event has two parts, time and record"));
        };
        let ValueRef::Map(record) = record else { return Err(fault("a record is a map")) };
        let (at, more) = match at {
            ValueRef::Array(with) => {
                let mut with = with.into_iter();
                (with.next().unwrap_or(ValueRef::Nil), with.next())
            }
            at => (at, None),
        };
        let at =
            time(&at).ok_or_else(|| (Reason::InvalidTimestamp, "the time of the event cannot be read".to_owned()))?;
        let mut whole = String::new();
        write_map(&record, &mut whole);
        let mut document = Document::from_msgpack(record, size.min(whole.len()));
        if let Some(ValueRef::Map(metadata)) = more {
            document.extend(Document::from_msgpack(metadata, size));
        }
        let labels = vec![("tag", Cow::Borrowed(self.tag))];
        let labels = if self.tag.is_empty() { Vec::new() } else { labels };
        let context = Context { labels, at: Some(at.unwrap_or(self.now)), source: "fluent", ..Context::default() };
        let line = document.line(|| Cow::Owned(whole), &context, self.options)?;
        let metadata: Pairs<'a> = line.metadata;
        lines.push(line.labels, line.at, line.body, metadata);
        Ok(())
    }
}

/// The time of an event, `Some(None)` for none; `None` when it makes no sense. Integers and floats count seconds.
fn time(value: &ValueRef<'_>) -> Option<Option<Timestamp>> {
    let nanos = match value {
        ValueRef::Nil => return Some(None),
        ValueRef::Integer(seconds) => seconds.as_i64()?.checked_mul(1_000_000_000)?,
        ValueRef::F64(seconds) if seconds.abs() < 9.2e9 => (seconds * 1e9) as i64,
        ValueRef::Ext(EVENT_TIME, data) => {
            let (seconds, nanos) = <&[u8; 8]>::try_from(*data).ok()?.split_at(4);
            let number = |bytes: &[u8]| bytes.iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
            number(seconds) * 1_000_000_000 + number(nanos)
        }
        _ => return None,
    };
    Some((nanos != 0).then_some(Timestamp(nanos)))
}

#[cfg(test)]
mod tests;
