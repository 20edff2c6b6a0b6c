//! PromQL: text to syntax tree and back.
//!
//! Pure and synchronous. It never evaluates and never looks at data. Errors are worded and placed as Prometheus does.
//!
//! Start with [`parse`], [`ast::Expr`] and [`Function`].

pub mod ast;
mod check;
mod error;
mod function;
mod json;
mod lex;
mod parser;
mod pretty;
mod print;
pub mod script;
pub mod series;
mod token;

pub use ast::Expr;
pub use error::ParseError;
pub use function::{Function, Signature};

use ast::Span;
use gantry_model::{LabelSet, Selector};

/// Longest query, in bytes.
pub const MAX_QUERY_BYTES: usize = crate::MAX_QUERY_BYTES;
/// Deepest tree. A sum of that many terms is one, too.
pub const MAX_DEPTH: u32 = 256;

/// Parts of the language that Prometheus has behind feature flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Functions and aggregations that are marked as experimental (`promql-experimental-functions`).
    pub experimental_functions: bool,
    /// `[5m * 2]`, `offset step()` (`promql-duration-expr`).
    pub duration_expressions: bool,
    /// `anchored` and `smoothed` (`promql-extended-range-selectors`).
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left`, `fill_right` (`promql-binop-fill-modifiers`).
    pub fill_modifiers: bool,
}

impl Options {
    /// The whole language.
    pub const ALL: Options = Options {
        experimental_functions: true,
        duration_expressions: true,
        extended_range_selectors: true,
        fill_modifiers: true,
    };
}

/// Reads a query and checks its types.
pub fn parse(query: &str, options: Options) -> Result<Expr, ParseError> {
    check_length(query)?;
    let mut expr = parser::Parser::new(query, options).whole_expression()?;
    check::Checker { query }.expr(&mut expr)?;
    Ok(expr)
}

/// Reads a selector such as `up{job="a"}` or `{job=~"a|b"}`. One that selects everything is allowed.
pub fn parse_selector(query: &str) -> Result<Selector, ParseError> {
    check_length(query)?;
    Ok(parser::Parser::new(query, Options::default()).whole_selector()?.selector)
}

/// Reads the labels of one series, e.g. `up{job="a"}`, and nothing else.
pub fn parse_metric(text: &str) -> Result<LabelSet, ParseError> {
    check_length(text)?;
    parser::Parser::new(text, Options::default()).whole_metric()
}

/// Reads the labels of one series, e.g. `up{job="a"}`, at the start of a text; answers the byte behind them, too.
pub fn parse_labels(text: &str) -> Result<(LabelSet, usize), ParseError> {
    check_length(text)?;
    parser::Parser::new(text, Options::default()).label_set()
}

fn check_length(query: &str) -> Result<(), ParseError> {
    if query.len() <= MAX_QUERY_BYTES {
        return Ok(());
    }
    let message = format!("query is too long: {} bytes, at most {MAX_QUERY_BYTES} are allowed", query.len());
    Err(ParseError::new(query, Span::default(), message))
}
