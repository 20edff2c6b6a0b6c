//! What expressions are worth: series of values at the steps of a query.

use crate::Annotations;
use gantry_model::LabelSet;
use gantry_model::metric::NativeHistogram;
use std::sync::Arc;

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

/// The value of a series at one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    #[default]
    Empty,
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

impl Cell {
    pub fn is_empty(&self) -> bool {
        matches!(self, Cell::Empty)
    }

    pub fn float(&self) -> Option<f64> {
        if let Cell::Float(value) = self { Some(*value) } else { None }
    }

    /// The number changed by `f`; nothing of anything else.
    pub(crate) fn map_float(&self, f: impl Fn(f64) -> f64) -> Cell {
        self.float().map_or(Cell::Empty, |value| Cell::Float(f(value)))
    }
}

/// One series with a cell for every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: LabelSet,
    /// The name goes at the end of the query: until then it may tell series apart and be copied.
    pub drop_name: bool,
    pub cells: Vec<Cell>,
}

impl Series {
    pub(crate) fn has_values(&self) -> bool {
        self.cells.iter().any(|cell| !cell.is_empty())
    }
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

/// A value, and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub value: Value,
    pub annotations: Annotations,
    /// Samples that were read.
    pub samples: u64,
}
