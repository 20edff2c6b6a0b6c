//! Regular expressions as Go reads them, see [`rust_regex`].

use gantry_model::RegexError;
use gantry_query_lang::rust_regex;
use regex::{Regex, RegexBuilder};

/// Most bytes that a compiled pattern may take.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles a pattern with a limit on the size of its program.
pub fn compile_regex(pattern: &str) -> Result<Regex, RegexError> {
    let translated = rust_regex(pattern).map_err(RegexError)?;
    RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).build().map_err(|e| RegexError(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii() {
        assert!(!compile_regex(r"^\w$").unwrap().is_match("ü"));
        assert!(compile_regex(r"^[\w-]+\s\d$").unwrap().is_match("a-b 1"));
        assert!(compile_regex(r"^\\d$").unwrap().is_match(r"\d"));
        assert!(compile_regex(r"\Q[x]\E{").unwrap().is_match("a[x]{"));
        assert!(compile_regex("((a{200}){200}){200}").is_err());
    }
}
