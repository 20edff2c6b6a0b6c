//! Checks of what stands inside the strings of a query: regexes, patterns, paths, addresses. Each answers with the
//! words that Loki's clients know.

mod ip;
mod path;
mod pattern;
mod regex;

pub use ip::ip_pattern;
pub use path::{json_path, logfmt_key};
pub use pattern::{line_pattern, pattern_parser};
pub use regex::{regex, regexp_parser, rust_regex};
