//! Tests of the metric store as a whole.

mod blocks;
mod contract;
mod delete;
mod exemplars;
mod limits;
mod model;
mod record;
mod recovery;
