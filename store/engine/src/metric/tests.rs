//! Tests of the metric store as a whole.

mod recovery;
