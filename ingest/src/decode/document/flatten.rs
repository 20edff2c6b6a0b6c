//! From JSON text or a MessagePack value to flat fields, with bounds on depth, number and length of names.

use super::Document;
use crate::decode::json::{Object, Text};
use rmpv::ValueRef;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Objects deeper than this stay JSON text.
const MAX_DEPTH: usize = 8;
/// Objects whose own dotted name is longer stay JSON text.
const MAX_PREFIX: usize = 200;
/// A document with more fields overflows.
const MAX_FIELDS: usize = 1024;
/// How much larger than the document the fields with their dotted names may become before it overflows.
const MAX_GROWTH: usize = 4;

impl<'a> Document<'a> {
    /// The fields of a JSON object. Arrays stay JSON text; nulls are left out.
    ///
    /// # Errors
    /// When the text is no JSON object; the error knows line and column.
    pub fn from_json(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut filler = Filler::new(text.len());
        let Object(fields) = serde_json::from_str(text)?;
        filler.json("", fields, 1)?;
        Ok(filler.document)
    }

    /// The fields of a MessagePack map; `size` is the length of its encoding.
    pub fn from_msgpack(map: Vec<(ValueRef<'a>, ValueRef<'a>)>, size: usize) -> Self {
        let mut filler = Filler::new(size);
        filler.msgpack("", map, 1);
        filler.document
    }

    pub fn push(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        self.fields.push((name, value));
    }
}

struct Filler<'a> {
    document: Document<'a>,
    bytes_left: usize,
}

impl<'a> Filler<'a> {
    fn new(size: usize) -> Self {
        Filler { document: Document::default(), bytes_left: MAX_GROWTH * size }
    }

    /// Room for one more field of this size.
    fn has_room(&mut self, bytes: usize) -> bool {
        if self.document.fields.len() >= MAX_FIELDS || bytes > self.bytes_left {
            self.document.overflow = true;
            return false;
        }
        self.bytes_left -= bytes;
        true
    }

    fn json(
        &mut self,
        prefix: &str,
        fields: Vec<(Cow<'a, str>, &'a RawValue)>,
        depth: usize,
    ) -> Result<(), serde_json::Error> {
        for (name, value) in fields {
            let raw = value.get();
            if raw.starts_with('{') && depth < MAX_DEPTH && prefix.len() + name.len() < MAX_PREFIX {
                let Object(inner) = serde_json::from_str(raw)?;
                let prefix = dotted(prefix, name);
                self.json(&prefix, inner, depth + 1)?;
                continue;
            }
            if raw == "null" {
                continue;
            }
            if !self.has_room(prefix.len() + 1 + name.len() + raw.len()) {
                return Ok(());
            }
            let value = match raw.starts_with('"') {
                true => serde_json::from_str::<Text<'a>>(raw)?.0,
                false => Cow::Borrowed(raw),
            };
            self.document.push(dotted(prefix, name), value);
        }
        Ok(())
    }

    fn msgpack(&mut self, prefix: &str, map: Vec<(ValueRef<'a>, ValueRef<'a>)>, depth: usize) {
        for (name, value) in map {
            let name = text(&name);
            match value {
                ValueRef::Nil => {}
                ValueRef::Map(inner) if depth < MAX_DEPTH && prefix.len() + name.len() < MAX_PREFIX => {
                    self.msgpack(&dotted(prefix, name), inner, depth + 1);
                }
                value => {
                    let value = text(&value);
                    if !self.has_room(prefix.len() + 1 + name.len() + value.len()) {
                        return;
                    }
                    self.document.push(dotted(prefix, name), value);
                }
            }
        }
    }
}

fn dotted<'a>(prefix: &str, name: Cow<'a, str>) -> Cow<'a, str> {
    if prefix.is_empty() { name } else { Cow::Owned(format!("{prefix}.{name}")) }
}

/// A MessagePack value as text: strings and bytes as they are, everything else as JSON.
fn text<'a>(value: &ValueRef<'a>) -> Cow<'a, str> {
    match value {
        ValueRef::String(text) => match text.into_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        },
        ValueRef::Binary(bytes) => String::from_utf8_lossy(bytes),
        other => {
            let mut json = String::new();
            write_json(other, &mut json);
            Cow::Owned(json)
        }
    }
}

/// Appends the value as JSON; bytes as text, extensions as null.
fn write_json(value: &ValueRef<'_>, out: &mut String) {
    match value {
        ValueRef::Nil | ValueRef::Ext(..) => out.push_str("null"),
        ValueRef::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        ValueRef::Integer(value) => write_number(value, out),
        ValueRef::F32(value) if value.is_finite() => write_number(value, out),
        ValueRef::F64(value) if value.is_finite() => write_number(value, out),
        ValueRef::F32(_) | ValueRef::F64(_) => out.push_str("null"),
        ValueRef::String(_) | ValueRef::Binary(_) => write_string(&text(value), out),
        ValueRef::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_json(item, out);
            }
            out.push(']');
        }
        ValueRef::Map(pairs) => write_map(pairs, out),
    }
}

/// Appends a map as a JSON object; keys that are no text are written as the text of their JSON.
pub(crate) fn write_map(pairs: &[(ValueRef<'_>, ValueRef<'_>)], out: &mut String) {
    out.push('{');
    for (at, (name, value)) in pairs.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        write_string(&text(name), out);
        out.push(':');
        write_json(value, out);
    }
    out.push('}');
}

fn write_number(value: &dyn fmt::Display, out: &mut String) {
    write!(out, "{value}").expect("a string takes every text");
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
