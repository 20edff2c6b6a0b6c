//! A lenient walk over one JSON object: enough to find keys and values, no more.
//!
//! Numbers and words are told apart by their first byte, what follows the closing brace is ignored, and strings keep
//! their escapes until somebody asks for the text ([`unescape`]). A full parser would cost several times as much and
//! would refuse lines that LogQL accepts.

use std::borrow::Cow;
use std::ops::ControlFlow;

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without its quotes, escapes as they stand.
    Text,
    Number,
    Boolean,
    Null,
    Object,
    Array,
}

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    pub kind: Kind,
    pub raw: &'a str,
}

/// Why a text could not be walked to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("Value looks like object, but can't find closing '}}' symbol")]
    Object,
    #[error("Value is array, but can't find closing ']' symbol")]
    Array,
    #[error("Value is string, but can't find closing '\"' symbol")]
    Text,
    #[error("Value looks like Number/Boolean/None, but can't find its end: ',' or '}}' symbol")]
    Value,
    #[error("Unknown value type")]
    UnknownType,
    #[error("Malformed JSON error")]
    Malformed,
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// Position of the quote that ends the string which began just before `at`.
fn text_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Position after the bracket that closes the one at `at`.
fn block_end(text: &[u8], mut at: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0usize;
    while let Some(&byte) = text.get(at) {
        if byte == b'"' {
            at = text_end(text, at + 1)?;
        } else if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        }
        at += 1;
    }
    None
}

/// The value that begins at `at`, which is no blank, and the position after it.
pub fn value_at(text: &str, at: usize) -> Result<(Value<'_>, usize), JsonError> {
    let bytes = text.as_bytes();
    match bytes.get(at) {
        None => Err(JsonError::Malformed),
        Some(b'"') => {
            let end = text_end(bytes, at + 1).ok_or(JsonError::Text)?;
            Ok((Value { kind: Kind::Text, raw: &text[at + 1..end] }, end + 1))
        }
        Some(b'{') => {
            let end = block_end(bytes, at, b'{', b'}').ok_or(JsonError::Object)?;
            Ok((Value { kind: Kind::Object, raw: &text[at..end] }, end))
        }
        Some(b'[') => {
            let end = block_end(bytes, at, b'[', b']').ok_or(JsonError::Array)?;
            Ok((Value { kind: Kind::Array, raw: &text[at..end] }, end))
        }
        Some(first) => {
            let ends = |b: &u8| matches!(b, b' ' | b',' | b'}' | b']' | b'\n' | b'\r' | b'\t');
            let length = bytes[at..].iter().position(ends).ok_or(JsonError::Value)?;
            let raw = &text[at..at + length];
            let kind = match (first, raw) {
                (b't', "true") | (b'f', "false") => Kind::Boolean,
                (b'n', "null") => Kind::Null,
                (b'0'..=b'9' | b'-', _) => Kind::Number,
                _ => return Err(JsonError::UnknownType),
            };
            Ok((Value { kind, raw }, at + length))
        }
    }
}

/// Calls `visit` with each key (escapes as they stand) and value of the object that `text` begins with.
///
/// A visitor that breaks ends the walk without an error; whether it did is the answer.
pub fn each_member<'a>(
    text: &'a str,
    mut visit: impl FnMut(&'a str, Value<'a>) -> Result<ControlFlow<()>, JsonError>,
) -> Result<ControlFlow<()>, JsonError> {
    each_key(text, |key, value| visit(key, value?))
}

/// As [`each_member`], but the visitor also learns of the key whose value cannot be read; there the walk ends.
pub fn each_key<'a>(
    text: &'a str,
    mut visit: impl FnMut(&'a str, Result<Value<'a>, JsonError>) -> Result<ControlFlow<()>, JsonError>,
) -> Result<ControlFlow<()>, JsonError> {
    let bytes = text.as_bytes();
    let mut at = skip_blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Err(JsonError::Object);
    }
    at = skip_blanks(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return Ok(ControlFlow::Continue(()));
    }
    loop {
        if bytes.get(at) != Some(&b'"') {
            return Err(JsonError::Object);
        }
        let key_end = text_end(bytes, at + 1).ok_or(JsonError::Text)?;
        let key = &text[at + 1..key_end];
        at = skip_blanks(bytes, key_end + 1);
        if bytes.get(at) != Some(&b':') {
            return Err(JsonError::Malformed);
        }
        at = skip_blanks(bytes, at + 1);
        let value = value_at(text, at);
        if visit(key, value.map(|(value, _)| value))?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        at = skip_blanks(bytes, value?.1);
        match bytes.get(at) {
            Some(b'}') => return Ok(ControlFlow::Continue(())),
            Some(b',') => at = skip_blanks(bytes, at + 1),
            _ => return Err(JsonError::Object),
        }
    }
}

