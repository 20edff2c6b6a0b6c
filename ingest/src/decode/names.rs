//! Names of labels and structured metadata, as queries can write them.

use std::borrow::Cow;

/// `name` with everything outside `[a-zA-Z0-9_]` replaced by `_`, and `key_` in front of a leading digit: the translation
/// that Loki and the OpenTelemetry collector document for Prometheus-style names.
pub(crate) fn legal(name: &str) -> Cow<'_, str> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let leading_digit = name.as_bytes().first().is_some_and(u8::is_ascii_digit);
    if !name.is_empty() && !leading_digit && name.bytes().all(is_legal) {
        return Cow::Borrowed(name);
    }
    let mut legal = String::with_capacity(name.len() + 4);
    if leading_digit {
        legal.push_str("key_");
    }
    legal.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    Cow::Owned(if legal.is_empty() { "_".to_owned() } else { legal })
}

/// As [`legal`], for a name that may be owned.
pub(crate) fn legal_cow(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => legal(name),
        Cow::Owned(name) => Cow::Owned(legal(&name).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_one_that_a_query_can_write() {
        let cases =
            [("plain_1", "plain_1"), ("k8s.pod.name", "k8s_pod_name"), ("1st", "key_1st"), ("ä", "_"), ("", "_")];
        for (name, expected) in cases {
            assert_eq!(legal(name), expected);
        }
    }
}
