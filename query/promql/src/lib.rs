//! The evaluator of PromQL: semantics of Prometheus 3.
//!
//! Pure and synchronous: it reads samples from a [`Source`] and never fetches, stores or waits. Values of all steps of a
//! series stand in one column, and aggregations take series one by one as they are read.
//! Start with [`evaluate`]; [`Source`] is where series come from.

mod aggregate;
mod answer;
mod binary;
mod call;
mod classic;
mod column;
mod elementwise;
mod error;
mod eval;
pub mod histogram;
mod info;
mod labels;
pub mod memory;
mod notes;
mod number;
mod overlay;
mod query;
mod range;
mod select;
mod source;
mod stepwise;

pub use answer::{Annotations, Answer, Params, Series, Steps, Value};
pub use column::Cell;
pub use error::EvalError;
pub use overlay::Overlay;
pub use query::{evaluate, selections};
pub use source::{Select, SeriesSet, Source, SourceError};
pub use stepwise::is_stepwise;

use column::Column;
