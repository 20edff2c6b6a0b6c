//! Readers of the formats that lines are written in. They find keys and values in a text and borrow both from it; what
//! becomes of them is the business of `crate::pipeline`.
//!
//! All are lenient in the ways LogQL is lenient, and none panics, whatever the text.

pub mod json;
pub mod json_path;
pub mod logfmt;
pub mod pattern;

/// Appends `key` with everything but ASCII letters, digits and `_` replaced by `_`; a digit at the very start of `out`
/// gets a `_` before it. Nothing is appended for a blank key.
pub fn sanitize_into(key: &str, out: &mut String) {
    let key = key.trim();
    if out.is_empty() && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}

/// A label name made from any key.
pub fn sanitize(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 1);
    sanitize_into(key, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_legal() {
        assert_eq!(sanitize("weird-key.name"), "weird_key_name");
        assert_eq!(sanitize("9lives"), "_9lives");
        assert_eq!(sanitize(" with space "), "with_space");
        assert_eq!(sanitize("ключ"), "____");
        assert_eq!(sanitize(" "), "");
    }
}
