//! Why a query was refused.

use super::ast::Span;

/// A query that is no PromQL, or PromQL that cannot mean anything; worded and placed as Prometheus does, because its
/// clients show and match that. `Display`: `1:5: parse error: ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: parse error: {message}")]
pub struct ParseError {
    /// The text that is to blame.
    pub span: Span,
    pub message: String,
    /// Line and column of the start, both from 1, the column in bytes; `unknown position` in an empty query.
    place: String,
}

impl ParseError {
    pub(super) fn new(query: &str, span: Span, message: impl Into<String>) -> Self {
        ParseError { span, message: message.into(), place: place(query, span.start as usize) }
    }
}

fn place(query: &str, at: usize) -> String {
    if query.is_empty() {
        return "unknown position".into();
    }
    let before = &query.as_bytes()[..at.min(query.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_line_and_column() {
        let at = |query, start| ParseError::new(query, Span::new(start, start), "x").to_string();
        assert_eq!(at("up +", 3), "1:4: parse error: x");
        assert_eq!(at("up\n+ b", 5), "2:3: parse error: x");
        assert_eq!(at("", 0), "unknown position: parse error: x");
    }
}
