//! PromQL: text to syntax tree and back.
//!
//! Pure and synchronous. It never evaluates and never looks at data. Errors are worded and placed as Prometheus does.
//!
//! Start with [`ast::Expr`] and [`Function`].

pub mod ast;
mod error;
mod function;

pub use ast::Expr;
pub use error::ParseError;
pub use function::{Function, Signature};

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
