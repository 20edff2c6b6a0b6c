//! What is asked and answered.

use crate::{Cell, Column};
use gantry_model::LabelSet;
use std::collections::BTreeSet;

/// The instants of a query: `start`, `start + step`, ... up to `end`, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub start: i64,
    pub end: i64,
    /// Positive.
    pub step: i64,
}

impl Steps {
    /// A single instant.
    pub fn instant(at: i64) -> Self {
        Steps { start: at, end: at, step: 1 }
    }

    pub fn count(&self) -> usize {
        if self.end < self.start { 0 } else { ((self.end - self.start) / self.step + 1) as usize }
    }

    pub fn at(&self, step: usize) -> i64 {
        self.start + step as i64 * self.step
    }

    pub fn iter(&self) -> impl Iterator<Item = i64> + use<> {
        let steps = *self;
        (0..steps.count()).map(move |step| steps.at(step))
    }
}

/// When and how a query is evaluated. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    pub steps: Steps,
    /// An instant query: a range vector is an answer, and the order of `sort` counts.
    pub instant: bool,
    /// How old the newest sample of a series may be; it must be younger.
    pub lookback: i64,
    /// Distance of the instants of a subquery that does not say.
    pub subquery_step: i64,
    /// Most samples that may be read.
    pub max_samples: u64,
    /// Threads that read series; at least 1.
    pub threads: usize,
}

/// While a query is evaluated: the values of a series at all steps.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) labels: LabelSet,
    /// The name goes at the end of the query: until then it may tell series apart and be copied.
    pub(crate) drop_name: bool,
    pub(crate) column: Column,
}

/// One series with a cell for every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: LabelSet,
    pub cells: Vec<Cell>,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number for every step.
    Scalar(Vec<f64>),
    String(String),
    /// Each label set once, no series without a value; in the order that the query asks for.
    Vector(Vec<Series>),
    /// Samples of an instant query for a range: of each series the times and cells.
    Matrix(Vec<(LabelSet, Vec<(i64, Cell)>)>),
}

/// Warnings (the answer may be wrong) and infos (the question may be), each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    pub warnings: BTreeSet<String>,
    pub infos: BTreeSet<String>,
}

/// A value, and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub value: Value,
    pub annotations: Annotations,
    /// Samples that were read.
    pub samples: u64,
}
