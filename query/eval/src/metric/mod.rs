//! Numbers: functions over ranges of lines, and operators over the series they give.
//!
//! A metric query is a tree whose leaves are range aggregations. [`leaves`] lists them; for each, [`RangeQuery`] turns
//! lines into samples and a [`RangeAggregator`] (one per thread, merged at the end) turns samples into series; then
//! [`evaluate`] computes the tree above. Nothing here knows where lines come from.

mod aggregate;
mod binary;
mod cells;
mod evaluate;
mod index;
mod label_replace;
mod matching;
mod range;
mod sample;
mod table;
mod topk;

pub use evaluate::{Leaf, evaluate, leaves};
pub use range::RangeAggregator;
pub use sample::RangeQuery;
pub use table::{Evaluated, Series, Steps, Table};

#[cfg(test)]
mod tests;
