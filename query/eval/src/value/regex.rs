//! Regular expressions as Go reads them: `\d`, `\w`, `\s` and `\b` know ASCII only.

use gantry_model::RegexError;
use regex::{Regex, RegexBuilder};

/// Most bytes that a compiled pattern may take.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles a pattern with a limit on the size of its program.
pub fn compile_regex(pattern: &str) -> Result<Regex, RegexError> {
    RegexBuilder::new(&ascii_classes(pattern)).size_limit(SIZE_LIMIT).build().map_err(|e| RegexError(e.to_string()))
}

fn ascii_classes(pattern: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(pattern.len() + 16), pattern);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at + 1..].chars().next();
        let length = 1 + escape.map_or(0, char::len_utf8);
        match escape {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[\t\n\f\r ]"),
            Some('S') => out.push_str(r"[^\t\n\f\r ]"),
            Some('b') => out.push_str(r"(?-u:\b)"),
            Some('C') => out.push_str("(?s:.)"),
            _ => out.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii() {
        assert!(!compile_regex(r"^\w$").unwrap().is_match("ü"));
        assert!(compile_regex(r"^[\w-]+\s\d$").unwrap().is_match("a-b 1"));
        assert!(compile_regex(r"^\\d$").unwrap().is_match(r"\d"));
        assert!(compile_regex("((a{200}){200}){200}").is_err());
    }
}
