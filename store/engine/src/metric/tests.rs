//! Tests of the metric store as a whole.

mod blocks;
mod model;
mod recovery;
