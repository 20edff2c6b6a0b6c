//! Text to number and back, by the rules of the language LogQL grew up in: floats, durations, byte sizes, IP addresses.

mod bytes;
mod duration;
mod float;
pub mod ip;
mod regex;

pub use self::regex::compile_regex;
pub use bytes::parse_bytes;
pub use duration::parse_duration;
pub use float::{format_sample, parse_float};

/// A text that is no number of the wanted kind; the message goes into `__error_details__`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

/// A text between quotes, with escapes where needed.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
