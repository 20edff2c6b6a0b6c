//! Writing JSON straight into a buffer: no tree, no allocation per line.

use gantry_model::Timestamp;
use std::fmt::Write;

/// Appends `text` as a JSON string.
pub fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => hex_escape(other, out),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn hex_escape(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push_str("\\u00");
    out.push(HEX[usize::from(byte >> 4)] as char);
    out.push(HEX[usize::from(byte & 15)] as char);
}

/// Appends an object of strings.
pub fn object<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, out: &mut String) {
    out.push('{');
    list(pairs, out, |(name, value), out| {
        string(name, out);
        out.push(':');
        string(value, out);
    });
    out.push('}');
}

/// Appends items with commas between them.
pub fn list<T>(items: impl IntoIterator<Item = T>, out: &mut String, mut write: impl FnMut(T, &mut String)) {
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// Appends an array of strings.
pub fn strings<'a>(items: impl IntoIterator<Item = &'a str>, out: &mut String) {
    out.push('[');
    list(items, out, string);
    out.push(']');
}

/// Appends a number that displays as JSON, such as any integer.
pub fn number(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

/// As [`seconds`], of milliseconds since 1970.
pub fn millis(at_ms: i64, out: &mut String) {
    let at = at_ms.unsigned_abs();
    if at_ms < 0 {
        out.push('-');
    }
    out.push_str(itoa::Buffer::new().format(at / 1000));
    if !at.is_multiple_of(1000) {
        let _ = write!(out, ".{:03}", at % 1000);
    }
}

/// Appends seconds since 1970 with milliseconds, as Prometheus writes sample times.
pub fn seconds(at: Timestamp, out: &mut String) {
    let millis = at.nanos().div_euclid(1_000_000);
    self::millis(millis, out);
}

/// Appends a sample value, which is a string: `"1.5"`, `"+Inf"`, `"NaN"`.
pub fn sample(value: f64, out: &mut String) {
    let _ = match value {
        v if v.is_nan() => write!(out, "\"NaN\""),
        f64::INFINITY => write!(out, "\"+Inf\""),
        f64::NEG_INFINITY => write!(out, "\"-Inf\""),
        v => write!(out, "\"{v}\""),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_survive_a_round_trip() {
        for text in ["", "plain", "tab\t quote\" back\\ bell\u{7} esc\u{1b}[0m ü €"] {
            let mut out = String::new();
            string(text, &mut out);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn times_and_values_look_as_in_prometheus() {
        let mut out = String::new();
        seconds(Timestamp::from_millis(1_715_684_400_250), &mut out);
        out.push(' ');
        seconds(Timestamp::from_secs(5), &mut out);
        sample(f64::INFINITY, &mut out);
        sample(0.25, &mut out);
        millis(-500, &mut out);
        assert_eq!(out, r#"1715684400.250 5"+Inf""0.25"-0.500"#);
    }
}