/// Calls `visit` with each element of an array, until it breaks.
pub fn each_element<'a>(text: &'a str, mut visit: impl FnMut(Value<'a>) -> ControlFlow<()>) -> Result<(), JsonError> {
    let bytes = text.as_bytes();
    let mut at = skip_blanks(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return Err(JsonError::Array);
    }
    at = skip_blanks(bytes, at + 1);
    if bytes.get(at) == Some(&b']') {
        return Ok(());
    }
    loop {
        let (value, after) = value_at(text, at)?;
        if visit(value).is_break() {
            return Ok(());
        }
        at = skip_blanks(bytes, after);
        match bytes.get(at) {
            Some(b']') => return Ok(()),
            Some(b',') => at = skip_blanks(bytes, at + 1),
            _ => return Err(JsonError::Array),
        }
    }
}

/// The text that a string's inside stands for; `None` for an escape that JSON does not know.
pub fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    let Some(mut at) = raw.find('\\') else { return Some(Cow::Borrowed(raw)) };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..at]);
    loop {
        let rest = &raw[at + 1..];
        let escape = *rest.as_bytes().first()?;
        let mut used = 1;
        match escape {
            b'"' | b'\\' | b'/' => out.push(char::from(escape)),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let (c, length) = unicode(rest)?;
                out.push(c);
                used = length;
            }
            _ => return None,
        }
        let plain = &rest[used..];
        match plain.find('\\') {
            Some(next) => {
                out.push_str(&plain[..next]);
                at += 1 + used + next;
            }
            None => {
                out.push_str(plain);
                return Some(Cow::Owned(out));
            }
        }
    }
}

/// `uXXXX` or a surrogate pair of them at the start of `rest`, and how many bytes that took.
fn unicode(rest: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u32::from_str_radix(rest.get(at..at + 4)?, 16).ok();
    let first = unit(1)?;
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first)?, 5));
    }
    if rest.get(5..7) != Some("\\u") {
        return None;
    }
    let second = unit(7).filter(|u| first < 0xdc00 && (0xdc00..0xe000).contains(u))?;
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Some((char::from_u32(code)?, 11))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(text: &str) -> (Vec<(&str, &str)>, Option<JsonError>) {
        let mut seen = Vec::new();
        let result = each_member(text, |key, value| {
            seen.push((key, value.raw));
            Ok(ControlFlow::Continue(()))
        });
        (seen, result.err())
    }

    #[test]
    fn finds_keys_and_values() {
        let (seen, error) = members(r#" { "a" : "x\"y", "b":-1.5e3,"c":{"d":[1,"]"]} ,"e":null} trailing"#);
        assert_eq!(seen, [("a", r#"x\"y"#), ("b", "-1.5e3"), ("c", r#"{"d":[1,"]"]}"#), ("e", "null")]);
        assert_eq!(error, None);
    }

    #[test]
    fn keeps_what_came_before_the_error() {
        assert_eq!(members(r#"{"a":1,"#), (vec![("a", "1")], Some(JsonError::Object)));
        assert_eq!(members(r#"{"a":}"#).1, Some(JsonError::UnknownType));
        assert_eq!(members("plain").1, Some(JsonError::Object));
        assert_eq!(members("").1, Some(JsonError::Object));
        assert_eq!(members("{}").1, None);
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unescape(r#"O\u0027Neil \ud83d\ude00 a\tb\\"#).unwrap(), "O'Neil 😀 a\tb\\");
        assert_eq!(unescape(r"bad \x escape"), None);
        assert_eq!(unescape(r"\ud83d alone"), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in r#"[\[\]{}",:\\a0ntu ä]*"#) {
            members(&text);
            let _ = each_element(&text, |_| ControlFlow::Continue(()));
            let _ = unescape(&text);
        }
    }
}
