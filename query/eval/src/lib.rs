//! Evaluates LogQL over rows: pipelines over lines, functions over ranges, operators over series.
//!
//! Pure and synchronous. It never reads a store, a clock or a socket; rows come in, lines and numbers go out.
//!
//! Start with [`Pipeline`] for log queries, [`metric`] for numbers and [`detect`] for what lines contain.

pub mod detect;
mod error;
pub mod metric;
pub mod parse;
pub mod pattern;
mod pipeline;
mod series;
pub mod template;
pub mod value;

pub use error::EvalError;
pub use pipeline::{Category, Hints, Options, Pipeline, Row, Scratch, Stream, store_line_filter};
pub use series::Labels;
pub use template::Templates;
