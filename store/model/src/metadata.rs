//! Structured metadata of a line as one string: a JSON object of strings, names sorted, no blanks; empty for none.
//!
//! One string per row keeps the column flat and dictionary friendly, and any Parquet reader can parse it.

use std::borrow::Cow;

/// Appends the encoding of `pairs`; appends nothing when there are none. Of a repeated name the last value wins.
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, out: &mut String) {
    let mut pairs = pairs.into_iter();
    let Some(first) = pairs.next() else { return };
    let mut all: Vec<(&str, &str)> = Vec::with_capacity(1 + pairs.size_hint().0);
    all.push(first);
    all.extend(pairs);
    all.sort_by_key(|(name, _)| *name);
    out.push('{');
    for at in 0..all.len() {
        let (name, value) = all[at];
        if all.get(at + 1).is_some_and(|next| next.0 == name) {
            continue;
        }
        if !out.ends_with('{') {
            out.push(',');
        }
        quote(name, out);
        out.push(':');
        quote(value, out);
    }
    out.push('}');
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// The pairs of an encoded string, in order of name. A string that [`encode`] did not write ends the iteration early.
pub fn iter(encoded: &str) -> Pairs<'_> {
    Pairs { rest: encoded.strip_prefix('{').unwrap_or("") }
}

/// Iterator of [`iter`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = unquote(self.rest.strip_prefix(',').unwrap_or(self.rest))?;
        let (value, rest) = unquote(rest.strip_prefix(':')?)?;
        self.rest = rest;
        Some((name, value))
    }
}

fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.strip_prefix('"')?;
    let end = memchr_quote(text)?;
    let (raw, rest) = (&text[..end], &text[end + 1..]);
    if !raw.contains('\\') {
        return Some((Cow::Borrowed(raw), rest));
    }
    let quoted = format!("\"{raw}\"");
    Some((Cow::Owned(serde_json::from_str(&quoted).ok()?), rest))
}

fn memchr_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(pairs in proptest::collection::btree_map(".*", ".*", 0..6)) {
            let mut encoded = String::new();
            encode(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())), &mut encoded);
            let back: BTreeMap<String, String> = iter(&encoded).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
            prop_assert_eq!(&back, &pairs);
            if !pairs.is_empty() {
                let json: BTreeMap<String, String> = serde_json::from_str(&encoded).unwrap();
                prop_assert_eq!(json, pairs);
            }
        }

        #[test]
        fn garbage_never_panics(text in ".*") {
            let _ = iter(&text).count();
        }
    }
}
