//! The level of a line: from a label that says so, else from the line.

use crate::parse::json::{self, Kind};
use crate::parse::logfmt;
use gantry_model::metadata;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Names under which loggers write the level, in order of preference; case does not matter.
const KEYS: [&str; 6] = ["level", "severity", "severity_text", "log.level", "severitytext", "lvl"];

const WORDS: [(&str, &str); 19] = [
    ("trace", "trace"),
    ("trc", "trace"),
    ("debug", "debug"),
    ("dbg", "debug"),
    ("info", "info"),
    ("inf", "info"),
    ("information", "info"),
    ("notice", "info"),
    ("warn", "warn"),
    ("wrn", "warn"),
    ("warning", "warn"),
    ("error", "error"),
    ("err", "error"),
    ("eror", "error"),
    ("critical", "critical"),
    ("crit", "critical"),
    ("fatal", "fatal"),
    ("panic", "fatal"),
    ("emerg", "fatal"),
];

/// One of trace, debug, info, warn, error, critical, fatal, unknown; or, where a label names the level in a word of its
/// own, that word in lower case.
///
/// Looks at the stream's labels, then at the structured metadata (as [`metadata`] encodes it; also OpenTelemetry's
/// `severity_number`), then at the keys of a JSON or logfmt line, then at the words of the line.
pub fn detected_level<'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    metadata: &str,
    body: &str,
) -> Cow<'static, str> {
    level_of_labels(labels, metadata).unwrap_or_else(|| Cow::Borrowed(level_of_line(body)))
}

/// The level that labels or metadata name, if they do: the first part of [`detected_level`].
pub fn level_of_labels<'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    metadata: &str,
) -> Option<Cow<'static, str>> {
    let mut best: Option<(usize, Cow<'static, str>)> = None;
    let mut offer = |key: &str, value: &str| {
        let rank = KEYS.iter().position(|known| known.eq_ignore_ascii_case(key));
        if let Some(rank) = rank.filter(|rank| !value.is_empty() && best.as_ref().is_none_or(|(b, _)| rank < b)) {
            best = Some((rank, normal(value)));
        }
    };
    labels.into_iter().for_each(|(key, value)| offer(key, value));
    let pairs = || metadata::iter(metadata);
    pairs().for_each(|(key, value)| offer(&key, &value));
    if let Some((_, level)) = best {
        return Some(level);
    }
    let number = pairs().find(|(key, _)| key == "severity_number").and_then(|(_, value)| value.parse().ok());
    number.and_then(by_number).map(Cow::Borrowed)
}

/// OpenTelemetry's `SeverityNumber`, 1 to 24.
fn by_number(number: i32) -> Option<&'static str> {
    gantry_model::Severity::from_number(number).map(gantry_model::Severity::as_str)
}

fn known(word: &str) -> Option<&'static str> {
    // Nearly every word of a line ends here.
    let first = word.as_bytes().first()? | 0x20;
    if !(3..=11).contains(&word.len()) || !b"tdinwecfp".contains(&first) {
        return None;
    }
    WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

fn normal(value: &str) -> Cow<'static, str> {
    known(value.trim()).map_or_else(|| Cow::Owned(value.to_lowercase()), Cow::Borrowed)
}

/// The level that the text of a line names, else `unknown`: the second part of [`detected_level`].
pub fn level_of_line(body: &str) -> &'static str {
    let by_key = if body.trim_start().starts_with('{') { json_level(body) } else { logfmt_level(body) };
    by_key.or_else(|| words(body)).unwrap_or("unknown")
}

fn is_key(key: &str) -> bool {
    let could_be = |first: &u8| matches!(first | 0x20, b'l' | b's');
    key.as_bytes().first().is_some_and(could_be) && KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

fn json_level(body: &str) -> Option<&'static str> {
    let mut level = None;
    let walk = json::each_member(body, |key, value| {
        if value.kind == Kind::Text && is_key(key) {
            level = known(value.raw);
        }
        Ok(if level.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    walk.ok().and(level)
}

fn logfmt_level(body: &str) -> Option<&'static str> {
    if !body.contains('=') {
        return None;
    }
    logfmt::pairs(body).flatten().find_map(|(key, value)| if is_key(key) { known(&value) } else { None })
}

/// How much of a long line is searched for words.
const SEARCHED: usize = 512;

/// The first word of the line that names a level. In lower case `trace` is nearly always the name of a trace id.
fn words(body: &str) -> Option<&'static str> {
    let end = (0..=SEARCHED.min(body.len())).rev().find(|at| body.is_char_boundary(*at))?;
    let text = &body[..end];
    let words = text.as_bytes().split(|byte| !byte.is_ascii_alphabetic());
    let words = words.filter_map(|word| std::str::from_utf8(word).ok());
    words.filter(|word| !matches!(*word, "trace" | "Trace")).find_map(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_come_before_metadata_and_metadata_before_the_line() {
        let line = "level=debug something";
        assert_eq!(detected_level([("level", "ERROR")], r#"{"severity":"warn"}"#, line), "error");
        assert_eq!(detected_level([("app", "x")], r#"{"severity":"Warning"}"#, line), "warn");
        assert_eq!(detected_level([], r#"{"severity_number":"17"}"#, line), "error");
        assert_eq!(detected_level([], "", line), "debug");
        assert_eq!(detected_level([("level", "Custom")], "", line), "custom");
    }

    #[test]
    fn lines_tell_by_keys_or_words() {
        assert_eq!(detected_level([], "", r#"{"msg":"an error","lvl":"inf"}"#), "info");
        assert_eq!(detected_level([], "", "2024-05-14 [WARN] disk almost full, error soon"), "warn");
        assert_eq!(detected_level([], "", "information about terror"), "info");
        assert_eq!(detected_level([], "", "nothing to see"), "unknown");
        assert_eq!(detected_level([], "", "GET / 200 trace=77"), "unknown");
        assert_eq!(detected_level([], "", "TRACE entering"), "trace");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in ".*", metadata in ".*") {
            detected_level([], &metadata, &body);
        }
    }
}
