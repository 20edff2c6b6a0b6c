//! LogQL and, in [`promql`], PromQL: text to syntax tree and back.
//!
//! Pure and synchronous. It never evaluates, never looks at data, and knows nothing of Go templates beyond their place
//! ([`parse_with`] takes someone who does). Errors are worded as Loki words them, because clients show and match them.
//!
//! Start with [`parse`] and [`ast::Expr`]; then `grammar`, which is the language, and `lr`, which runs it.

pub mod ast;
mod check;
pub mod duration;
mod error;
pub mod gotext;
mod grammar;
mod lex;
mod lr;
mod parser;
mod pretty;
mod print;
pub mod promql;
pub mod size;
mod validate;
mod value;

pub use ast::Expr;
pub use check::rust_regex;
pub use error::ParseError;
pub use validate::{AnyTemplate, TemplateCheck};

/// Longest query, in bytes.
pub const MAX_QUERY_BYTES: usize = 128 << 10;
/// Deepest nesting of expressions, parentheses included.
pub const MAX_NESTING: usize = 256;

/// Reads a query; templates are taken as they are.
pub fn parse(input: &str) -> Result<Expr, ParseError> {
    parse_with(input, &AnyTemplate)
}

/// Reads a query whose templates must pass `templates`.
pub fn parse_with(input: &str, templates: &dyn TemplateCheck) -> Result<Expr, ParseError> {
    if input.len() > MAX_QUERY_BYTES {
        let message = format!("input size too long ({} > {MAX_QUERY_BYTES})", input.len());
        return Err(ParseError::whole(message));
    }
    let expr = parser::parse(input)?;
    validate::validate(&expr, templates)?;
    Ok(expr)
}
