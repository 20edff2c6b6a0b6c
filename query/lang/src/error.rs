//! Why a query was refused.

use std::fmt;

/// A query that is no LogQL, or LogQL that cannot mean anything. The text is the one that Loki's clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// From 1. 0 where the lexer had already read on into the token (as Loki reports it); with `column` 0 too: the
    /// query as a whole.
    pub line: u32,
    /// In characters, from 1; 0 together with `line`.
    pub column: u32,
    pub message: String,
}

impl ParseError {
    /// An error at a place in the query.
    pub fn at(line: u32, column: u32, message: impl Into<String>) -> Self {
        ParseError { line, column, message: message.into() }
    }

    /// An error of the query as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        ParseError::at(0, 0, message)
    }

    /// An error of one stage, which is named in its printed form.
    pub(crate) fn stage(stage: impl fmt::Display, cause: impl fmt::Display) -> Self {
        ParseError::whole(format!("stage '{stage}' : {cause}"))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, 0) => write!(f, "parse error : {}", self.message),
            (line, column) => write!(f, "parse error at line {line}, col {column}: {}", self.message),
        }
    }
}
