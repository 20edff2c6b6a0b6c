//! Texts as Go writes them: quoted strings and numbers.

use std::fmt::Write;

/// A double-quoted literal with Go's escapes: what is printable stays, the rest is escaped.
pub fn quote(text: &str) -> String {
    quote_in(text.chars(), '"', text.len())
}

/// The same for bytes that need not be UTF-8.
pub fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for chunk in bytes.utf8_chunks() {
        let quoted = quote(chunk.valid());
        out.push_str(&quoted[1..quoted.len() - 1]);
        // Writing to a string never fails.
        chunk.invalid().iter().for_each(|byte| _ = write!(out, "\\x{byte:02x}"));
    }
    out.push('"');
    out
}

/// A character in single quotes, with Go's escapes.
pub fn quote_char(c: char) -> String {
    quote_in(std::iter::once(c), '\'', 1)
}

fn quote_in(text: impl Iterator<Item = char>, mark: char, length: usize) -> String {
    let mut out = String::with_capacity(length + 2);
    out.push(mark);
    for c in text {
        match c {
            c if c == mark => out.extend(['\\', c]),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' ' => out.push(' '),
            c if is_printable(c) => out.push(c),
            c => escape(c, &mut out),
        }
    }
    out.push(mark);
    out
}

/// Rust escapes in `Debug` what Unicode calls neither printable nor a grapheme extension; Go prints the latter.
fn is_printable(c: char) -> bool {
    if c.is_control() || c.is_whitespace() {
        return false;
    }
    c.is_ascii() || c.is_alphanumeric() || c == '\u{fffd}' || !c.escape_debug().to_string().starts_with("\\u")
}

fn escape(c: char, out: &mut String) {
    let code = c as u32;
    // Writing to a string never fails.
    let _ = match code {
        0..0x80 => write!(out, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Shortest decimal digits that read back as the same number, never with an exponent (Go's `'f', -1`).
pub fn plain_float(value: f64) -> String {
    special(value).unwrap_or_else(|| format!("{value}"))
}

/// With this many digits behind the point (Go's `'f'`).
pub fn fixed_float(value: f64, digits: usize) -> String {
    special(value).unwrap_or_else(|| format!("{value:.digits$}"))
}

/// As Go prints a number by default: like [`plain_float`], but with an exponent below 1e-4 and from 1e21.
pub fn default_float(value: f64) -> String {
    let size = value.abs();
    if let Some(text) = special(value) {
        return text;
    }
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |e| ("-", e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{value}")
}

/// Shortest text that reads back as `value`; with an exponent below 1e-4 and from 1e6 on.
pub fn general_float(value: f64) -> String {
    if !value.is_finite() {
        return special(value).unwrap_or_default();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    } else {
        format!("{value}")
    }
}

/// With an exponent and this many digits behind the point (Go's `%.3e`).
pub fn exponent_float(value: f64, digits: usize) -> String {
    special(value).unwrap_or_else(|| {
        let text = format!("{value:.digits$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    })
}

/// With at most this many digits that count, at least one, and an exponent where those would not do (Go's `%.4g`).
pub fn significant_float(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let text = exponent_float(value, digits - 1);
    let Some((mantissa, power)) = text.split_once('e') else { return text };
    let power: i32 = power.parse().unwrap_or(0);
    let trimmed =
        |t: &str| if t.contains('.') { t.trim_end_matches('0').trim_end_matches('.').to_owned() } else { t.to_owned() };
    if power < -4 || power >= digits as i32 {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), power.abs());
    }
    trimmed(&format!("{value:.*}", usize::try_from(digits as i32 - 1 - power).unwrap_or(0)))
}

fn special(value: f64) -> Option<String> {
    let text = match value {
        v if v.is_nan() => "NaN",
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => return None,
    };
    Some(text.into())
}

/// What a double-quoted literal's inside means. `None` for an escape that Go does not know. Bytes that are no UTF-8
/// become U+FFFD.
pub fn unescape(inside: &str) -> Option<String> {
    unescape_in(inside, '"').map(lossy)
}

/// Bytes that are no UTF-8 become U+FFFD.
pub fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// The same for a literal between other quotes; its bytes need not be UTF-8.
pub fn unescape_in(inside: &str, mark: char) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let kind = rest[at + 1..].chars().next()?;
        let after = &rest[at + 1 + kind.len_utf8()..];
        if kind == mark {
            bytes.push(mark as u8);
            rest = after;
        } else {
            rest = unescape_one(kind, &rest[at + 1..], after, &mut bytes)?;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// One escape; answers what follows it. `body` starts at the character after the backslash, `after` one further.
fn unescape_one<'a>(kind: char, body: &'a str, after: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let simple = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => kind as u8,
        '0'..='7' => return number(body, 3, 8, true, bytes),
        'x' => return number(after, 2, 16, true, bytes),
        'u' => return number(after, 4, 16, false, bytes),
        'U' => return number(after, 8, 16, false, bytes),
        _ => return None,
    };
    bytes.push(simple);
    Some(after)
}

fn number<'a>(text: &'a str, width: usize, base: u32, is_byte: bool, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let digits = text.get(..width)?;
    let code = digits.chars().try_fold(0u32, |n, c| Some(n.wrapping_mul(base) + c.to_digit(base)?))?;
    if is_byte {
        bytes.push(u8::try_from(code).ok()?);
    } else {
        bytes.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(&text[width..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_and_unescaping_are_inverse() {
        for text in ["plain", "tab\t\"q\" \\ \u{1} \u{e9} \u{65e5} \u{200b}\u{a0}", ""] {
            let quoted = quote(text);
            assert_eq!(unescape(&quoted[1..quoted.len() - 1]).as_deref(), Some(text));
        }
        assert_eq!(quote("\u{1}\u{200b}"), r#""\x01\u200b""#);
    }

    #[test]
    fn numbers_look_as_go_prints_them() {
        assert_eq!(default_float(3.0), "3");
        assert_eq!(default_float(1e-9), "1e-09");
        assert_eq!(default_float(1.5e21), "1.5e+21");
        for (value, text) in [
            (1073741824.0, "1.073741824e+09"),
            (0.30000000000000004, "0.30000000000000004"),
            (1e-7, "1e-07"),
            (-0.0, "-0"),
        ] {
            assert_eq!(general_float(value), text);
        }
        assert_eq!(plain_float(1e22), "10000000000000000000000");
        assert_eq!(exponent_float(-1234.5, 3), "-1.234e+03");
        let significant =
            [0.0, -1.5, 1e-5, 0.000_123_456, 999.96, 12345.0, f64::INFINITY].map(|v| significant_float(v, 4));
        assert_eq!(significant, ["0", "-1.5", "1e-05", "0.0001235", "1000", "1.234e+04", "+Inf"]);
    }
}
